import SelatCore

// What it means that nobody stated a fact (Language, *Silence*), and what contradicts itself then.
extension FactResolver {
    mutating func resolveSilence() {
        let personal = set.table[.personalData]
        if case .flag(let flag) = states[personal].content { isPersonal = Truth(flag) }
        for index in set.table.stated {
            let fact = set.table.definitions[index]
            guard question.facts[fact.name] == nil else { continue }
            switch fact.silence {
            case .required: require(fact)
            case .requiredIfPersonal: resolvePersonal(fact, personal)
            case .requiredIfSourceDefines: resolveNational(fact)
            case .sourceOnly: assume(fact, .set([question.source.country.code]))
            case .destinationOnly: assume(fact, .set([question.destination.country.code]))
            case .none: assume(fact, .set([]))
            case .flag(let flag): assume(fact, .flag(flag))
            case .word(let word): assume(fact, .term(word))
            case .computed: break
            }
        }
    }

    private mutating func require(_ fact: FactDefinition) {
        missing.insert(fact.index)
        leaveOpen(fact, because: fact.index)
    }

    private mutating func leaveOpen(_ fact: FactDefinition, because cause: Int) {
        let content: FactState.Content =
            if case .set = fact.type { .set(KnownSet(isOpen: true)) } else { .unknown }
        states[fact.index] = FactState(content: content, causes: [cause])
    }

    private mutating func resolvePersonal(_ fact: FactDefinition, _ personal: Int) {
        switch isPersonal {
        case .yes: require(fact)
        // Whether it is needed depends on another fact, which is the one to state.
        case .maybe: leaveOpen(fact, because: personal)
        case .no: assume(fact, fact.type.empty)
        }
    }

    private mutating func resolveNational(_ fact: FactDefinition) {
        let source = set.jurisdictions[question.source.country]
        if source?.nationalCategories.isEmpty ?? true {
            assume(fact, .set([]))
        } else {
            require(fact)
        }
    }

    private mutating func assume(_ fact: FactDefinition, _ value: FactValue) {
        // Silence was checked against the vocabulary when it was loaded.
        guard let content = try? content(value, fact) else {
            return leaveOpen(fact, because: fact.index)
        }
        states[fact.index] = FactState(content: content)
        facts[fact.name] = Fact(value, .assumed)
    }

    // MARK: Contradictions

    /// Without personal data no fact on persons has a value; with personal data each has one.
    mutating func checkPersons() {
        for index in set.table.onPersons {
            let fact = set.table.definitions[index]
            guard let value = facts[fact.name]?.value else { continue }
            let isEmpty = value == fact.type.empty
            if isPersonal == .no && !isEmpty || isPersonal == .yes && isEmpty {
                contradictions.insert(fact.name)
            }
        }
        if facts["purpose"]?.value == .set([]) { contradictions.insert("purpose") }
    }
}

extension FactType {
    /// The value of a fact on persons where there are none.
    fileprivate var empty: FactValue {
        switch self {
        case .flag: .flag(false)
        case .number: .number(0)
        case .one, .ladder, .set: .set([])
        }
    }
}
