import SelatCore

/// One concrete transfer inside a difference, small enough to be tried.
package struct Witness: Sendable {
    /// The question, with the ground that the sender names.
    package let question: Question
    /// Instruments that have to count: the safeguards that certainly and that perhaps hold.
    package let safeguards: [String]
    package let openSafeguards: [String]
    /// Whether another moment of decision could be answered otherwise.
    package let isTimed: Bool
    /// What the evaluator itself says of the file in question, before and after.
    package internal(set) var before = Verdict.Outcome.refused
    package internal(set) var after = Verdict.Outcome.refused
}

extension FactSpace {
    /// The question that a point of the space stands for.
    func witness(_ point: [Signal], naming ground: String?) -> Witness {
        let picked = Point(space: self, holds: Set(point))
        return Witness(
            question: picked.question(naming: ground),
            safeguards: picked.terms(.safeguard),
            openSafeguards: picked.openSafeguards, isTimed: !times.isEmpty)
    }
}

/// A point of a space with a representative of each class.
private struct Point {
    let space: FactSpace
    let holds: Set<Signal>

    private var set: PolicySet { space.readings[space.readings.count - 1].set }

    func question(naming ground: String?) -> Question {
        let (source, destination) = ends
        let lineage = Set(countries(.lineage))
        var question = Question(
            source: source, destination: destination,
            relays: countries(.relays).map { Self.node($0) }, sectors: [:], membershipSerial: 1,
            decided: decided, label: label(destination.country), facts: Facts(), ground: ground,
            lineage: lineage, documents: Set(terms(.document)),
            isEmergency: flag("emergency") ?? false)
        question.sectors[source.country] = sector(.sourceSector)
        if destination.country != source.country || space[.destinationSector] != nil {
            question.sectors[destination.country] = sector(.destinationSector)
        }
        for definition in space.definitions {
            if definition.source.isStated {
                question.facts[definition.name] = stated(definition, question)
            } else if definition.owner != nil, let number = number(definition.name) {
                question.counters[definition.name] = number
            }
        }
        return question
    }

    // MARK: The route

    /// The two ends, different ones where their classes have several members.
    private var ends: (NodeID, NodeID) {
        let source = country(.source, beside: nil)
        let isDomestic =
            if case .asked(.domestic, _) = space.route { true } else { false }
        let destination = isDomestic ? source : country(.destination, beside: source)
        return (Self.node(source), Self.node(destination, isOther: source == destination))
    }

    private static func node(_ country: Country, isOther: Bool = false) -> NodeID {
        // Made of a valid code, so it is one.
        guard let node = try? NodeID("\(country.code)/\(isOther ? "other" : "hub")") else {
            preconditionFailure("\(country) is no country")
        }
        return node
    }

    /// A class's countries, members of the federation first.
    private func candidates(_ terms: TermClass) -> [Country] {
        let countries = terms.names.compactMap { try? Country($0) }
        return countries.filter(set.countries.contains)
            + countries.filter { !set.countries.contains($0) }
    }

    private func country(_ fact: KnownFact, beside other: Country?) -> Country {
        guard case .one(let classes) = space[fact]?.values,
            let held = classes.first(where: { holds.contains($0.holds) })
        else { return set.countries.first { $0 != other } ?? set.countries[0] }
        let candidates = candidates(held.terms)
        return candidates.first { $0 != other } ?? candidates[0]
    }

    /// The countries of a set: of a class in which an end lies, that end.
    private func countries(_ fact: KnownFact) -> [Country] {
        guard case .set(let classes) = space[fact]?.values else { return [] }
        let (source, destination) = (ends.0.country, ends.1.country)
        return classes.filter { holds.contains($0.holds) }.map { element in
            let candidates = candidates(element.terms)
            if candidates.contains(destination) { return destination }
            return candidates.contains(source) ? source : candidates[0]
        }
    }

    private var decided: Timestamp {
        space.times.last { holds.contains($0.isPast) }?.moment ?? space.beginning
    }

    private func sector(_ fact: KnownFact) -> Sector {
        value(fact.rawValue).flatMap(Sector.init(rawValue:)) ?? .public
    }

