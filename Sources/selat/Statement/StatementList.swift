import ArgumentParser
import SelatControl
import SelatCore

struct StatementList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the officers' statements that the node keeps, and what they are worth now.",
        discussion: """
            Example:
              selat statement list
            """)

    @Option(help: "How many, the newest first.")
    var limit: Int = 100

    @OptionGroup var client: ClientOptions

    func validate() throws { try (1...4_096).require(limit, of: "--limit") }

    func run() async throws {
        let answer = try await client.withDaemon {
            try await $0.getJSON("/v1/statements?limit=\(limit)")
        }
        if client.json { return Terminal.result(answer) }
        for statement in answer["statements"]?.arrayValue ?? [] {
            Terminal.result(lines: [StatementText.line(statement)])
        }
    }
}
