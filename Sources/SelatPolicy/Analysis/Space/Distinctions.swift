import SelatCore

/// Terms that no condition of the files compared tells apart.
struct TermClass: Hashable, Sendable {
    /// In the vocabulary's order; never empty.
    let names: [String]
}

/// What the conditions of some files tell apart: all else about a fact changes no judgement.
struct Distinctions {
    private struct Test: Hashable {
        let reading: Int
        let test: Condition.Test
    }

    private let readings: [Reading]
    private let route: Route
    private var tests: [String: Set<Test>] = [:]
    /// The facts that some condition names.
    private(set) var named: Set<String> = []
    /// The moments at which some rule begins or ends.
    private(set) var times: Set<Timestamp> = []

    init(_ readings: [Reading], _ flows: [Flow?], _ route: Route) {
        self.readings = readings
        self.route = route
        for (position, reading) in readings.enumerated() {
            add(position, reading, flows[position])
        }
    }

    private mutating func add(_ position: Int, _ reading: Reading, _ flow: Flow?) {
        for leaf in reading.conditions(flow).flatMap(\.leaves) {
            let name = reading.definition(leaf.fact).name
            named.insert(name)
            tests[name, default: []].insert(Test(reading: position, test: leaf.test))
        }
        guard let rules = reading.rules(flow) else { return }
        for rule in rules.prohibitions + rules.grounds + rules.duties {
            times.formUnion([rule.from, rule.until].compactMap(\.self))
        }
    }

    // MARK: Terms

    /// A fact's terms in all editions, the last edition's first.
    private func terms(_ fact: String) -> [String] {
        var (terms, seen): ([String], Set<String>) = ([], [])
        for reading in readings.reversed() {
            guard let index = reading.set.table.index[fact] else { continue }
            let names = reading.definition(index).type.lexicon?.names ?? []
            terms += names.filter { seen.insert($0).inserted }
        }
        return terms
    }

    /// The classes of a fact's terms. Those of countries are the same for every fact, because ends
    /// and sets of countries are compared with one another.
    func classes(_ fact: String) -> [TermClass] {
        let countries = Set(Countries.codes)
        let own = terms(fact)
        guard own.count == countries.count, countries.isSuperset(of: own) else {
            return Self.classes(of: own, signatures([fact], own))
        }
        let facts = tests.keys.filter { terms($0).count == own.count && terms($0) == own }.sorted()
        return Self.classes(of: own, signatures(facts, own))
    }

    private static func classes(
        of terms: [String], _ signatures: [String: [UInt8]]
    ) -> [TermClass] {
        var (positions, groups): ([[UInt8]: Int], [[String]]) = ([:], [])
        for term in terms {
            let signature = signatures[term] ?? []
            if let position = positions[signature] {
                groups[position].append(term)
            } else {
                positions[signature] = groups.count
                groups.append([term])
            }
        }
        return groups.map(TermClass.init)
    }

    /// How each term fares in each test.
    private func signatures(_ facts: [String], _ terms: [String]) -> [String: [UInt8]] {
        var signatures = Dictionary(uniqueKeysWithValues: terms.map { ($0, [UInt8]()) })
        for fact in facts {
            for test in tests[fact] ?? [] {
                guard let lexicon = lexicon(fact, test.reading) else { continue }
                for part in test.test.parts {
                    for term in terms {
                        let truth = part.truth(lexicon.index[term])
                        signatures[term]?.append(UInt8(truth.rawValue))
                    }
                }
            }
        }
        for (mark, country) in singled.enumerated() where signatures[country.code] != nil {
            signatures[country.code]?.append(UInt8(3 + mark % 250))
        }
        return signatures
    }

    private func lexicon(_ fact: String, _ reading: Int) -> Lexicon? {
        let table = readings[reading].set.table
        return table.index[fact].flatMap { table.definitions[$0].type.lexicon }
    }

    /// The countries that stand alone whether a condition names them or not.
    private var singled: [Country] {
        var countries = Set(route.countries)
        if named.contains(KnownFact.nationalCategory.rawValue) {
            for reading in readings { countries.formUnion(reading.definingCountries) }
        }
        return countries.sorted()
    }

    // MARK: Numbers

    /// The numbers from which on some test has another answer, in order.
    func bounds(_ fact: String) -> [UInt64] {
        var bounds: Set<UInt64> = []
        for test in tests[fact] ?? [] {
            guard case .number(let range) = test.test else { continue }
            bounds.insert(range.lowerBound)
            if range.upperBound < UInt64(JSON.integerMax) { bounds.insert(range.upperBound + 1) }
        }
        return bounds.filter { $0 > 0 && $0 <= UInt64(JSON.integerMax) }.sorted()
    }
}

/// A test as it looks at one term.
enum TermTest {
    case one(Bits)
    case match(TermMatch)

    /// A term that an edition does not know matches nothing in it.
    func truth(_ position: Int?) -> Truth {
        guard let position else { return .no }
        return switch self {
        case .one(let values): Truth(values.contains(position))
        case .match(let match): match.truth(of: position)
        }
    }
}

extension Condition.Test {
    /// How it looks at single terms.
    var parts: [TermTest] {
        switch self {
        case .flag, .number, .ladder: []
        case .one(let values): [.one(values)]
        case .someOf(let match), .only(let match), .noneOf(let match): [.match(match)]
        case .allOf(let matches): matches.map { .match($0) }
        }
    }
}
