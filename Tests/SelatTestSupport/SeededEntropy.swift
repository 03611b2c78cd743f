package import SelatCore
import Synchronization

/// Random bytes that a seed repeats: SplitMix64.
package final class SeededEntropy: Entropy, RandomNumberGenerator {
    private let state: Mutex<UInt64>

    package init(_ seed: UInt64) { state = Mutex(seed) }

    package func next() -> UInt64 {
        state.withLock { state in
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    package func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}

/// A clock that stands until a test moves it.
package final class TestClock: WallClock {
    private let time: Mutex<Timestamp>

    package init(_ time: Timestamp) { self.time = Mutex(time) }

    package func now() -> Timestamp { time.withLock { $0 } }
    package func set(_ new: Timestamp) { time.withLock { $0 = new } }
    package func advance(seconds: Int64) { time.withLock { $0 = $0 + seconds } }
}
