import SelatCore
import SelatDelivery
import SelatEnvelope
import SelatFederation

// What whoever brings an envelope is told of a no that its head alone decides: the rule, and the values by
// which it was judged. They are the header's own, the membership list's and this clock's, and nothing of
// other transfers.

extension Exchange {
    /// - Parameters:
    ///   - peer: from whom, or in whose place, it was brought.
    ///   - now: the time by which it was judged.
    func words(
        for refusal: Recipient.Refusal, of head: VerifiedHead, from peer: NodeID, at now: Timestamp
    ) -> String {
        let core = head.core
        let (node, federation) = (identity.node, federation)
        return switch refusal {
        case .foreignFederation:
            "it is of the federation `\(core.federation)`, which is not this one"
        case .wrongAddress: "`\(core.id)` goes to `\(core.to)`, and not by way of `\(node)`"
        case .wrongSender:
            "`\(core.id)` goes by \(Self.way(of: head)): it is not `\(peer)`'s to bring to `\(node)`"
        case .idConflict: "another envelope of `\(core.from)` came as `\(core.id)` before"
        case .unsupportedSuite:
            "the membership list \(federation.serial) does not allow \(core.suite) at \(now), which it is"
                + " by this clock"
        case .datedAhead:
            "it was made at \(core.created), over \(Limits.clockSkewSecondsMax) seconds ahead of this clock:"
                + " \(now)"
        case .expired: "it expired at \(core.expires), and it is \(now) by this clock"
        case .membershipExpired:
            "it was made at \(core.created), and the membership list in force here, \(federation.serial),"
                + " expired at \(federation.expires)"
        case .suiteTooWeak: "\(core.suite), though the record of `\(node)` lists ML-KEM keys"
        default: "header of `\(core.id)`"
        }
    }

    /// Why a header's membership list is not the one to go by here; nil where it is.
    func staleMembership(of head: VerifiedHead) -> String? {
        let (header, federation) = (head.header, federation)
        if header.membershipSerial != federation.serial {
            return "it goes by the membership list \(header.membershipSerial),"
                + " and \(federation.serial) is in force here"
        }
        guard header.membershipDigest == federation.listDigest else {
            return
                "it goes by another membership list \(federation.serial) than the one in force here"
        }
        return nil
    }

    /// Why a header's route does not lead through this node as the records in force here have it; nil where it does.
    func invalidRoute(
        of head: VerifiedHead, through hop: (previous: NodeID, next: NodeID)
    ) -> String? {
        let (node, federation) = (identity.node, federation)
        if let other = head.header.route.dropFirst().dropLast().first(where: { !isRelay($0) }) {
            return "`\(other)`, on its way by \(Self.way(of: head)), is no relay"
        }
        return [hop.previous, hop.next].first { !federation.areLinked($0, node) }.map {
            "`\($0)` and `\(node)`, on its way by \(Self.way(of: head)), are not linked"
        }
    }

    private static func way(of head: VerifiedHead) -> String {
        head.header.route.map { "`\($0)`" }.joined(separator: ", ")
    }
}
