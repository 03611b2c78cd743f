/// How much of the spool's file system is kept for flash: what is less urgent is not taken in where
/// less would be left.
package struct DiskReserve: Sendable, Hashable {
    /// nil for the default.
    private let stated: UInt64?

    package init(bytes: UInt64? = nil) { stated = bytes }

    /// Bytes kept on a file system of `total` bytes. The default lies above the last twentieth (at
    /// most 256 MiB) that no payload may take: between the two there is room for flash.
    func bytes(of total: UInt64) -> UInt64 { stated ?? min(total / 10, 1 << 30) }
}

/// How the disk stands.
package struct DiskStanding: Sendable, Hashable {
    package let free: UInt64
    package let reserve: UInt64
    /// Whether only flash is taken in.
    package let isReached: Bool
}

/// Whether intake below flash stands still, as a pure machine. It goes on once there is an eighth
/// more than the reserve: each change is an entry in the log, so a disk at the brim must not make one
/// with every file.
struct Watermark: Hashable, Sendable {
    private(set) var isReached = false
    /// What was turned away since it was reached.
    private(set) var turnedAway: UInt64 = 0

    enum Change: Hashable, Sendable {
        case reached
        case left(turnedAway: UInt64)
    }

    /// - Returns: what has changed with this look at the disk.
    mutating func look(free: UInt64, reserve: UInt64) -> Change? {
        if !isReached {
            guard free < reserve else { return nil }
            (isReached, turnedAway) = (true, 0)
            return .reached
        }
        let (enough, isTooMuch) = reserve.addingReportingOverflow(reserve / 8)
        guard !isTooMuch, free >= enough else { return nil }
        isReached = false
        return .left(turnedAway: turnedAway)
    }

    mutating func turnAway() { turnedAway += 1 }
}
