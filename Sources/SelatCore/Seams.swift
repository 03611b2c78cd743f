// What the world gives and a simulation replaces.

/// The wall clock.
package protocol WallClock: Sendable {
    /// Now, in UTC.
    func now() -> Timestamp
}

/// A source of random bytes for keys, salts and ids.
package protocol Entropy: Sendable {
    /// `count` bytes that nobody can predict.
    func bytes(_ count: Int) -> [UInt8]
}
