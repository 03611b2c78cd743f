import ArgumentParser
import SelatControl
import SelatCore

struct RecallList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List recalls, newest first: those of ours, and those of others' datasets here.",
        discussion: "Example: selat recall list")

    @Option(help: "How many, the newest first.")
    var limit: Int = 100

    @OptionGroup var client: ClientOptions

    func validate() throws { try RowLimit.require(limit) }

    func run() async throws {
        let answer = try await client.withDaemon {
            try await $0.getJSON("/v1/recalls?limit=\(limit)")
        }
        if client.json { return Terminal.result(answer) }
        var table = Table(["id", "from", "to", "recalled by", "reason", "standing"])
        var onward: [String] = []
        for recall in answer["recalls"]?.arrayValue ?? [] {
            table.add([
                recall.text("id"), recall.text("from"), recall.text("to"), recall.text("officer"),
                recall.text("reason"), RecallText.standing(recall),
            ])
            onward += RecallText.onward(recall).map { "\(recall.text("id")): \($0)" }
        }
        Terminal.result(([table.text] + onward).joined(separator: "\n"))
    }
}
