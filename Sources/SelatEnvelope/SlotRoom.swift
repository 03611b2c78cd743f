import Synchronization

/// How many segments' memory those payloads share for which nobody waits in line: the first ones take
/// what makes them fast, those beside them what they need to go on.
final class SlotRoom: Sendable {
    private let free: Mutex<Int>

    init(_ slots: Int) { free = Mutex(slots) }

    /// - Returns: how many were taken: at most `most`, and `least` also where nothing is free.
    func take(_ most: Int, atLeast least: Int) -> Int {
        free.withLock { free in
            let taken = max(min(least, most), min(most, free))
            free -= taken
            return taken
        }
    }

    func takeOne() -> Bool {
        free.withLock { free in
            guard free > 0 else { return false }
            free -= 1
            return true
        }
    }

    func giveBack(_ slots: Int) { free.withLock { $0 += slots } }
}
