import ArgumentParser

struct StatementVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "statement",
        abstract: "Work with what officers sign: attested documents, declared emergencies.",
        subcommands: [
            StatementAttest.self, StatementDeclare.self, StatementAdd.self, StatementList.self,
        ])
}
