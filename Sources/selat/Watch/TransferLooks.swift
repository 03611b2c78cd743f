import SelatCore

/// One transfer, look after look.
struct TransferLooks {
    private var transfer: JSON = [:]
    private var before: UInt64?
    private var rate: UInt64?
    private var taken = ContinuousClock.now

    /// - Returns: whether the transfer is another than at the look before.
    mutating func take(_ now: JSON) -> Bool {
        let moment = ContinuousClock.now
        if let durable = now.count("durable_bytes") {
            let milliseconds = UInt64(max(1, (moment - taken) / .milliseconds(1)))
            rate = before.map { (max(durable, $0) - $0) * 1_000 / milliseconds }
            before = durable
        }
        taken = moment
        defer { transfer = now }
        return now != transfer
    }

    /// An inbound transfer has ended once it lies in the inbox, or never will.
    var hasEnded: Bool {
        transfer["ended"].map { $0 == true } ?? (transfer["state"] != "receiving")
    }

    var line: String {
        let cause = transfer["cause"] == nil ? "" : ": \(Terminal.plain(transfer.text("cause")))"
        return "\(transfer.text("id"))  \(transfer.text("direction"))  \(transfer.text("peer"))  "
            + transfer.text("state") + cause
    }

    /// - Throws: `Ending` unless it ended well.
    func end() throws {
        switch transfer.text("state") {
        case "refused", "cancelled", "withdrawn": throw Ending(.refused)
        case "expired", "unconfirmed", "lapsed": throw Ending(.failed)
        default: return
        }
    }

    func page(columns: Int) -> [PageLine] {
        var lines = [
            PageLine(
                "\(transfer.text("id"))  \(transfer.text("state"))", hasEnded ? .heading : .plain)
        ]
        for key in ["direction", "peer", "title", "precedence", "created", "expires", "cause"]
        where transfer[key] != nil {
            lines.append(PageLine("\(key): \(Terminal.plain(transfer.text(key)))"))
        }
        lines.append(PageLine("size: \(transfer.size("size_bytes"))"))
        if let bar = bar(columns) { lines.append(PageLine(bar)) }
        lines += ApprovalText.lines(transfer["approvals"]).map { PageLine($0, .warning) }
        lines.append(PageLine())
        lines += (transfer["timeline"]?.arrayValue ?? []).map { entry in
            PageLine(
                "\(entry.text("time"))  \(entry.text("kind"))  entry \(entry.text("sequence"))")
        }
        return lines
    }

    private func bar(_ columns: Int) -> String? {
        guard let durable = transfer.count("durable_bytes"),
            let size = transfer.count("size_bytes"),
            !hasEnded
        else { return nil }
        return Progress.line(
            "arriving", durable, of: size, rate: rate ?? 0, columns: columns)
    }
}
