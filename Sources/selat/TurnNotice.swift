import Glibc
import Synchronization

/// Says on a terminal that the daemon takes nothing of a dataset for now, because others go first.
final class TurnNotice: Sendable {
    private struct State {
        var taken = ContinuousClock.now
        var isShown = false
    }

    /// How long nothing may be taken before that is said.
    private static let silence = Duration.seconds(2)

    private let state: SharedState
    private let clock: Task<Void, Never>

    init() {
        let state = SharedState()
        self.state = state
        clock = Task {
            guard Terminal.stderrIsTerminal else { return }
            while (try? await Task.sleep(for: .milliseconds(500))) != nil { state.look() }
        }
    }

    deinit { clock.cancel() }

    /// The daemon has taken a piece.
    func taken() { state.value.withLock { $0 = State() } }

    /// Removes the line.
    func finish() {
        clock.cancel()
        state.value.withLock { state in
            if state.isShown { Terminal.write("\r\u{1B}[K", to: STDERR_FILENO) }
            // A look that runs now has nothing more to say.
            state = State(taken: .now + .seconds(86_400))
        }
    }

    private final class SharedState: Sendable {
        let value = Mutex(State())

        func look() {
            value.withLock { state in
                guard !state.isShown, .now - state.taken > TurnNotice.silence else { return }
                state.isShown = true
                let words = "waiting: the daemon takes other datasets first"
                let line = words.fitted(to: Terminal.columns - 1)
                Terminal.write("\r" + line + "\u{1B}[K", to: STDERR_FILENO)
            }
        }
    }
}
