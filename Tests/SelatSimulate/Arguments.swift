/// What the command line asks for.
struct Arguments {
    var seeds: UInt64 = 1_000
    var from: UInt64 = 1
    /// Every so many seeds; several processes share a range that way.
    var step: UInt64 = 1
    var plantsFaults = false
    /// Whether every step is printed, not only those before a broken invariant.
    var traces = false

    /// Nil where an argument is not known, or is no number.
    init?(_ words: some Sequence<String>) {
        var words = words.makeIterator()
        func number(_ least: UInt64) -> UInt64? {
            words.next().flatMap(UInt64.init).flatMap { $0 >= least ? $0 : nil }
        }
        while let word = words.next() {
            switch word {
            case "--seeds":
                guard let count = number(1) else { return nil }
                seeds = count
            case "--from":
                guard let seed = number(0) else { return nil }
                from = seed
            case "--step":
                guard let every = number(1) else { return nil }
                step = every
            case "--faults": plantsFaults = true
            case "--trace": traces = true
            default: return nil
            }
        }
        let (last, tooFar) = from.addingReportingOverflow(seeds)
        guard !tooFar, last > 0 else { return nil }
    }

    var range: StrideTo<UInt64> { stride(from: from, to: from + seeds, by: Int(clamping: step)) }
}
