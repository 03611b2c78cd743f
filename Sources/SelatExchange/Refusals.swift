import SelatAudit
import SelatCore
import Synchronization

/// Refusals of this minute, by the peer that brought what was refused.
final class Refusals: Sendable {
    private let counts = Mutex<[NodeID: Int]>([:])

    /// Counts one more of a peer's.
    /// - Returns: whether it is entered by itself; of more than a minute's share only the number is.
    func isEnteredSingly(_ peer: NodeID) -> Bool {
        counts.withLock { counts in
            counts[peer, default: 0] += 1
            return counts[peer, default: 0] <= Limits.refusalsPerMinuteMax
        }
    }

    /// The same for whoever brought it; who is no peer is refused by the own people.
    func isEnteredSingly(by actor: EntryActor) -> Bool {
        if case .node(let peer) = actor { isEnteredSingly(peer) } else { true }
    }

    /// How many of each peer's were not entered; another minute begins.
    func takeCounted() -> [NodeID: Int] {
        counts.withLock { counts in
            defer { counts = [:] }
            return counts.mapValues { $0 - Limits.refusalsPerMinuteMax }.filter { $0.value > 0 }
        }
    }
}
