import SelatCore

/// Makes of a question what conditions compare: every fact's state, what silence meant, what is
/// missing, and what contradicts itself.
struct FactResolver {
    let set: PolicySet
    let question: Question
    var states: [FactState]
    /// The facts of the record.
    var facts: Facts
    /// Required facts that nobody stated.
    var missing: Set<Int> = []
    /// Facts that contradict others.
    var contradictions: Set<String> = []
    var isPersonal = Truth.maybe

    init(_ set: PolicySet, _ question: Question) throws(QuestionError) {
        self.set = set
        self.question = question
        facts = question.facts
        // What is unknown is its own cause.
        states = [FactState](
            repeating: FactState(content: .unknown), count: set.table.definitions.count)
        try resolveStated()
        try resolveRoute()
        resolveLabel()
        try resolveOfficers()
        resolveSilence()
        checkPersons()
    }

    private subscript(fact: KnownFact) -> FactState.Content {
        get { states[set.table[fact]].content }
        set { states[set.table[fact]] = FactState(content: newValue) }
    }

    // MARK: What the sender states

    private mutating func resolveStated() throws(QuestionError) {
        do throws(QuestionError) {
            for (name, fact) in question.facts.byName { try resolve(name, fact) }
        } catch {
            // In order, so that the same question fails in the same way.
            for (name, fact) in question.facts.byName.sorted(by: { $0.key < $1.key }) {
                try resolve(name, fact)
            }
            throw error
        }
    }

    private mutating func resolve(_ name: String, _ fact: Fact) throws(QuestionError) {
        guard let index = set.table.index[name] else {
            throw .unknownFact(name, nearest: Nearest.word(to: name, in: set.table.index.keys))
        }
        let definition = set.table.definitions[index]
        guard definition.source.isStated, fact.origin == .stated || fact.origin == .inspected
        else { throw .notForSenders(fact: name, from: definition.source.description) }
        states[index] = FactState(content: try content(fact.value, definition))
    }

    func content(
        _ value: FactValue, _ definition: FactDefinition
    ) throws(QuestionError) -> FactState.Content {
        switch (definition.type, value) {
        case (.flag, .flag(let flag)): return .flag(flag)
        case (.number, .number(let number)) where number <= UInt64(JSON.integerMax):
            return .number(number)
        case (.one(let lexicon), .term(let term)), (.ladder(let lexicon), .term(let term)):
            return .one(try position(term, definition.name, lexicon))
        case (.set(let lexicon), .set(let terms)):
            return .set(KnownSet(certain: try positions(terms, definition.name, lexicon)))
        default:
            throw .wrongType(fact: definition.name, expected: definition.type.expected)
        }
    }

    private func position(
        _ term: String, _ fact: String, _ lexicon: Lexicon
    ) throws(QuestionError) -> Int {
        if let position = lexicon.index[term] { return position }
        throw .unknownTerm(term, fact: fact, nearest: Nearest.word(to: term, in: lexicon.names))
    }

    private func positions(
        _ terms: some Collection<String>, _ fact: String, _ lexicon: Lexicon
    ) throws(QuestionError) -> [Int] {
        var positions: [Int] = []
        positions.reserveCapacity(terms.count)
        for term in terms {
            guard let position = lexicon.index[term] else {
                let unknown = terms.filter { lexicon.index[$0] == nil }.min() ?? term
                throw .unknownTerm(
                    unknown, fact: fact, nearest: Nearest.word(to: unknown, in: lexicon.names))
            }
            positions.append(position)
        }
        return positions
    }

    // MARK: What the node's own books say

    private mutating func resolveRoute() throws(QuestionError) {
        let (source, destination) = (question.source.country, question.destination.country)
        self[.source] = .one(try position(source.code, "source", .countries))
        self[.destination] = .one(try position(destination.code, "destination", .countries))
        for (fact, country) in [
            (KnownFact.sourceSector, source), (.destinationSector, destination),
        ] {
            guard let sector = question.sectors[country],
                let index = Sector.allCases.firstIndex(of: sector)
            else { continue }
            self[fact] = .one(index)
        }
        let relays = Set(question.relays.map(\.country.code))
        self[.relays] = .set(
            KnownSet(certain: try positions(relays, "relays", .countries)))
        let lineage = Set(question.lineage.map(\.code))
        self[.lineage] = .set(
            KnownSet(certain: try positions(lineage, "lineage", .countries)))
        facts["lineage"] = Fact(.set(lineage), .computed)
    }

    private mutating func resolveLabel() {
        guard let label = question.label else { return }
        self[.classification] = .one(rank)
        self[.tlp] = .one(label.tlp.rank)
        self[.releasableTo] = .set(
            KnownSet(certain: label.releasableTo.compactMap { Countries.index[$0.code] }))
        if let known = markingRank, known > label.classification.rank {
            contradictions.insert("classification")
        }
    }

    /// The level that the files are shown: an unknown marking counts as the highest.
    var rank: Int { rank(marked: markingRank) }

    /// The level that a relay's file is shown: a header says nothing of where a dataset comes from.
    var rankInTransit: Int {
        guard question.semantics > .one else { return rank }
        return rank(marked: ranks(of: [question.source.country]).first)
    }

    private func rank(marked known: Int?) -> Int {
        guard let label = question.label else { return Classification.topSecret.rank }
        guard label.marking != nil, known == nil else { return label.classification.rank }
        return Classification.topSecret.rank
    }

    /// The level of the originator's marking: the source's own, or of where the dataset came from.
    /// Whose word it is nobody says, so the highest counts.
    private var markingRank: Int? {
        let ranks = ranks(of: [question.source.country] + question.lineage.sorted())
        return question.semantics > .one ? ranks.max() : ranks.first
    }

    private func ranks(of countries: [Country]) -> [Int] {
        guard let marking = question.label?.marking else { return [] }
        return countries.compactMap { set.jurisdictions[$0]?.markings[marking] }
    }

    private mutating func resolveOfficers() throws(QuestionError) {
        let documents = set.table.definitions[set.table[.document]].type.lexicon
        if let documents {
            self[.document] = .set(
                KnownSet(certain: try positions(question.documents, "document", documents)))
        }
        facts["document"] = Fact(
            .set(question.documents), question.documents.isEmpty ? .assumed : .attested)
        self[.emergency] = .flag(question.isEmergency)
        facts["emergency"] = Fact(
            .flag(question.isEmergency), question.isEmergency ? .attested : .assumed)
        for (name, value) in question.counters.sorted(by: { $0.key < $1.key }) {
            guard let index = set.table.index[name], set.table.definitions[index].owner != nil
            else {
                throw .unknownFact(name, nearest: nil)
            }
            guard value <= UInt64(JSON.integerMax) else {
                throw .wrongType(fact: name, expected: FactType.number.expected)
            }
            states[index] = FactState(content: .number(value))
            facts[name] = Fact(.number(value), .computed)
        }
    }
}

extension FactType {
    var expected: String {
        switch self {
        case .flag: "`yes` or `no`"
        case .number: "a number from 0 to 2^53 - 1"
        case .one, .ladder: "one term"
        case .set: "a set of terms"
        }
    }
}
