import ArgumentParser
import SelatControl
import SelatCore

struct ApproveList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the transfers that wait for officers: what is owed, and who has approved.",
        discussion: "Example: selat approve list")

    @Option(help: "How many, the newest first; a warning says where there are more.")
    var limit: Int = 100

    @OptionGroup var client: ClientOptions

    func validate() throws { try RowLimit.require(limit) }

    func run() async throws {
        let answer = try await client.withDaemon {
            try await $0.getJSON("/v1/approvals?limit=\(RowLimit.asked(for: limit))")
        }
        let found = answer["approvals"]?.arrayValue ?? []
        RowLimit.warn(found: found.count, shown: limit, "that wait")
        let approvals = found.prefix(limit)
        if client.json { return Terminal.result(["approvals": .array(Array(approvals))]) }
        var table = Table(["id", "to", "size", "expires", "owed", "approved by"])
        for waiting in approvals {
            table.add([
                waiting.text("id"), waiting.text("peer"), waiting.size("size_bytes"),
                waiting.text("expires"), ApprovalText.owed(waiting),
                ApprovalText.approvers(waiting).joined(separator: ", "),
            ])
        }
        Terminal.result(table.text)
    }
}
