/// Chance that a seed repeats: SplitMix64. Whatever is left to chance in a run is drawn from one of these.
struct Chance {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A number of `range`, each as likely as the others (to what a remainder of 64 bits tells).
    mutating func draw(_ range: ClosedRange<Int64>) -> Int64 {
        range.lowerBound + Int64(next() % UInt64(range.upperBound - range.lowerBound + 1))
    }

    mutating func index(below count: Int) -> Int { Int(draw(0...Int64(count - 1))) }

    /// Whether something happens that happens `perMille` times in a thousand.
    mutating func happens(_ perMille: Int) -> Bool {
        perMille > 0 && index(below: 1_000) < perMille
    }
}
