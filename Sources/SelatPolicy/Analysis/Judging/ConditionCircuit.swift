import SelatCore

// The three-valued truth of a condition over the whole space: the mirror of `Condition.truth` and
// of the facts as `Evaluation.view` gives them to one file.
extension FactSpace {
    /// A condition as the file of one reading understands it.
    mutating func truth(_ condition: Condition, in reading: Int) -> Kleene {
        switch condition {
        case .always: return .yes
        case .all(let conditions):
            let truths = conditions.map { truth($0, in: reading) }
            return reasoner.circuit.all(truths)
        case .any(let conditions):
            let truths = conditions.map { truth($0, in: reading) }
            return reasoner.circuit.any(truths)
        case .leaf(let leaf): return truth(leaf, in: reading)
        }
    }

    private mutating func truth(_ leaf: Condition.Leaf, in reading: Int) -> Kleene {
        let definition = readings[reading].definition(leaf.fact)
        switch KnownFact(rawValue: definition.name) {
        case .specialCategory: return special(leaf.test, in: reading)
        case .classification: return level(leaf.test, in: reading)
        default: break
        }
        guard let fact = facts[definition.name] else { return .maybe }
        switch (leaf.test, fact.values) {
        case (.flag(let expected), .flag(let signal)):
            let known = known(signal, unless: fact.missing)
            return expected ? known : !known
        case (.number(let range), .number(let bounds)):
            let within = within(range, bounds)
            return known(within, unless: fact.missing)
        case (.one, .one(let classes)), (.ladder, .one(let classes)):
            let lexicon = definition.type.lexicon
            let holding = classes.filter { leaf.test.holds(lexicon?.index[$0.terms.names[0]]) }
            let some = reasoner.circuit.any(holding.map(\.holds))
            return known(some, unless: fact.missing)
        case (_, .set(let classes)):
            return set(leaf.test, elements(fact, classes, definition, in: reading))
        default: return .maybe
        }
    }

    private mutating func known(_ signal: Signal, unless missing: Signal) -> Kleene {
        Kleene(
            certain: reasoner.circuit.and(signal, !missing),
            excluded: reasoner.circuit.and(!signal, !missing))
    }

    private mutating func within(
        _ range: ClosedRange<UInt64>, _ bounds: [(bound: UInt64, isReached: Signal)]
    ) -> Signal {
        func reached(_ bound: UInt64) -> Signal {
            bound == 0 ? .yes : bounds.first { $0.bound == bound }?.isReached ?? .no
        }
        let isBelow = range.upperBound < .max ? reached(range.upperBound + 1) : .no
        return reasoner.circuit.and(reached(range.lowerBound), !isBelow)
    }

    // MARK: Derived facts

    private mutating func special(_ test: Condition.Test, in reading: Int) -> Kleene {
        guard case .flag(let expected) = test else { return .maybe }
        var found = Kleene.no
        if let special = readings[reading].file?.special { found = truth(special, in: reading) }
        return expected ? found : !found
    }

    /// Each file sees the label at its own level.
    private mutating func level(_ test: Condition.Test, in reading: Int) -> Kleene {
        guard let file = readings[reading].file, case .ladder(let range) = test,
            case .one(let levels) = self[.classification]?.values
        else { return .maybe }
        let holding = levels.indices.filter { range.contains(file.level(of: $0, .current)) }
        let some = reasoner.circuit.any(holding.map { levels[$0].holds })
        return .known(some)
    }
}

// MARK: Sets

/// What is known of a set: the mirror of `KnownSet`.
private struct Elements {
    /// Terms by their position in the edition's vocabulary; nil where it does not know them.
    var certain: [(term: Int?, holds: Signal)] = []
    var maybe: [(term: Int?, holds: Signal)] = []
    var isOpen = Signal.no
}

extension FactSpace {
    private mutating func elements(
        _ fact: FactVariables, _ classes: [(terms: TermClass, holds: Signal)],
        _ definition: FactDefinition, in reading: Int
    ) -> Elements {
        let lexicon = definition.type.lexicon
        let terms = classes.map { lexicon?.index[$0.terms.names[0]] }
        var elements = Elements(isOpen: fact.missing)
        elements.certain = zip(terms, classes).map { ($0, $1.holds) }
        elements.maybe = zip(terms, fact.maybe).map { ($0, $1) }
        if definition.name == KnownFact.nationalCategory.rawValue {
            addNational(&elements, fact, in: reading)
        }
        return elements
    }

    /// Categories that the file's own conditions find; silence is open only where the source's
    /// file defines some.
    private mutating func addNational(
        _ elements: inout Elements, _ fact: FactVariables, in reading: Int
    ) {
        let defining = readings[reading].definingCountries.sorted().map { holds(.source, $0) }
        let isDefined = reasoner.circuit.any(defining)
        elements.isOpen = reasoner.circuit.and(fact.missing, isDefined)
        for category in readings[reading].file?.nationalCategories ?? [] {
            guard let also = category.alsoWhen else { continue }
            let found = truth(also, in: reading)
            elements.certain.append((category.term, found.certain))
            let maybe = reasoner.circuit.and(found.possible, !found.certain)
            elements.maybe.append((category.term, maybe))
        }
    }

    private mutating func set(_ test: Condition.Test, _ elements: Elements) -> Kleene {
        switch test {
        case .someOf(let match): return some(match, elements)
        case .noneOf(let match): return !some(match, elements)
        case .only(let match): return only(match, elements)
        case .allOf(let matches):
            let truths = matches.map { some($0, elements) }
            return reasoner.circuit.all(truths)
        default: return .maybe
        }
    }

    private mutating func some(_ match: TermMatch, _ elements: Elements) -> Kleene {
        let test = TermTest.match(match)
        let matching = elements.certain.filter { test.truth($0.term) == .yes }.map(\.holds)
        let touching = (elements.certain + elements.maybe)
            .filter { test.truth($0.term) != .no }.map(\.holds)
        let possible = reasoner.circuit.any(touching + [elements.isOpen])
        return Kleene(certain: reasoner.circuit.any(matching), excluded: !possible)
    }

    private mutating func only(_ match: TermMatch, _ elements: Elements) -> Kleene {
        let test = TermTest.match(match)
        let foreign = elements.certain.filter { test.truth($0.term) == .no }.map(\.holds)
        let doubtful = (elements.certain + elements.maybe)
            .filter { test.truth($0.term) != .yes }.map(\.holds)
        let open = reasoner.circuit.any(doubtful + [elements.isOpen])
        return Kleene(certain: !open, excluded: reasoner.circuit.any(foreign))
    }
}

extension Condition.Test {
    /// Whether a known single value meets it; a value that an edition does not know meets nothing.
    fileprivate func holds(_ position: Int?) -> Bool {
        guard let position else { return false }
        return truth(.one(position)) == .yes
    }
}
