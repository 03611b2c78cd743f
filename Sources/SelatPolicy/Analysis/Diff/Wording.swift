import SelatCore

// Alternatives of a region in the words of the language.
extension FactSpace {
    /// Alternatives, each fact by fact; an empty one holds always. Those that differ only in which
    /// element a set has are one.
    func wording(_ alternatives: [[Signal]]) -> [[String]] {
        var merged: [Merged] = []
        for alternative in alternatives.map(Set.init) {
            let joined = merged.indices.first { position in
                guard let (rest, elements) = join(merged[position], alternative) else {
                    return false
                }
                merged[position] = (rest, elements)
                return true
            }
            if joined == nil { merged.append((alternative, [])) }
        }
        return merged.map { wording($0.rest, someOf: $0.elements) }
    }

    /// What holds in any case, and elements of one fact of which one is there.
    private typealias Merged = (rest: Set<Signal>, elements: Set<Signal>)

    /// Nil where they differ in more than the element.
    private func join(_ merged: Merged, _ alternative: Set<Signal>) -> Merged? {
        let own = alternative.subtracting(merged.rest)
        let others =
            merged.elements.isEmpty
            ? merged.rest.subtracting(alternative) : merged.elements
        let rest = merged.elements.isEmpty ? merged.rest.subtracting(others) : merged.rest
        guard own.count == 1, rest.isSubset(of: alternative),
            merged.elements.isEmpty ? others.count == 1 : true,
            let fact = own.first.flatMap({ fact(ofElement: $0) }),
            others.allSatisfy({ self.fact(ofElement: $0) == fact })
        else { return nil }
        return (rest, others.union(own))
    }

    /// The set fact of which a wire says that it has an element.
    private func fact(ofElement wire: Signal) -> String? {
        facts.values.first { fact in
            guard case .set(let classes) = fact.values else { return false }
            return classes.contains { $0.holds == wire }
        }?.name
    }

    private func wording(_ said: Set<Signal>, someOf elements: Set<Signal>) -> [String] {
        var parts: [String] = []
        for (moment, isPast) in times {
            if said.contains(isPast) { parts.append("from \(moment.text.prefix(10))") }
            if said.contains(!isPast) { parts.append("before \(moment.text.prefix(10))") }
        }
        for fact in names.compactMap({ facts[$0] }) {
            parts += wording(fact, said, elements).map { "\(fact.name): \($0)" }
        }
        return parts
    }

    private func wording(
        _ fact: FactVariables, _ said: Set<Signal>, _ elements: Set<Signal>
    ) -> [String] {
        if fact.missing != .no, said.contains(fact.missing) { return ["not stated"] }
        let parts: [String]
        switch fact.values {
        case .flag(let wire): parts = flag(wire, fact, said)
        case .number(let bounds): parts = number(bounds, said)
        case .one(let classes): parts = one(classes, fact, said)
        case .set(let classes): parts = set(classes, fact, said, elements)
        }
        let isStated = fact.missing != .no && said.contains(!fact.missing)
        return parts.isEmpty && isStated ? ["stated"] : parts
    }

    private func flag(_ wire: Signal, _ fact: FactVariables, _ said: Set<Signal>) -> [String] {
        if said.contains(wire) { return ["yes"] }
        guard said.contains(!wire) else { return [] }
        let isKnown = fact.missing == .no || said.contains(!fact.missing)
        return [isKnown ? "no" : "not yes"]
    }

    private func number(
        _ bounds: [(bound: UInt64, isReached: Signal)], _ said: Set<Signal>
    ) -> [String] {
        let low = bounds.last { said.contains($0.isReached) }?.bound
        let high = bounds.first { said.contains(!$0.isReached) }?.bound
        if let low, let high, low + 1 == high { return ["\(low)"] }
        let parts = [low.map { "at-least \($0)" }, high.map { "at-most \($0 - 1)" }]
        return parts.contains { $0 != nil }
            ? [parts.compactMap(\.self).joined(separator: ", ")] : []
    }

    private func one(
        _ classes: [(terms: TermClass, holds: Signal)], _ fact: FactVariables, _ said: Set<Signal>
    ) -> [String] {
        if let value = classes.first(where: { said.contains($0.holds) }) {
            return [list([value.terms], fact)]
        }
        let excluded = classes.filter { said.contains(!$0.holds) }.map(\.terms)
        guard !excluded.isEmpty else { return [] }
        let left = classes.map(\.terms).filter { !excluded.contains($0) }
        if case .ladder = definition(fact)?.type, let range = Self.range(classes.map(\.terms), left)
        {
            return [range]
        }
        return [
            Self.size(left) <= Self.size(excluded)
                ? list(left, fact) : "none of \(list(excluded, fact))"
        ]
    }

    private func set(
        _ classes: [(terms: TermClass, holds: Signal)], _ fact: FactVariables, _ said: Set<Signal>,
        _ elements: Set<Signal>
    ) -> [String] {
        let one = classes.filter { elements.contains($0.holds) }.map(\.terms)
        let some = classes.filter { said.contains($0.holds) }.map(\.terms)
        let none = classes.filter { said.contains(!$0.holds) }.map(\.terms)
        let left = classes.map(\.terms).filter { !none.contains($0) }
        var parts = some.map { "some-of \(list([$0], fact))" }
        if !one.isEmpty { parts.append("some-of \(list(one, fact))") }
        let open = zip(classes, fact.maybe).filter { said.contains($0.1) }.map(\.0.terms)
        if !open.isEmpty { parts.append("perhaps \(list(open, fact))") }
        if none.count == classes.count { return ["empty"] + parts }
        if !none.isEmpty {
            parts.append(
                Self.size(left) < Self.size(none)
                    ? "only \(list(left, fact))" : "none-of \(list(none, fact))")
        }
        return parts
    }

    // MARK: Terms

    /// Longer lists are cut.
    private static let shown = 12

    private static func size(_ classes: [TermClass]) -> Int {
        classes.reduce(0) { $0 + $1.names.count }
    }

    /// A run of levels that begins at the lowest or ends at the highest.
    private static func range(_ all: [TermClass], _ left: [TermClass]) -> String? {
        guard left.count > 1, let first = left.first, let last = left.last else { return nil }
        if all.prefix(left.count) == left[...] { return "at-most \(last.names[0])" }
        return all.suffix(left.count) == left[...] ? "at-least \(first.names[0])" : nil
    }

    private func definition(_ fact: FactVariables) -> FactDefinition? {
        definitions.first { $0.name == fact.name }
    }

    private func list(_ classes: [TermClass], _ fact: FactVariables) -> String {
        let names = topmost(classes.flatMap(\.names), definition(fact)?.type.lexicon)
        if names.count == 1 { return names[0] }
        let cut = names.count > Self.shown ? ["… \(names.count - Self.shown) more"] : []
        return "[\((names.prefix(Self.shown) + cut).joined(separator: ", "))]"
    }

    /// Without the terms below others of the list: those mean what stands below them, too.
    private func topmost(_ names: [String], _ lexicon: Lexicon?) -> [String] {
        guard let lexicon else { return names }
        let listed = Set(names)
        var covered: Set<String> = []
        for name in names {
            guard let position = lexicon.index[name] else { continue }
            let match = lexicon.match(position)
            let below = lexicon.names.indices.filter { match.truth(of: $0) == .yes }
                .map { lexicon.names[$0] }
            if below.count > 1, listed.isSuperset(of: below) {
                covered.formUnion(below.filter { $0 != name })
            }
        }
        return names.filter { !covered.contains($0) }
    }
}
