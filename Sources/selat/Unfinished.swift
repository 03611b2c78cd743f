import Dispatch
import Glibc
import Synchronization

/// Files and folders that a verb has made and not finished. They are removed, the newest first, when this
/// goes away without `keep`, and when the command is broken off by Ctrl-C, SIGTERM or a closed terminal.
final class Unfinished: Sendable {
    private let number: UInt64

    init() {
        Self.watchSignals()
        number = Self.all.withLock { $0.begin() }
    }

    deinit { remove() }

    /// - Parameter call: the system call that makes what lies at `path`; less than 0 where it failed.
    /// - Returns: what the call returned, with its `errno`.
    func make(_ path: String, _ call: () -> Int32) -> Int32 {
        let (result, code) = Self.all.withLock { all in
            let result = call()
            let code = errno
            if result >= 0 { all.paths[number, default: []].append(path) }
            return (result, code)
        }
        errno = code
        return result
    }

    /// It is finished: nothing of it is removed any more.
    func keep() { _ = Self.all.withLock { $0.paths.removeValue(forKey: number) } }

    /// Removes what was made.
    func remove() { Self.all.withLock { $0.remove(number) } }

    /// Removes what anyone has made, before the command ends in the middle of something.
    static func removeAll() {
        all.withLock { all in for number in Array(all.paths.keys) { all.remove(number) } }
    }

    /// Asks for a secret: the terminal at stdin shows nothing of what is typed until `body` ends, or the
    /// command is broken off.
    static func hidingWhatIsTyped<Value>(_ body: () throws -> Value) rethrows -> Value {
        watchSignals()
        all.withLock { $0.hideWhatIsTyped() }
        defer { all.withLock { $0.showWhatIsTyped() } }
        return try body()
    }

    /// Its lock is held around each making and removing, so that a signal finds either nothing or all.
    private static let all = Mutex(Made())

    private struct Made {
        private var begun: UInt64 = 0
        /// Of each `Unfinished` that has made something, what, in order.
        var paths: [UInt64: [String]] = [:]
        /// How the terminal was that shows nothing of what is typed now; nil where none was changed.
        private var shown: termios?

        mutating func begin() -> UInt64 {
            begun += 1
            return begun
        }

        /// A folder in which another has put something stays.
        mutating func remove(_ number: UInt64) {
            for path in (paths.removeValue(forKey: number) ?? []).reversed() { Glibc.remove(path) }
        }

        mutating func hideWhatIsTyped() {
            var modes = termios()
            guard tcgetattr(STDIN_FILENO, &modes) == 0 else { return }
            shown = modes
            modes.c_lflag &= ~tcflag_t(ECHO)
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &modes)
        }

        /// What was typed and not read is thrown away: a shell would take it for a command.
        mutating func showWhatIsTyped() {
            guard var modes = shown else { return }
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &modes)
            shown = nil
        }
    }

    // MARK: Signals

    private static func watchSignals() { _ = sources }

    private static let sources = [SIGINT, SIGTERM, SIGHUP].filter { !isIgnored($0) }.map { number in
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler { breakOff(number) }
        // Until it is registered, the signal would end the process as it always does.
        let isRegistered = DispatchSemaphore(value: 0)
        source.setRegistrationHandler { isRegistered.signal() }
        source.resume()
        isRegistered.wait()
        return UncheckedSource(source: source)
    }

    /// As `nohup` has it, and a shell for what it runs in the background: that is left so.
    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return true }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    // SAFETY: it is made once, and never touched again.
    private struct UncheckedSource: @unchecked Sendable { let source: any DispatchSourceSignal }

    /// Ends as the signal would have ended it, so that a shell sees why.
    private static func breakOff(_ number: Int32) -> Never {
        // Never let go again: nothing new is made.
        all.withLock { all in
            for number in Array(all.paths.keys) { all.remove(number) }
            all.showWhatIsTyped()
            signal(number, SIG_DFL)
            var mask = sigset_t()
            sigemptyset(&mask)
            sigaddset(&mask, number)
            pthread_sigmask(SIG_UNBLOCK, &mask, nil)
            raise(number)
            _exit(128 + number)
        }
    }
}
