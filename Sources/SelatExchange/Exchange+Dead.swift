import SelatAudit
package import SelatCore
import SelatDelivery
package import SelatStore

// Dead letters: own transfers that `send` had promised, and that ended otherwise than delivered or taken
// back here (`Exchange.md`, *Dead letters*).

/// One transfer that did not arrive, as far as is known.
package struct DeadLetter: Sendable {
    package let row: OutboundRow
    package let ended: Timestamp
    /// What the operator can do.
    package let remedy: String
}

extension Exchange {
    /// The newest dead letters, at most `limit`.
    package func deadLetters(limit: Int) async throws -> [DeadLetter] {
        let rows = try await store.read { try $0.outbound(Self.dead(since: nil, limit: limit)) }
        var letters: [DeadLetter] = []
        for row in rows {
            let filter = EntryFilter(
                transfer: row.id, kind: try EntryKind("transfer.\(row.state)"), newest: true,
                limit: 1)
            guard let entry = try await store.entries(filter).first?.entry else { continue }
            letters.append(DeadLetter(row: row, ended: entry.time, remedy: row.remedy))
        }
        return letters
    }

    /// A warning where some ended lately.
    package func deadWarnings() async throws -> [String] {
        let filter = Self.dead(since: clock.now() + -Self.deadSeconds, limit: Self.deadCounted)
        let count = try await store.read { try $0.count(filter) }
        guard count > 0 else { return [] }
        let number = count < Self.deadCounted ? "\(count)" : "\(count) or more"
        return [
            "\(number) of the own transfers ended undelivered in the last three days: "
                + "selat transfers --dead"
        ]
    }

    private static let deadSeconds: Int64 = 3 * 86_400
    private static let deadCounted = 1_000

    private static func dead(since: Timestamp?, limit: Int) -> DeadFilter {
        let outcomes: [Sender.State] = [.expired, .unconfirmed, .refused]
        return DeadFilter(
            outcomes: Set(outcomes.map(\.rawValue)), unlessAsked: Sender.State.cancelled.rawValue,
            since: since, limit: limit)
    }
}

extension OutboundRow {
    /// What can be done about a transfer that ended so. Nothing revives it: what is sent anew is judged
    /// anew.
    var remedy: String {
        switch Sender.State(rawValue: state) {
        case .expired where cause?.contains("approval") == true:
            "no officer approved it in time: send it anew, and see `selat approve list`"
        case .expired:
            "nothing of it was handed over: mend what the cause names, try `selat ping \(next)`, and "
                + "send it anew"
        case .unconfirmed:
            "it may have arrived: ask `\(to)` before you send it anew; a receipt that comes, also by "
                + "hand (`selat receipt import`), settles it"
        case .refused: refusalRemedy
        case .cancelled:
            "its release was not lawful any more: `selat show \(id)` names the clause; `selat check` "
                + "says what would be"
        default: "see `selat show \(id)`"
        }
    }

    /// The node to which it went last.
    private var next: NodeID { route.count > 1 ? route[1] : to }

    /// A recipient's reason begins with its cause.
    private var refusalRemedy: String {
        let word = cause?.split(separator: ":").first.map(String.init) ?? ""
        switch Recipient.Refusal(rawValue: word) {
        case .importRefused, .importIncomplete, .verdictDiffers:
            return "`selat policy status` shows whether both ends judge by the same editions; "
                + "`selat check` judges it again"
        case .suiteTooWeak:
            return
                "`selat status` says which suite would do; make its keys (`selat keys`), and send "
                + "it anew"
        default:
            return
                "`selat show \(id)` says who refused it and why; send it anew once that is settled"
        }
    }
}
