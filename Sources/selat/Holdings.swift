import ArgumentParser
import SelatControl
import SelatCore

struct Holdings: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "holdings",
        abstract: "Show who still holds what of ours, and what lies here of others'.",
        discussion: """
            What others hold follows from their receipts and from the duties of both
            verdicts: it is what they owe.

            Example: selat holdings
            """)

    @Option(help: "At most this many of each.")
    var limit: Int = 1_000

    @OptionGroup var client: ClientOptions

    func validate() throws { try RowLimit.require(limit) }

    func run() async throws {
        let answer = try await client.withDaemon {
            try await $0.getJSON("/v1/holdings?limit=\(limit)")
        }
        if client.json { return Terminal.result(answer) }
        let tables = [
            Self.table("held by", answer["ours"]), Self.table("held here, from", answer["theirs"]),
        ]
        Terminal.result(tables.joined(separator: "\n\n"))
    }

    private static func table(_ peer: String, _ holdings: JSON?) -> String {
        var table = Table([peer, "id", "state", "size", "since", "until", "recall", "title"])
        let all = holdings?.arrayValue ?? []
        for holding in all {
            table.add([
                holding.text("peer"), holding.text("id"), HoldingText.state(holding),
                holding.size("size_bytes"), holding.text("since"), holding.text("until"),
                holding.text("recall"), holding.text("title"),
            ])
        }
        guard all.count > 1 else { return table.text }
        let bytes = all.reduce(UInt64(0)) { sum, holding in
            sum + UInt64(clamping: holding["size_bytes"]?.integerValue ?? 0)
        }
        table.add(["total", "\(all.count)", "", Quantity.bytes(bytes), "", "", "", ""])
        return table.text
    }
}

enum HoldingText {
    /// What its recipient has stated last, where that is more than its sender's own state.
    static func state(_ holding: JSON) -> String {
        holding.text(holding["stated"] == nil ? "state" : "stated")
    }
}
