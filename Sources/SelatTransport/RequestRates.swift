package import SelatCore
import Synchronization

/// How often one peer may ask.
package struct RequestRate: Sendable, Hashable {
    /// Requests a second in the long run.
    package let perSecond: UInt64

    package init(perSecond: UInt64 = 2_000) {
        precondition(perSecond > 0, "a rate lets something through")
        self.perSecond = perSecond
    }

    var interval: Duration { .nanoseconds(Int64(max(1, 1_000_000_000 / perSecond))) }
    /// How many seconds' worth a peer that was silent may ask at once.
    static let burst = Duration.seconds(5)
}

/// A token bucket, kept as the moment at which it will be full again.
struct TokenBucket: Sendable {
    private var full: ContinuousClock.Instant

    init(fullAt moment: ContinuousClock.Instant) { full = moment }

    /// Takes a token.
    /// - Returns: nil where there was one; else how long it takes until there is.
    mutating func take(_ rate: RequestRate, at now: ContinuousClock.Instant) -> Duration? {
        let filled = max(full, now) + rate.interval
        let lacking = (filled - now) - RequestRate.burst
        guard lacking <= .zero else { return lacking }
        full = filled
        return nil
    }
}

/// The buckets of all peers. A peer is a node that has proved itself, so there are no more of them
/// than the membership has nodes.
package final class RequestRates: Sendable {
    private struct State {
        var rate: RequestRate
        var buckets: [NodeID: TokenBucket] = [:]
        var refused: [NodeID: Int] = [:]
    }

    private let state: Mutex<State>

    package init(_ rate: RequestRate) { state = Mutex(State(rate: rate)) }

    /// From now on this rate holds; what a peer has used up stays used.
    package func replace(_ rate: RequestRate) { state.withLock { $0.rate = rate } }

    /// Counts a request of a peer's.
    /// - Returns: nil where it may pass; else how long the peer is to wait.
    func admit(_ peer: NodeID, at now: ContinuousClock.Instant = .now) -> Duration? {
        state.withLock { state in
            let lacking = state.buckets[peer, default: TokenBucket(fullAt: now)].take(
                state.rate, at: now)
            if lacking != nil { state.refused[peer, default: 0] += 1 }
            return lacking
        }
    }

    /// How many requests of each peer were refused since this was asked last.
    package func takeRefused() -> [NodeID: Int] {
        state.withLock { state in
            defer { state.refused = [:] }
            return state.refused
        }
    }
}
