package import SelatCore

/// How long the sender of a payload waits for a relay, over all tries. It is used up only by one that takes less than
/// receivers let a sender send: no link on which anything arrives is left for being slow. What the sender itself needs for a
/// piece does not count. No I/O.
package struct Patience: Hashable, Sendable {
    /// Bytes that give back as long as a flash waits. In a minute that is the least with which a receiver is content, 16 KiB
    /// in 30 s.
    package static let bytesMin: UInt64 = 32 << 10
    /// The largest piece of a flash's upload. How much is taken shows only when a whole piece is.
    package static let pieceBytes: UInt64 = 128 << 10

    private let flash: Duration
    private let most: Duration
    private var left: Duration
    /// Since when the relay is waited for, and for how many bytes; nil while the sender is at work.
    private var since: ContinuousClock.Instant?
    private var bytes: UInt64 = 0
    /// How far the relay has come, as far as that gave time back.
    private var position: UInt64 = 0

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
        self.flash = flash
        most = flash * times
        left = most
    }

    /// These bytes are on their way; from now on the relay is waited for.
    package mutating func wait(for bytes: UInt64, from now: ContinuousClock.Instant) {
        (since, self.bytes) = (now, bytes)
    }

    /// The relay is not waited for any more.
    /// - Parameter position: how far it has come, if that is known. What it takes again gives nothing back.
    package mutating func end(at now: ContinuousClock.Instant, position: UInt64 = 0) {
        if let since { left -= now - since }
        since = nil
        guard position > self.position else { return }
        left = min(left + time(for: position - self.position), most)
        self.position = position
    }

    /// Whether the relay has been waited for long enough.
    package func isUsedUp(at now: ContinuousClock.Instant) -> Bool {
        since.map { now - $0 > left + time(for: bytes) } ?? false
    }

    /// No other way is open: it begins anew.
    package mutating func renew(at now: ContinuousClock.Instant) {
        left = most
        if since != nil { since = now }
    }

    private func time(for bytes: UInt64) -> Duration {
        flash * (Double(bytes) / Double(Self.bytesMin))
    }
}
