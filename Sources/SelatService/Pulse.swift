import Synchronization

/// When the daemon last showed that it makes progress, and what is in the way of it.
package final class Pulse: Sendable {
    private let last: Mutex<ContinuousClock.Instant>
    private let met = Mutex<String?>(nil)

    /// A daemon that starts is alive.
    package init() { last = Mutex(.now) }

    package func beat() { last.withLock { $0 = .now } }

    /// How long ago the last beat passed.
    package var age: Duration { last.withLock { .now - $0 } }

    /// Why the last beat did not find everything well, also where it has passed.
    package var hindrance: String? { met.withLock { $0 } }

    /// - Returns: what was in the way until now.
    package func meet(_ hindrance: String?) -> String? {
        met.withLock { met in
            defer { met = hindrance }
            return met
        }
    }
}
