import Synchronization

/// When the daemon last showed that it makes progress.
package final class Pulse: Sendable {
    private let last: Mutex<ContinuousClock.Instant>

    /// A daemon that starts is alive.
    package init() { last = Mutex(.now) }

    package func beat() { last.withLock { $0 = .now } }

    /// How long ago the last beat passed.
    package var age: Duration { last.withLock { .now - $0 } }
}
