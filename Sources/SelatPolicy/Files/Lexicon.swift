/// A set of small integers.
struct Bits: Hashable, Sendable {
    private(set) var words: [UInt64]

    /// - Parameter count: the integers are 0 ..< count.
    init(count: Int) { words = Array(repeating: 0, count: (count + 63) / 64) }

    /// At least as many as there are integers that it can hold.
    var capacity: Int { words.count << 6 }

    mutating func insert(_ index: Int) { words[index >> 6] |= 1 << UInt64(index & 63) }
    func contains(_ index: Int) -> Bool { words[index >> 6] >> UInt64(index & 63) & 1 == 1 }
    mutating func formUnion(_ other: Bits) {
        for index in words.indices { words[index] |= other.words[index] }
    }
}

/// The values that one fact can have, as small integers, with the terms above each. One object, so
/// that judging passes it on without copying.
final class Lexicon: Hashable, Sendable {
    let names: [String]
    let index: [String: Int]
    /// For each term the terms above it, itself included.
    private let upward: [Bits]

    /// Values without a hierarchy, in their order.
    convenience init(_ names: [String]) {
        self.init(names, parents: [:])
    }

    /// - Parameter parents: the terms directly above a term; precondition: no cycle, all known.
    init(_ names: [String], parents: [String: [String]]) {
        self.names = names
        let index = Dictionary(
            uniqueKeysWithValues: names.enumerated().map { ($0.element, $0.offset) })
        self.index = index
        upward = names.map { name in
            var bits = Bits(count: names.count)
            var waiting = [name]
            while let next = waiting.popLast() {
                guard let position = index[next], !bits.contains(position) else { continue }
                bits.insert(position)
                waiting += parents[next] ?? []
            }
            return bits
        }
    }

    static func == (a: Lexicon, b: Lexicon) -> Bool {
        a === b || a.names == b.names && a.upward == b.upward
    }

    func hash(into hasher: inout Hasher) { hasher.combine(names) }

    static let countries = Lexicon(Countries.codes)

    /// The stated terms that match a condition's term, and those that may match because they are
    /// broader than it.
    func match(_ term: Int) -> TermMatch {
        var match = TermMatch(certain: Bits(count: names.count), possible: Bits(count: names.count))
        for other in names.indices {
            if upward[other].contains(term) {
                match.certain.insert(other)
            } else if upward[term].contains(other) {
                match.possible.insert(other)
            }
        }
        return match
    }
}

/// Which stated terms match a condition certainly, and which may.
struct TermMatch: Hashable, Sendable {
    var certain: Bits
    var possible: Bits

    func truth(of term: Int) -> Truth {
        certain.contains(term) ? .yes : possible.contains(term) ? .maybe : .no
    }

    /// The match with any of several terms.
    func joined(_ other: TermMatch) -> TermMatch {
        var joined = self
        joined.certain.formUnion(other.certain)
        joined.possible.formUnion(other.possible)
        return joined
    }
}
