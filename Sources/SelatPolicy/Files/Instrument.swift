import SelatCore

/// An agreement between members, or one member's decision about another.
struct Instrument: Hashable, Sendable {
    enum Party: Hashable, Sendable {
        case country(Country)
        case node(NodeID)

        func includes(_ node: NodeID) -> Bool {
            switch self {
            case .country(let country): country == node.country
            case .node(let own): own == node
            }
        }
    }

    let id: String
    /// Positions in the fact `safeguard`.
    let kinds: [Int]
    /// Two or more; empty for a one-sided decision.
    let parties: [Party]
    let by: Country?
    let of: Country?
    var from: Timestamp
    let until: Timestamp?
    let covers: Condition
    /// Whether `covers` speaks of the classification: only then it can carry classified data.
    let namesLevel: Bool
    let territory: Set<Country>
    /// The parties whose signatures it asks for and does not bear.
    var missing: Set<Country> = []

    /// Whether it stands between the two ends at a moment; what it covers is another question.
    func stands(from source: NodeID, to destination: NodeID, at decided: Timestamp) -> Bool {
        guard decided >= from, until.map({ decided < $0 }) ?? true else { return false }
        if let by, let of { return by == source.country && of == destination.country }
        return parties.contains { one in
            one.includes(source) && parties.contains { $0 != one && $0.includes(destination) }
        }
    }
}

/// `agreements.yaml`.
struct Agreements: Hashable, Sendable {
    let number: UInt64
    let inForce: Timestamp
    let instruments: [Instrument]
    /// Those that ask for a signature which is not there.
    let lacking: [Instrument]

    init(number: UInt64, inForce: Timestamp, instruments: [Instrument]) {
        self.number = number
        self.inForce = inForce
        self.instruments = instruments
        lacking = instruments.filter { !$0.missing.isEmpty }
    }
}

/// Reads `agreements.yaml`.
struct AgreementsReader {
    let table: FactTable
    var reader: DocumentReader

    init(_ table: FactTable, file: String) {
        self.table = table
        reader = DocumentReader(file: file)
    }

    mutating func read(_ source: PolicyDocument) -> Agreements? {
        guard let root = reader.section(reader.root(of: source), .agreements)
        else { return nil }
        _ = reader.word(reader.required(root, "agreements"), "agreements")
        let number = reader.number(reader.required(root, "edition"), "edition")
        let inForce = reader.moment(reader.required(root, "in-force"), "in-force")
        var ids: Set<String> = []
        var instruments: [Instrument] = []
        for node in reader.list(reader.required(root, "instruments"), "instruments") ?? [] {
            guard let instrument = readInstrument(node) else { continue }
            if !ids.insert(instrument.id).inserted {
                reader.report(.doubled, node.place, "two instruments are named `\(instrument.id)`")
            }
            instruments.append(instrument)
        }
        guard let number, let inForce else { return nil }
        return Agreements(number: number, inForce: inForce, instruments: instruments)
    }

    private mutating func readInstrument(_ node: DocumentNode) -> Instrument? {
        guard let section = reader.section(node, .instrument) else { return nil }
        let id = reader.word(reader.required(section, "id"), "id")
        _ = reader.quoted(reader.required(section, "title"), "title")
        readText(reader.required(section, "text"))
        let kinds = readKinds(reader.required(section, "kind"))
        let (parties, by, of) = readParties(section)
        let from = reader.date(reader.required(section, "from"), "from")
        let until = section["until"].flatMap { reader.date($0, "until") }
        if let from, let until, until <= from {
            reader.report(
                .contradictoryDates, section.place(of: "until"), "`until` is not after `from`")
        }
        let covers = reader.required(section, "covers").flatMap { readCovers($0) }
        let words = section["territory"].flatMap { reader.words($0, "territory") } ?? []
        let territory = Set(words.compactMap { reader.country($0) })
        let missing = id.flatMap { readSignatures(section, $0) } ?? []
        guard let id, let from, let covers else { return nil }
        return Instrument(
            id: id, kinds: kinds, parties: parties, by: by, of: of, from: from, until: until,
            covers: covers,
            namesLevel: covers.leaves.contains { $0.fact == table[.classification] },
            territory: territory, missing: missing)
    }

    /// - Returns: the parties whose signatures the instrument asks for and lacks.
    private mutating func readSignatures(_ section: Section, _ id: String) -> Set<Country> {
        let signing = InstrumentSigningReader(section: section, instrument: id).read(&reader)
        guard let missing = signing?.missing, !missing.isEmpty else { return [] }
        let names = missing.sorted().map(\.code).joined(separator: ", ")
        reader.report(
            .unsignedAgreement, section.place(of: "signatures"),
            "instrument `\(id)` does not count: it asks for its parties' signatures and lacks that of "
                + "\(names); run, there: selat policy sign \(reader.file) --instrument \(id) --text FILE "
                + "--key KEY --certificate PEM --federation DIGEST", severity: .warning)
        return missing
    }

    private mutating func readText(_ node: DocumentNode?) {
        guard let node, let text = reader.word(node, "text") else { return }
        if (try? Digest(text)) == nil {
            reader.report(
                .wrongType, node.place, "text must be `sha256:` and 64 hexadecimal digits")
        }
    }

    private mutating func readKinds(_ node: DocumentNode?) -> [Int] {
        guard let words = reader.words(node, "kind"),
            let lexicon = table.definitions[table[.safeguard]].type.lexicon
        else { return [] }
        return words.compactMap { word in
            if let kind = lexicon.index[word.text] { return kind }
            reader.reportUnknownTerm(
                word, among: lexicon.names, "`\(word.text)` is no safeguard")
            return nil
        }
    }

    private mutating func readParties(
        _ section: Section
    ) -> ([Instrument.Party], by: Country?, of: Country?) {
        if section["by"] != nil || section["of"] != nil {
            if section["parties"] != nil {
                reader.report(
                    .misplaced, section.place(of: "parties"),
                    "`parties` beside `by` and `of`; write either")
            }
            return ([], readCountry(section, "by"), readCountry(section, "of"))
        }
        guard let node = reader.required(section, "parties"),
            let words = reader.words(node, "parties")
        else { return ([], nil, nil) }
        if words.count < 2 {
            reader.report(
                .oneParty, node.place,
                "an agreement has two parties at least; name the other, or write `by` and `of`")
        }
        let parties = words.compactMap { word -> Instrument.Party? in
            if let node = try? NodeID(word.text) { return .node(node) }
            return reader.country(word).map { .country($0) }
        }
        return (parties, nil, nil)
    }

    private mutating func readCountry(_ section: Section, _ key: String) -> Country? {
        guard let node = reader.required(section, key), let word = reader.word(node, key) else {
            return nil
        }
        return reader.country(Word(text: word, place: node.place))
    }

    private mutating func readCovers(_ node: DocumentNode) -> Condition? {
        // Strict as in a ground: an instrument covers only what it lists.
        let scope = ConditionScope(
            jurisdiction: "agreements", isGround: true, isTransit: false, levels: nil, groups: [:],
            unknowable: [
                .specialCategory: "each file has its own list",
                .nationalCategory: "each file adds its own by `also-when`",
                .safeguard: "instruments are what it is computed from",
            ])
        var conditions = ConditionReader(table: table, scope: scope)
        return conditions.read(node, &reader)
    }
}
