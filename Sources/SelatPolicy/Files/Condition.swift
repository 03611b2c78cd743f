/// What is known of one fact while a file is asked.
struct FactState: Sendable {
    enum Content: Sendable {
        case unknown
        case flag(Bool)
        case number(UInt64)
        /// The position of a one-of's or a ladder's value in its lexicon.
        case one(Int)
        case set(KnownSet)
    }

    var content: Content
    /// The facts to state so that this one becomes known; empty where it is known, or where
    /// stating it more narrowly would help.
    var causes: [Int] = []
}

/// A set of which not everything may be known.
struct KnownSet: Sendable {
    var certain: [Int] = []
    /// Terms that may be in the set.
    var maybe: [Int] = []
    /// Whether any other term may be in it.
    var isOpen = false
}

/// A rule's condition, resolved to positions so that evaluation compares integers only.
indirect enum Condition: Hashable, Sendable {
    case always
    case all([Condition])
    case any([Condition])
    case leaf(Leaf)

    struct Leaf: Hashable, Sendable {
        let fact: Int
        let test: Test
        /// As written, `purpose: only [dpv:PublicBenefit]`, for explanations; two spellings of one
        /// test are equal.
        let text: String
        /// The terms as written, groups of countries replaced by their members.
        var terms: [String] = []

        static func == (a: Leaf, b: Leaf) -> Bool { a.fact == b.fact && a.test == b.test }

        func hash(into hasher: inout Hasher) {
            hasher.combine(fact)
            hasher.combine(test)
        }
    }

    enum Test: Hashable, Sendable {
        case flag(Bool)
        case number(ClosedRange<UInt64>)
        case one(Bits)
        case ladder(ClosedRange<Int>)
        case someOf(TermMatch)
        case allOf([TermMatch])
        case only(TermMatch)
        case noneOf(TermMatch)
    }

    func truth(_ facts: [FactState]) -> Truth {
        switch self {
        case .always: return .yes
        case .all(let conditions):
            var truth = Truth.yes
            for condition in conditions {
                truth = min(truth, condition.truth(facts))
                if truth == .no { break }
            }
            return truth
        case .any(let conditions):
            var truth = Truth.no
            for condition in conditions {
                truth = max(truth, condition.truth(facts))
                if truth == .yes { break }
            }
            return truth
        case .leaf(let leaf): return leaf.test.truth(facts[leaf.fact].content)
        }
    }

    /// The facts because of which the condition is open.
    func causes(_ facts: [FactState], into causes: inout Set<Int>) {
        guard truth(facts) == .maybe else { return }
        switch self {
        case .always: break
        case .all(let conditions), .any(let conditions):
            for condition in conditions { condition.causes(facts, into: &causes) }
        case .leaf(let leaf):
            let state = facts[leaf.fact]
            causes.formUnion(state.causes.isEmpty ? [leaf.fact] : state.causes)
        }
    }

    /// Every test in it, in order.
    var leaves: [Leaf] {
        switch self {
        case .always: []
        case .all(let conditions), .any(let conditions): conditions.flatMap(\.leaves)
        case .leaf(let leaf): [leaf]
        }
    }
}

extension Condition.Test {
    func truth(_ content: FactState.Content) -> Truth {
        switch (self, content) {
        case (.flag(let expected), .flag(let flag)): Truth(flag == expected)
        case (.number(let range), .number(let number)): Truth(range.contains(number))
        case (.one(let values), .one(let value)): Truth(values.contains(value))
        case (.ladder(let range), .one(let value)): Truth(range.contains(value))
        case (.someOf(let match), .set(let set)): set.some(match)
        case (.noneOf(let match), .set(let set)): !set.some(match)
        case (.only(let match), .set(let set)): set.only(match)
        case (.allOf(let matches), .set(let set)):
            matches.lazy.map { set.some($0) }.min() ?? .yes
        // Unknown; and a shape that the types rule out is no reason to let anything pass.
        default: .maybe
        }
    }
}

extension KnownSet {
    /// Whether some element matches.
    func some(_ match: TermMatch) -> Truth {
        var truth: Truth = isOpen ? .maybe : .no
        for term in certain {
            truth = max(truth, match.truth(of: term))
            if truth == .yes { return .yes }
        }
        for term in maybe where match.truth(of: term) != .no { truth = max(truth, .maybe) }
        return truth
    }

    /// Whether nothing but matching elements is there; true of the empty set.
    func only(_ match: TermMatch) -> Truth {
        var truth: Truth = isOpen ? .maybe : .yes
        for term in certain {
            truth = min(truth, match.truth(of: term))
            if truth == .no { return .no }
        }
        for term in maybe where match.truth(of: term) != .yes { truth = min(truth, .maybe) }
        return truth
    }
}
