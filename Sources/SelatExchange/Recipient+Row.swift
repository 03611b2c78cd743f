import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
package import SelatPolicy
import SelatStore

// How rows, heads and verdicts become what the recipient's machine works with.

extension Recipient {
    /// The machine as a row keeps it.
    init(_ row: InboundRow) throws {
        guard let state = State(rawValue: row.state) else {
            throw CoreError.malformed("state", row.state, expected: "a state of a recipient")
        }
        self.init(
            state: state, expires: row.expires, payloadSize: row.payloadSize,
            fixedParts: row.fixedParts, durable: row.durable, destroyBy: row.destroyBy)
    }
}

extension InboundRow {
    /// Takes over what is durable of the machine.
    mutating func take(_ recipient: Recipient) {
        state = recipient.state.rawValue
        durable = recipient.durable
    }
}

extension Recipient.Offer {
    init(_ head: VerifiedHead, at node: NodeID) {
        self.init(
            from: head.core.from, to: head.core.to, previous: head.hop(at: node)?.previous,
            federation: head.core.federation,
            suite: head.core.suite, created: head.core.created, expires: head.core.expires,
            fixedParts: head.fixedParts)
    }
}

/// The neighbours of a node on a route.
struct Hop: Hashable, Sendable {
    let previous: NodeID
    /// Nil for the recipient.
    let next: NodeID?
}

extension VerifiedHead {
    /// Where a node stands on the route; nil for the sender and for whoever is not on it.
    func hop(at node: NodeID) -> Hop? {
        let route = header.route
        guard let index = route.firstIndex(of: node), index > 0 else { return nil }
        return Hop(
            previous: route[index - 1], next: index + 1 < route.count ? route[index + 1] : nil)
    }

    /// Digest over what never changes between attempts: core, keys, leaves, root and size.
    var fixedParts: Digest {
        SHA256.digest(
            core.digest.bytes + header.parts.keysCMS.bytes + header.parts.keysMLKEM.bytes
                + header.parts.leaves.bytes + header.payload.root.bytes
                + withUnsafeBytes(of: header.payload.size.bigEndian) { Array($0) })
    }
}

extension Verdict {
    /// Which rules of which files refuse, in one line.
    package var reason: String {
        let rules = judgements.filter { $0.outcome == .refused }.map { judgement in
            let names = judgement.clauses.map(\.rule).joined(separator: ", ")
            return names.isEmpty
                ? "\(judgement.jurisdiction): no ground" : "\(judgement.jurisdiction): \(names)"
        }
        return rules.joined(separator: "; ")
    }
}
