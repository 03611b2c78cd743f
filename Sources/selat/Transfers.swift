import ArgumentParser
import SelatControl
import SelatCore

struct Transfers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transfers",
        abstract: "List transfers, newest first.",
        discussion: """
            Examples:
              selat transfers --direction outbound --limit 20
              selat transfers --dead            what ended undelivered, why, and what to do
            """)

    @Option(help: "outbound, inbound (default: both), or relayed: what passes through this node.")
    var direction: String?

    @Flag(
        help:
            "Only own ones that ended undelivered, and were not cancelled here, each with a remedy."
    )
    var dead = false

    @Option(help: "At most this many of each direction.")
    var limit: Int = 100

    @OptionGroup var client: ClientOptions

    func validate() throws { try RowLimit.require(limit) }

    func run() async throws {
        let filter =
            (direction.map { "&direction=\($0)" } ?? "") + (dead ? "&selection=dead" : "")
        let answer = try await client.withDaemon {
            try await $0.getJSON("/v1/transfers?limit=\(limit)\(filter)")
        }
        if client.json { return Terminal.result(answer) }
        if dead { return Terminal.result(lines: Self.dead(answer["transfers"]?.arrayValue ?? [])) }
        // What is relayed is between two others; its peer is the next node alone.
        let ends = direction == "relayed" ? ["from", "to", "peer"] : ["direction", "peer"]
        var table = Table(["id"] + ends + ["state", "size", "created", "cause"])
        for transfer in answer["transfers"]?.arrayValue ?? [] {
            table.add(
                [transfer.text("id")] + ends.map { transfer.text($0) } + [
                    transfer.text("state"), transfer.size("size_bytes"), transfer.text("created"),
                    transfer.text("cause"),
                ])
        }
        Terminal.result(table.text)
    }
}

extension Transfers {
    /// A few lines each: causes and remedies are sentences.
    fileprivate static func dead(_ transfers: [JSON]) -> [String] {
        guard !transfers.isEmpty else { return ["none"] }
        return transfers.flatMap { transfer in
            [
                "\(transfer.text("id"))  \(transfer.text("state"))  \(transfer.text("ended_at"))",
                "  to: \(transfer.text("peer")), \(transfer.size("size_bytes"))"
                    + (transfer["title"] == nil ? "" : ", \(transfer.text("title"))"),
                "  cause: \(transfer.text("cause"))", "  remedy: \(transfer.text("remedy"))",
            ]
        }
    }
}

struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show one transfer: where it stands, why, and what the log says of it.",
        discussion: "Example: selat show 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11")

    @OptionGroup var named: TransferArgument

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let transfer = try await client.withDaemon { try await $0.getJSON(named.path()) }
        if client.json { return Terminal.result(transfer) }
        Terminal.result(lines: lines(transfer))
    }

    private func lines(_ transfer: JSON) -> [String] {
        var lines = ["transfer: \(named.id.text)"]
        for key in [
            "direction", "peer", "state", "cause", "title", "precedence", "created", "received",
            "expires", "attempt", "envelope", "from", "to",
        ] where transfer[key] != nil { lines.append("\(key): \(transfer.text(key))") }
        if let route = transfer["route"]?.arrayValue {
            lines.append("route: \(route.compactMap(\.stringValue).joined(separator: " > "))")
        }
        lines.append("size: \(transfer.size("size_bytes"))")
        if transfer["suite"] != nil {
            lines.append("suite: \(transfer.text("suite")) (\(transfer.text("suite_name")))")
        }
        if let label = transfer["label"] {
            lines.append("label: \(label.text("classification")), \(label.text("tlp"))")
        }
        if let verdict = transfer["verdict"] { lines += VerdictText.lines(verdict) }
        for receipt in ReceiptText.all(of: transfer) {
            lines.append(
                "receipt: \(receipt.text("kind")) signed by \(receipt.text("signer")) at "
                    + receipt.text("time")
                    + (receipt["standing"] == nil ? "" : ", \(receipt.text("standing"))"))
            if let distrust = receipt["distrust"]?.stringValue {
                lines.append("the receipt does not count: \(distrust)")
            }
        }
        lines += ApprovalText.lines(transfer["approvals"])
        for debt in transfer["debts"]?.arrayValue ?? [] {
            let due =
                debt["due"] == nil
                ? "sleeps until \(debt.text("event"))" : "due \(debt.text("due"))"
            lines.append("debt: \(debt.text("obligation")), \(due)")
        }
        lines += StoryText.lines(transfer["story"])
        lines += RecallText.lines(transfer["recall"])
        lines += StoryText.owed(transfer["letters"])
        lines.append("log:")
        for entry in transfer["timeline"]?.arrayValue ?? [] {
            lines.append(
                "  \(entry.text("time"))  \(entry.text("kind"))  entry \(entry.text("sequence"))"
                    + ApprovalText.officer(of: entry) + Self.details(of: entry))
        }
        return lines
    }

    /// What an entry's details tell the reader of a timeline.
    private static func details(of entry: JSON) -> String {
        guard let details = entry["details"] else { return "" }
        let route = (details["route"]?.arrayValue ?? []).compactMap(\.stringValue)
        let words: [String] = [
            details.text("kind"), details["by"] == nil ? "" : "by \(details.text("by"))",
            details["attempt"] == nil ? "" : "attempt \(details.text("attempt"))",
            route.isEmpty ? "" : "route \(route.joined(separator: " > "))", details.text("cause"),
        ].filter { !$0.isEmpty }
        return words.isEmpty ? "" : "  " + words.joined(separator: ", ")
    }
}

/// The receipts of a transfer, as this node holds them.
enum ReceiptText {
    /// Relays', the outcome's, and what the recipient has stated since, in the order of their times.
    static func all(of transfer: JSON) -> [JSON] {
        let receipts: [JSON] =
            (transfer["relay_receipts"]?.arrayValue ?? [])
            + [transfer["receipt"]].compactMap { $0 }
            + (transfer["receipts"]?.arrayValue ?? [])
        return receipts.enumerated().sorted {
            ($0.element.text("time"), $0.offset) < ($1.element.text("time"), $1.offset)
        }.map { $0.element }
    }
}

struct Inbox: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inbox",
        abstract: "List the datasets that were delivered here.",
        discussion: "Example: selat inbox --json")

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let answer = try await client.withDaemon {
            try await $0.getJSON("/v1/transfers?direction=inbound&limit=\(RowLimit.most)")
        }
        let inbound = answer["transfers"]?.arrayValue ?? []
        RowLimit.warn(
            found: inbound.count, shown: RowLimit.most, "inbound transfers of any state")
        let delivered = inbound.filter {
            $0["state"] == "delivered" || $0["state"] == "opened"
        }
        if client.json { return Terminal.result(["transfers": .array(delivered)]) }
        var table = Table(["id", "from", "state", "label", "size", "received"])
        for transfer in delivered {
            table.add([
                transfer.text("id"), transfer.text("peer"), transfer.text("state"),
                transfer["label"]?.text("classification") ?? "", transfer.size("size_bytes"),
                transfer.text("received"),
            ])
        }
        Terminal.result(table.text)
    }
}

extension JSON {
    /// A member as text; empty where there is none.
    func text(_ key: String) -> String {
        switch self[key] {
        case .string(let text): text
        case .integer(let number): "\(number)"
        case .bool(let flag): flag ? "yes" : "no"
        default: ""
        }
    }

    func size(_ key: String) -> String {
        (self[key]?.integerValue).flatMap { UInt64(exactly: $0) }.map(Quantity.bytes) ?? ""
    }
}
