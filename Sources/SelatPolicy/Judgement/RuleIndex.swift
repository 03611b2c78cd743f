/// Finds, for some facts, the few rules of a list that can apply.
///
/// For each value of a fact it keeps one bit a rule: whether the rule's `when` can hold beside that
/// value. The bits of all facts are and-ed; a rule whose bit is gone is certainly `no`, whatever
/// else is known. So leaving it out changes no verdict: it only saves the asking.
struct RuleIndex: Hashable, Sendable {
    private let count: Int
    /// Words of 64 rules in one row.
    private let words: Int
    private let tables: [Table]

    /// One fact's rows, `words` long, one after the other.
    fileprivate struct Table: Sendable {
        let fact: Int
        let kind: Kind
        /// By value: the rules that can apply beside it.
        var rows: [UInt64]
        /// For `some`: the rules that ask for no element of this fact.
        var indifferent: [UInt64]
    }

    fileprivate enum Kind {
        /// The fact has one value, and its row says what can apply.
        case one
        /// Each certain element must be allowed.
        case each
        /// Some element must be asked for.
        case some
    }

    init(_ rules: [Rule]) {
        count = rules.count
        words = (rules.count + 63) / 64
        var builder = Builder(words: words)
        for (index, rule) in rules.enumerated() {
            for leaf in rule.when.necessary { builder.add(leaf, rule: index) }
        }
        tables = builder.tables
    }

    /// The positions of the rules that can apply, in order.
    func candidates(_ facts: [FactState]) -> [Int] {
        var live = [UInt64](repeating: .max, count: words)
        if count % 64 != 0, words > 0 { live[words - 1] = (1 << UInt64(count % 64)) - 1 }
        for table in tables { table.narrow(&live, words, facts[table.fact].content) }
        var positions: [Int] = []
        for word in 0..<words {
            var bits = live[word]
            while bits != 0 {
                positions.append(word << 6 + bits.trailingZeroBitCount)
                bits &= bits - 1
            }
        }
        return positions
    }

    // It follows from the rules beside which it stands.
    static func == (a: RuleIndex, b: RuleIndex) -> Bool { a.count == b.count }
    func hash(into hasher: inout Hasher) { hasher.combine(count) }
}

extension RuleIndex.Table {
    fileprivate func narrow(_ live: inout [UInt64], _ words: Int, _ content: FactState.Content) {
        switch (kind, content) {
        case (.one, .flag(let flag)): and(row: flag ? 1 : 0, &live, words)
        case (.one, .one(let value)): and(row: value, &live, words)
        case (.each, .set(let set)):
            for term in set.certain { and(row: term, &live, words) }
        case (.some, .set(let set)) where !set.isOpen:
            for word in 0..<words {
                var bits = indifferent[word]
                for term in set.certain { bits |= rows[term * words + word] }
                for term in set.maybe { bits |= rows[term * words + word] }
                live[word] &= bits
            }
        // What is not known rules nothing out.
        default: break
        }
    }

    private func and(row: Int, _ live: inout [UInt64], _ words: Int) {
        let start = row * words
        guard start + words <= rows.count else { return }
        for word in 0..<words { live[word] &= rows[start + word] }
    }
}

extension RuleIndex {
    /// Builds the tables rule by rule.
    fileprivate struct Builder {
        let words: Int
        private(set) var tables: [Table] = []

        init(words: Int) { self.words = words }

        mutating func add(_ leaf: Condition.Leaf, rule: Int) {
            switch leaf.test {
            case .flag(let expected):
                take(leaf.fact, .one, values: 2, rule) { ($0 == 1) == expected }
            case .one(let values):
                take(leaf.fact, .one, values: values.capacity, rule) { values.contains($0) }
            case .ladder(let range):
                // Levels above the range's end are ruled out too; there are never more than these.
                take(leaf.fact, .one, values: Self.rungsMax, rule) { range.contains($0) }
            case .only(let match):
                take(leaf.fact, .each, values: match.certain.capacity, rule) {
                    match.truth(of: $0) != .no
                }
            case .someOf(let match): addSome(leaf.fact, match, rule)
            case .allOf(let matches):
                if let first = matches.first { addSome(leaf.fact, first, rule) }
            case .number, .noneOf: break
            }
        }

        private static let rungsMax = 64

        /// Takes a rule out of the rows of the values beside which it cannot apply.
        private mutating func take(
            _ fact: Int, _ kind: Kind, values: Int, _ rule: Int, allows: (Int) -> Bool
        ) {
            let table = table(fact, kind, values: values, filled: .max)
            for value in 0..<values where !allows(value) {
                tables[table].rows[value * words + rule >> 6] &= ~(1 << UInt64(rule & 63))
            }
        }

        private mutating func addSome(_ fact: Int, _ match: TermMatch, _ rule: Int) {
            let values = match.certain.capacity
            let table = table(fact, .some, values: values, filled: 0)
            let bit: UInt64 = 1 << UInt64(rule & 63)
            tables[table].indifferent[rule >> 6] &= ~bit
            for value in 0..<values where match.truth(of: value) != .no {
                tables[table].rows[value * words + rule >> 6] |= bit
            }
        }

        private mutating func table(
            _ fact: Int, _ kind: Kind, values: Int, filled: UInt64
        ) -> Int {
            if let found = tables.firstIndex(where: { $0.fact == fact && $0.kind == kind }) {
                return found
            }
            tables.append(
                Table(
                    fact: fact, kind: kind,
                    rows: [UInt64](repeating: filled, count: values * words),
                    indifferent: [UInt64](repeating: .max, count: kind == .some ? words : 0)))
            return tables.count - 1
        }
    }
}

extension Condition {
    /// The tests without which it certainly does not hold.
    fileprivate var necessary: [Leaf] {
        switch self {
        case .leaf(let leaf): [leaf]
        case .all(let parts):
            parts.compactMap { part in
                if case .leaf(let leaf) = part { leaf } else { nil }
            }
        case .always, .any: []
        }
    }
}
