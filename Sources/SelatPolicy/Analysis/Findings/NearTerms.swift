/// Lists that name all terms directly below one but a single one: perhaps it was forgotten.
struct NearTerms {
    private let table: FactTable

    init(_ table: FactTable) { self.table = table }

    /// Fewer siblings are no pattern.
    private static let siblingsMin = 4

    func messages(_ rule: Rule) -> [String] {
        let conditions = [rule.when] + (rule.unless.map { [$0] } ?? [])
        return conditions.flatMap(\.leaves).flatMap { messages($0, rule) }
    }

    private func messages(_ leaf: Condition.Leaf, _ rule: Rule) -> [String] {
        let fact = table.definitions[leaf.fact]
        guard let lexicon = fact.type.lexicon, let match = Self.match(leaf.test) else { return [] }
        // What the list certainly means: the terms that it names, and those below.
        let meant = Set(lexicon.names.indices.filter { match.truth(of: $0) == .yes })
        return lexicon.names.indices.filter { !meant.contains($0) }.compactMap { parent in
            let children = lexicon.children(of: parent)
            let left = children.filter { !meant.contains($0) }
            guard children.count >= Self.siblingsMin, left.count == 1 else { return nil }
            return "`\(rule.name)` names all terms below `\(lexicon.names[parent])` "
                + "in `\(fact.name)` but `\(lexicon.names[left[0]])`"
        }
    }

    private static func match(_ test: Condition.Test) -> TermMatch? {
        switch test {
        case .someOf(let match), .only(let match), .noneOf(let match): match
        case .flag, .number, .one, .ladder, .allOf: nil
        }
    }
}

extension Lexicon {
    /// The terms directly below one.
    fileprivate func children(of parent: Int) -> [Int] {
        let below = self.below(parent)
        return below.filter { child in
            !below.contains { $0 != child && self.below($0).contains(child) }
        }
    }

    private func below(_ term: Int) -> [Int] {
        let match = match(term)
        return names.indices.filter { $0 != term && match.truth(of: $0) == .yes }
    }
}
