import SelatControl
import Synchronization

/// Shows how far the daemon has come with files that were handed over to it.
final class HandoverProgress: Sendable {
    private let shown: Shown
    private let clock: Task<Void, Never>

    /// - Parameter moved: called with each news.
    init(
        _ verb: String, total: UInt64, of files: FileHandover,
        moved: @escaping @Sendable () -> Void = {}
    ) {
        let shown = Shown(Progress(verb, total: total))
        self.shown = shown
        clock = Task {
            while (try? await Task.sleep(for: .milliseconds(100))) != nil {
                if shown.advance(to: files.passed) { moved() }
            }
        }
    }

    deinit { clock.cancel() }

    /// Removes the line.
    func finish() {
        clock.cancel()
        shown.finish()
    }

    private final class Shown: Sendable {
        private let state: Mutex<(progress: Progress, passed: UInt64, isOver: Bool)>

        init(_ progress: Progress) { state = Mutex((progress, 0, false)) }

        /// - Returns: whether it is further than before.
        func advance(to passed: UInt64) -> Bool {
            state.withLock { state in
                guard !state.isOver, passed > state.passed else { return false }
                state.progress.advance(by: Int(passed - state.passed))
                state.passed = passed
                return true
            }
        }

        func finish() {
            state.withLock { state in
                state.isOver = true
                state.progress.finish()
            }
        }
    }
}
