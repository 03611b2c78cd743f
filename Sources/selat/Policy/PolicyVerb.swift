import ArgumentParser

struct PolicyVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Work with policy files.",
        subcommands: [
            PolicyCheck.self, PolicyTest.self, PolicyDiff.self, PolicyGaps.self,
            PolicyExplain.self, PolicyMatrixVerb.self, PolicyFormat.self, PolicyNew.self,
            PolicySchema.self, PolicySign.self, PolicyActivate.self, PolicyStatus.self,
            PolicyReplay.self,
        ])
}
