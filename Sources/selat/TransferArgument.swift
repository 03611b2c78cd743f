import ArgumentParser
import SelatCore

/// Which transfer is meant: ids are their senders' to choose, so two may have used the same.
struct TransferArgument: ParsableArguments {
    @Argument(help: "The transfer's id, as `selat inbox` and `selat transfers` show it.")
    var id: TransferID

    @Option(help: "Its sender, as CC/node, where two have used the id.")
    var from: NodeID?

    /// Where the daemon speaks of it.
    func path(_ part: String = "") -> String {
        "/v1/transfers/\(id.text)\(part)" + (from.map { "?from=\($0.text)" } ?? "")
    }
}
