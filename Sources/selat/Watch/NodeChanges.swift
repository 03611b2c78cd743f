import SelatCore

/// What is new at each look, a line each: for logs and pipes.
struct NodeChanges {
    private var states: [String: String] = [:]
    private var warnings: Set<String>?

    /// The lines for what changed since the look before; at the first one, how the node stands.
    mutating func lines(since look: NodeLook) -> [String] {
        let isFirst = warnings == nil
        var lines = isFirst ? [Self.line(look, look.status.text("state"))] : []
        for transfer in look.newest.sorted(by: { $0.text("id") < $1.text("id") }) {
            let key = transfer.text("id") + transfer.text("direction")
            let state = transfer.text("state")
            defer { states[key] = state }
            // What had ended before anybody watched is no news.
            let isNews = isFirst ? look.underWay.contains(transfer) : states[key] != state
            if isNews { lines.append(Self.line(look, Self.words(transfer))) }
        }
        let now = Set(look.warnings)
        for warning in now.subtracting(warnings ?? []).sorted() {
            lines.append(Self.line(look, "warning: \(warning)"))
        }
        for warning in (warnings ?? []).subtracting(now).sorted() {
            lines.append(Self.line(look, "over: \(warning)"))
        }
        warnings = now
        return lines
    }

    private static func line(_ look: NodeLook, _ words: String) -> String {
        "\(look.time)  \(look.status.text("node"))  \(words)"
    }

    private static func words(_ transfer: JSON) -> String {
        let cause = transfer["cause"] == nil ? "" : ": \(Terminal.plain(transfer.text("cause")))"
        return [
            transfer.text("id"), transfer.text("direction"), transfer.text("peer"),
            transfer.text("state") + cause,
        ].joined(separator: "  ")
    }
}
