import SelatCore

/// How fast the next node takes an upload, without the time in which this node itself holds it back: for others, for a
/// limit, or while it reads.
///
/// A minimum in bytes a second would cut off honest slow links, more so where several uploads share them. What
/// would expire on its way is of no use to anybody.
struct UploadPace {
    /// How long a link is watched before it is called too slow.
    static let watched = Duration.seconds(600)

    private var given: (bytes: UInt64, at: ContinuousClock.Instant)?
    /// Since it was judged last.
    private var taken: UInt64 = 0
    private var waited = Duration.zero

    /// The link is given a piece.
    mutating func give(_ bytes: UInt64, at now: ContinuousClock.Instant) { given = (bytes, now) }

    /// The link has taken the piece, and asks for more.
    /// - Parameters:
    ///   - left: bytes that it was not given yet.
    ///   - seconds: how long it has for them.
    /// - Returns: bytes a second that are too few for that; nil where they are not, or it was not watched for long enough.
    mutating func tooSlow(
        at now: ContinuousClock.Instant, left: UInt64, within seconds: Int64
    ) -> UInt64? {
        guard let given else { return nil }
        self.given = nil
        taken += given.bytes
        waited += now - given.at
        guard waited >= Self.watched else { return nil }
        let rate = Double(taken) / Double(waited.components.seconds)
        (taken, waited) = (0, .zero)
        return rate * Double(seconds) < Double(left) ? UInt64(rate) : nil
    }
}
