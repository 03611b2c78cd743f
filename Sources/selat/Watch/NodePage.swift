import SelatCore

/// One look at a node as a page of a terminal.
struct NodePage {
    private let look: NodeLook
    private let columns: Int
    private let rows: Int

    init(_ look: NodeLook, columns: Int, rows: Int) {
        self.look = look
        self.columns = columns
        self.rows = rows
    }

    /// Alarms first: a page that is too short ends within what is under way.
    var lines: [PageLine] {
        let head = heading + warnings + waiting + queuesAndPeers
        return head + underWay(upTo: rows - head.count)
    }

    private var status: JSON { look.status }

    /// Whether rows have room for more than what one looks for first.
    private var isWide: Bool { columns >= 110 }

    /// A whole id where it fits: its end tells it from others.
    private func shown(_ transfer: JSON) -> String {
        let id = transfer.text("id")
        return columns >= 70 ? id : "…" + id.suffix(8)
    }

    // MARK: Parts

    private var heading: [PageLine] {
        let log = status["log"]
        let isSound = status["state"] == "ready" && log?["standing"] == "proven"
        let name = "\(status.text("node"))  \(status.text("state"))"
        let right = "selatd \(status.text("version"))  \(look.time)"
        let room = columns - name.columns - right.columns
        let first = room >= 2 ? name + String(repeating: " ", count: room) + right : name
        let facts = [
            log.map { "log \($0.text("size")), \($0.text("standing"))" },
            log.map { "\($0.text("unwitnessed")) unwitnessed" },
            status["membership"].map { "membership \($0.text("serial"))" },
            ended("outbound", "delivered", "delivered out"),
            ended("inbound", "delivered", "in the inbox"),
        ]
        let second = facts.compactMap { $0 }.joined(separator: ", ")
        return [PageLine(first, isSound ? .heading : .alarm)]
            + second.wrapped(to: columns).map { PageLine($0) } + [PageLine()]
    }

    private func ended(_ direction: String, _ state: String, _ words: String) -> String? {
        status[direction]?.count(state).map { "\($0) \(words)" }
    }

    private var warnings: [PageLine] {
        let isAlarm = status["log"]?["findings"]?.arrayValue?.isEmpty == false
        let lines = look.warnings.flatMap { warning in
            warning.wrapped(to: max(20, columns - 2)).enumerated().map { number, line in
                PageLine((number == 0 ? "! " : "  ") + line, isAlarm ? .alarm : .warning)
            }
        }
        // Most of the page stays for the rest.
        let room = max(3, rows / 3)
        let shown =
            lines.count > room
            ? lines.prefix(room - 1) + [PageLine("  … see `selat status`", .warning)] : lines[...]
        return shown.isEmpty ? [] : Array(shown) + [PageLine()]
    }

    private var waiting: [PageLine] {
        guard !look.approvals.isEmpty else { return [] }
        var table = Table(["waits for officers", "to", "owed"] + (isWide ? ["expires"] : []))
        for approval in look.approvals.prefix(5) {
            table.add(
                [shown(approval), approval.text("peer"), ApprovalText.owed(approval)]
                    + (isWide ? [Self.short(approval.text("expires"))] : []))
        }
        var lines = page(table)
        if look.approvals.count > 5 {
            lines.append(PageLine("… and \(look.approvals.count - 5) more: selat approve list"))
        }
        return lines + [PageLine()]
    }

    /// Beside each other where there is room.
    private var queuesAndPeers: [PageLine] {
        let (left, right) = (page(queues), page(peers))
        let gap = 6
        let width = left.map(\.text.columns).max() ?? 0
        let needed = width + gap + (right.map(\.text.columns).max() ?? 0)
        guard needed <= columns else { return left + [PageLine()] + right + [PageLine()] }
        return (0..<max(left.count, right.count)).map { row in
            let (a, b) = (
                row < left.count ? left[row] : PageLine(),
                row < right.count ? right[row] : PageLine()
            )
            return PageLine(
                b.text.isEmpty ? a.text : a.text.padded(to: width + gap) + b.text, a.kind)
        } + [PageLine()]
    }

    private var queues: Table {
        let states =
            ["waiting", "queued", "sending"] + (columns >= 60 ? ["relayed", "holding"] : [])
        var table = Table(["precedence"] + states + ["size"])
        for precedence in Precedence.allCases {
            // Without room, what is empty is not said.
            guard let queue = status["queues"]?[precedence.rawValue] ?? (isWide ? [:] : nil) else {
                continue
            }
            let counts = states.map { state in
                "\(queue["states"]?[state]?.integerValue ?? 0)".padded(
                    to: state.count, atLeft: true)
            }
            table.add(
                [precedence.rawValue] + counts
                    + [Quantity.bytes(queue.count("size_bytes") ?? 0)])
        }
        return table
    }

    private var peers: Table {
        // Where there is little room, how fast and not how much.
        let isNarrow = columns < 60
        var table = Table(
            isNarrow
                ? ["peer", "out", "in", "reach"]
                : ["peer", "sent", "rate", "received", "rate", "reach"])
        for peer in look.peers {
            let rates = [Self.rate(peer.sentRate), Self.rate(peer.receivedRate)]
            let amounts = [Quantity.bytes(peer.sent), Quantity.bytes(peer.received)]
            let reach = peer.isOutOfReach ? "NO" : "yes"
            table.add(
                isNarrow
                    ? [peer.node] + rates + [reach]
                    : [peer.node, amounts[0], rates[0], amounts[1], rates[1], reach])
        }
        return table
    }

    private func underWay(upTo room: Int) -> [PageLine] {
        guard !look.underWay.isEmpty else { return [PageLine("nothing is under way")] }
        let more = isWide ? ["precedence", "cause"] : []
        var table = Table(["under way", "peer", "state", "size", "done"] + more)
        for transfer in look.underWay.prefix(max(1, room)) {
            table.add(
                [
                    shown(transfer), Self.arrow(transfer) + transfer.text("peer"),
                    transfer.text("state"), transfer.size("size_bytes"), done(transfer),
                ] + more.map { transfer.text($0) })
        }
        let lines = page(table)
        let hidden = look.underWay.count - max(1, room)
        guard hidden > 0 || lines.count > room else { return lines }
        return lines.prefix(max(1, room - 1))
            + [PageLine("… \(look.underWay.count) in all: selat transfers")]
    }

    private static func arrow(_ transfer: JSON) -> String {
        transfer["direction"] == "inbound" ? "from " : "to "
    }

    /// How much of a payload that comes in is here, and how fast.
    private func done(_ transfer: JSON) -> String {
        guard let durable = transfer.count("durable_bytes"),
            let size = transfer.count("size_bytes"),
            size > 0, transfer["state"] == "receiving"
        else { return "" }
        let rate = isWide ? look.rates[transfer.text("id")].map { " \(Self.rate($0))" } ?? "" : ""
        return "\(durable * 100 / size)%\(rate)"
    }

    private func page(_ table: Table) -> [PageLine] {
        table.lines(fitting: columns).enumerated().map { PageLine($1, $0 == 0 ? .heading : .plain) }
    }

    private static func rate(_ rate: UInt64?) -> String {
        rate.map { $0 == 0 ? "-" : "\(Quantity.bytes($0))/s" } ?? "-"
    }

    /// `11-28 10:52` of a time: a page has no room for years and seconds.
    private static func short(_ time: String) -> String {
        String(time.dropFirst(5).prefix(11)).replacing("T", with: " ")
    }
}