    private func label(_ destination: Country) -> Label {
        var released = countries(.releasableTo)
        if !released.contains(destination) { released.append(destination) }
        return Label(
            classification: value("classification").flatMap(Classification.init(rawValue:))
                ?? .unclassified,
            releasableTo: released, tlp: value("tlp").flatMap(TLP.init(rawValue:)) ?? .amber)
    }

    // MARK: Values

    func terms(_ fact: KnownFact) -> [String] { terms(fact.rawValue) ?? [] }

    var openSafeguards: [String] {
        guard let fact = space[.safeguard], case .set(let classes) = fact.values else { return [] }
        return zip(classes, fact.maybe).filter { holds.contains($0.1) }.map { $0.0.terms.names[0] }
    }

    private func terms(_ fact: String) -> [String]? {
        guard case .set(let classes) = space.facts[fact]?.values else { return nil }
        return classes.filter { holds.contains($0.holds) }.map { $0.terms.names[0] }
    }

    private func value(_ fact: String) -> String? {
        guard case .one(let classes) = space.facts[fact]?.values else { return nil }
        return classes.first { holds.contains($0.holds) }?.terms.names[0]
    }

    private func flag(_ fact: String) -> Bool? {
        guard case .flag(let wire) = space.facts[fact]?.values else { return nil }
        return holds.contains(wire)
    }

    private func number(_ fact: String) -> UInt64? {
        guard let variables = space.facts[fact], case .number(let bounds) = variables.values,
            !isMissing(variables)
        else { return nil }
        return bounds.last { holds.contains($0.isReached) }?.bound ?? 0
    }

    private func isMissing(_ fact: FactVariables) -> Bool {
        fact.missing != .no && holds.contains(fact.missing)
    }

    private func stated(_ definition: FactDefinition, _ question: Question) -> Fact? {
        if let variables = space.facts[definition.name] {
            if isMissing(variables) { return nil }
            return chosen(definition, question).map { Fact($0, .stated) }
        }
        return usual(definition, question).map { Fact($0, .stated) }
    }

    /// The value at the point; nil where silence says the same.
    private func chosen(_ definition: FactDefinition, _ question: Question) -> FactValue? {
        let value: FactValue?
        switch definition.type {
        case .flag: value = flag(definition.name).map { .flag($0) }
        case .number: value = number(definition.name).map { .number($0) }
        case .one, .ladder: value = self.value(definition.name).map { .term($0) }
        case .set:
            if definition.type.lexicon?.names == Countries.codes,
                let fact = KnownFact(rawValue: definition.name)
            {
                value = .set(Set(countries(fact).map(\.code)))
            } else {
                value = terms(definition.name).map { .set(Set($0)) }
            }
        }
        return value == silence(definition, question) ? nil : value
    }

    private func silence(_ definition: FactDefinition, _ question: Question) -> FactValue? {
        switch definition.silence {
        case .none: .set([])
        case .flag(let flag): .flag(flag)
        case .word(let word): .term(word)
        case .sourceOnly: .set([question.source.country.code])
        case .destinationOnly: .set([question.destination.country.code])
        case .requiredIfPersonal where isPersonal == false:
            definition.type.word == "number" ? .number(0) : .set([])
        case .computed, .required, .requiredIfPersonal, .requiredIfSourceDefines: nil
        }
    }

    private var isPersonal: Bool? { space[.personalData] == nil ? false : flag("personal-data") }

    /// What a complete question states of a fact that the files do not look at.
    private func usual(_ definition: FactDefinition, _ question: Question) -> FactValue? {
        let isNeeded =
            switch definition.silence {
            case .required: true
            case .requiredIfPersonal: isPersonal == true
            case .requiredIfSourceDefines:
                !(set.jurisdictions[question.source.country]?.nationalCategories.isEmpty ?? true)
            default: false
            }
        guard isNeeded else { return nil }
        switch definition.type {
        case .flag: return .flag(false)
        case .number: return .number(1)
        case .one(let lexicon), .ladder(let lexicon): return lexicon.names.first.map { .term($0) }
        case .set(let lexicon):
            if definition.silence == .requiredIfSourceDefines { return .set([]) }
            let isCountries = lexicon.names == Countries.codes
            let first = isCountries ? question.source.country.code : lexicon.names.first
            return .set(Set([first].compactMap(\.self)))
        }
    }
}
