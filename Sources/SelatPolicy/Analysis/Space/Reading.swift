import SelatCore

/// One file as it stands in a set: the set says what its words mean.
struct Reading: Sendable {
    let set: PolicySet
    /// Nil where the set has no such file: it then refuses.
    let file: Jurisdiction?

    func rules(_ flow: Flow?) -> FlowRules? { file?.byFlow[flow ?? .export] }

    func definition(_ fact: Int) -> FactDefinition { set.table.definitions[fact] }

    /// The conditions that a judgement of a flow may look at, those of derived facts included.
    func conditions(_ flow: Flow?) -> [Condition] {
        guard let file, let rules = rules(flow) else { return [] }
        let all = rules.prohibitions + rules.grounds + rules.duties
        var conditions = all.flatMap { [$0.when] + ($0.unless.map { [$0] } ?? []) }
        let national = set.table[.nationalCategory]
        if conditions.contains(where: { $0.names(national) }) {
            conditions += file.nationalCategories.compactMap(\.alsoWhen)
        }
        let special = set.table[.specialCategory]
        if conditions.contains(where: { $0.names(special) }) {
            conditions += file.special.map { [$0] } ?? []
        }
        return conditions
    }

    /// The countries whose files define national categories: from there silence on them is open.
    var definingCountries: Set<Country> {
        Set(
            set.jurisdictions.values.filter { !$0.nationalCategories.isEmpty }.compactMap(\.country)
        )
    }
}

extension Condition {
    fileprivate func names(_ fact: Int) -> Bool { leaves.contains { $0.fact == fact } }
}

/// Whose file is asked about what, which decides how the ends of a transfer stand to it.
enum Route: Hashable, Sendable {
    case asked(Flow, of: Country)
    /// The federation's file, or any pair of ends.
    case abroad
    case between(Country, Country)

    init(_ flow: Flow?, _ file: Jurisdiction?) {
        if let flow, let country = file?.country {
            self = .asked(flow, of: country)
        } else {
            self = .abroad
        }
    }

    /// The countries that it names.
    var countries: [Country] {
        switch self {
        case .asked(_, let country): [country]
        case .abroad: []
        case .between(let source, let destination): [source, destination]
        }
    }
}
