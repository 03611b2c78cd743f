import SelatDelivery
import SelatTransport
import Synchronization

/// Watches how a relay takes a payload: the machine says when that was waited for long enough, here it is measured.
final class RelayWatch: Sendable {
    private struct State {
        var patience: Patience
        var isOver = false
    }

    private let state: Mutex<State>
    private let mayGoRound: @Sendable () async throws -> Bool

    /// - Parameter mayGoRound: whether the relay may be left now for another way.
    init(_ patience: Patience, mayGoRound: @escaping @Sendable () async throws -> Bool) {
        state = Mutex(State(patience: patience))
        self.mayGoRound = mayGoRound
    }

    /// Whether the relay was given up.
    var isOver: Bool { state.withLock { $0.isOver } }

    /// What is left of it, for the next try.
    var patience: Patience { state.withLock { $0.patience } }

    /// These bytes are on their way to it.
    func wait(for bytes: UInt64) { state.withLock { $0.patience.wait(for: bytes, from: .now) } }

    /// It has taken all up to this position, has answered, or has broken off.
    func end(at position: UInt64 = 0) {
        state.withLock { $0.patience.end(at: .now, position: position) }
    }

    /// Closes the connection where the relay is to be given up; looks each second until the task is cancelled.
    func run(on client: PeerClient) async {
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            guard state.withLock({ $0.patience.isUsedUp(at: .now) }) else { continue }
            let isLeft = (try? await mayGoRound()) ?? false
            let isOver = state.withLock { state in
                if !isLeft { state.patience.renew(at: .now) }
                // It may have gone on meanwhile.
                state.isOver = state.patience.isUsedUp(at: .now)
                return state.isOver
            }
            if isOver { return await client.close() }
        }
    }
}

/// A relay takes a payload so slowly that it is gone round.
struct TooSlow: Error, CustomStringConvertible {
    var description: String { "it takes too little in the time that it is given" }
}
