/// Neighbours of a valid input: truncated, longer, flipped, repeated, reordered.
package enum Mutations {
    /// `count` seeded mutations of `input`.
    package static func of(_ input: [UInt8], count: Int, seed: UInt64) -> [[UInt8]] {
        var random = SeededEntropy(seed)
        return (0..<count).map { _ in mutate(input, &random) }
    }

    private static func mutate(_ input: [UInt8], _ random: inout SeededEntropy) -> [UInt8] {
        var bytes = input
        guard !bytes.isEmpty else { return random.bytes(8) }
        for _ in 0...Int.random(in: 0..<3, using: &random) where !bytes.isEmpty {
            let at = Int.random(in: 0..<bytes.count, using: &random)
            let other = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes.removeLast(bytes.count - at)
            case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
            case 3: bytes.swapAt(at, other)
            case 4: bytes.insert(contentsOf: bytes[min(at, other)..<max(at, other)], at: at)
            default: bytes.removeSubrange(min(at, other)...max(at, other))
            }
        }
        return bytes
    }
}
