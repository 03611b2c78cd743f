package import SelatCore

/// How long the sender of a payload waits for a relay. What the relay takes gives time back, so that it is used up by one
/// that takes less than `bytesPerSecondMin` for long; what the sender itself needs for a piece does not count. No I/O.
package struct Patience: Hashable, Sendable {
    /// So a piece of an upload, 1 MiB, takes half of the minute for which a flash waits.
    package static let bytesPerSecondMin = 32 << 10

    private let most: Duration
    private var left: Duration
    /// Since when the relay is waited for, and for how many bytes; nil while the sender is at work.
    private var since: ContinuousClock.Instant?
    private var bytes = 0

    /// - Parameter flash: how long a flash waits. What is less urgent waits longer: it has more to lose by beginning
    ///   elsewhere anew.
    package init(_ precedence: Precedence, flash: Duration) {
        let times =
            switch precedence {
            case .flash: 1
            case .immediate: 5
            case .priority: 15
            case .routine: 60
            }
        most = flash * times
        left = most
    }

    /// These bytes are on their way; from now on the relay is waited for.
    package mutating func wait(for bytes: Int, from now: ContinuousClock.Instant) {
        (since, self.bytes) = (now, bytes)
    }

    /// The relay has taken them, or has answered.
    package mutating func end(at now: ContinuousClock.Instant) {
        guard let since else { return }
        let back = Duration.seconds(Double(bytes) / Double(Self.bytesPerSecondMin))
        left = min(left - (now - since) + back, most)
        self.since = nil
    }

    /// Whether the relay has been waited for long enough.
    package func isUsedUp(at now: ContinuousClock.Instant) -> Bool {
        since.map { now - $0 > left } ?? false
    }

    /// No other way is open: it begins anew.
    package mutating func renew(at now: ContinuousClock.Instant) {
        left = most
        if since != nil { since = now }
    }
}
