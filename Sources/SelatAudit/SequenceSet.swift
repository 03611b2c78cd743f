/// Sequences of entries, kept as ranges: neighbours cost nothing.
package struct SequenceSet: Hashable, Sendable {
    /// Ascending, none touching the next.
    package private(set) var ranges: [ClosedRange<UInt64>] = []

    package init() {}

    package init(_ ranges: some Sequence<ClosedRange<UInt64>>) {
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) { append(range) }
    }

    package var isEmpty: Bool { ranges.isEmpty }
    package var count: UInt64 { ranges.reduce(0) { $0 + UInt64($1.count) } }

    package func contains(_ sequence: UInt64) -> Bool {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < sequence { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(sequence)
    }

    /// Adds a range that begins at or behind the beginning of the last one.
    package mutating func append(_ range: ClosedRange<UInt64>) {
        guard let last = ranges.last, range.lowerBound <= last.upperBound &+ 1 else {
            return ranges.append(range)
        }
        precondition(range.lowerBound >= last.lowerBound, "ranges come in order")
        ranges[ranges.count - 1] =
            last.lowerBound...max(last.upperBound, range.upperBound)
    }

    package func union(_ other: SequenceSet) -> SequenceSet { SequenceSet(ranges + other.ranges) }

    package func subtracting(_ other: SequenceSet) -> SequenceSet {
        var rest = SequenceSet()
        var others = other.ranges[...]
        for range in ranges {
            var start = range.lowerBound
            while let cut = others.first, cut.lowerBound <= range.upperBound {
                if cut.lowerBound > start { rest.append(start...cut.lowerBound - 1) }
                start = max(start, cut.upperBound + 1)
                // A cut that goes on cuts the next range too.
                guard cut.upperBound <= range.upperBound else { break }
                others.removeFirst()
            }
            if start <= range.upperBound { rest.append(start...range.upperBound) }
        }
        return rest
    }
}
