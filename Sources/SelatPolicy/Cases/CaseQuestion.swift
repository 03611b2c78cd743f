import SelatCore

/// Puts the facts of a case where a question has them.
///
/// What a case leaves to silence: defence at both ends, released to the destination, and no label
/// where it names no classification.
struct CaseQuestion {
    private let set: PolicySet
    private let decided: Timestamp
    private var source: NodeID?
    private var destination: NodeID?
    private var relays: [NodeID] = []
    private var lineage: Set<Country> = []
    private var sectors: [KnownFact: Sector] = [:]
    private var classification: Classification?
    private var releasableTo: [Country] = []
    private var tlp: TLP = .amber
    private var marking: String?
    private var documents: Set<String> = []
    private var isEmergency = false
    private var counters: [String: UInt64] = [:]
    private var facts = Facts()

    init(_ set: PolicySet, at decided: Timestamp) {
        self.set = set
        self.decided = decided
    }

    mutating func read(_ entry: DocumentNode.Entry, _ reader: inout DocumentReader) {
        // The label's text beside the level; no fact, and so in no vocabulary.
        if entry.key == "marking" {
            marking = reader.word(entry.value, "marking")
            return
        }
        guard let index = set.table.index[entry.key] else {
            let known = set.table.index.keys.sorted() + ["marking"]
            let hint = Nearest.hint(Nearest.word(to: entry.key, in: known))
            reader.report(.unknownFact, entry.place, "unknown fact `\(entry.key)`\(hint)")
            return
        }
        let definition = set.table.definitions[index]
        switch KnownFact(rawValue: entry.key) {
        case .source: source = readNode(entry.value, "hub", &reader)
        case .destination: destination = readNode(entry.value, "hub", &reader)
        case .relays: relays = readNodes(entry.value, &reader)
        case .specialCategory, .safeguard:
            let origin = definition.source.description
            reader.report(
                .misplaced, entry.place,
                "`\(entry.key)` cannot be stated: it comes from \(origin)"
                    + (entry.key == "safeguard" ? "; name them in `signed`" : ""))
        default: take(entry, definition, &reader)
        }
    }

    private mutating func take(
        _ entry: DocumentNode.Entry, _ definition: FactDefinition, _ reader: inout DocumentReader
    ) {
        guard let value = readValue(entry.value, definition, &reader) else { return }
        switch (KnownFact(rawValue: entry.key), value) {
        case (.lineage, .set(let codes)): lineage = Set(codes.compactMap { try? Country($0) })
        case (.sourceSector, .term(let word)): sectors[.sourceSector] = Sector(rawValue: word)
        case (.destinationSector, .term(let word)):
            sectors[.destinationSector] = Sector(rawValue: word)
        case (.classification, .term(let word)): classification = Classification(rawValue: word)
        case (.tlp, .term(let word)): tlp = TLP(rawValue: word) ?? .red
        case (.releasableTo, .set(let codes)):
            releasableTo = codes.sorted().compactMap { try? Country($0) }
        case (.document, .set(let names)): documents = names
        case (.emergency, .flag(let flag)): isEmergency = flag
        case (nil, .number(let number)) where definition.owner != nil:
            counters[entry.key] = number
        default: facts[entry.key] = Fact(value, .stated)
        }
    }

    // MARK: Values

    private func readValue(
        _ node: DocumentNode, _ definition: FactDefinition, _ reader: inout DocumentReader
    ) -> FactValue? {
        let what = "`\(definition.name)`"
        switch definition.type {
        case .flag: return reader.flag(node, what).map { .flag($0) }
        case .number: return reader.number(node, what).map { .number($0) }
        case .one(let lexicon), .ladder(let lexicon):
            return readTerm(node, definition.name, lexicon, &reader).map { .term($0) }
        case .set(let lexicon):
            guard case .list(let elements) = node.content else {
                reader.report(
                    .wrongType, node.place, "\(what) is a set: write it in brackets, `[…]`")
                return nil
            }
            return .set(readTerms(elements, definition.name, lexicon, &reader))
        }
    }

    private func readTerms(
        _ nodes: [DocumentNode], _ fact: String, _ lexicon: Lexicon, _ reader: inout DocumentReader
    ) -> Set<String> {
        var terms: Set<String> = []
        for node in nodes {
            guard let term = readTerm(node, fact, lexicon, &reader) else { continue }
            if !terms.insert(term).inserted {
                reader.report(.doubled, node.place, "`\(term)` stands twice")
            }
        }
        return terms
    }

    private func readTerm(
        _ node: DocumentNode, _ fact: String, _ lexicon: Lexicon, _ reader: inout DocumentReader
    ) -> String? {
        guard let text = reader.word(node, "`\(fact)`") else { return nil }
        if lexicon.index[text] != nil { return text }
        let hint = Nearest.hint(Nearest.word(to: text, in: lexicon.names))
        reader.report(.unknownTerm, node.place, "`\(text)` is no value of `\(fact)`\(hint)")
        return nil
    }

    /// A node, `SG/csa`, or a country, which stands for its node of the given name.
    private func readNode(
        _ node: DocumentNode, _ name: String, _ reader: inout DocumentReader
    ) -> NodeID? {
        guard let text = reader.word(node, "a node") else { return nil }
        let code = String(text.prefix { $0 != "/" })
        guard let country = reader.country(Word(text: code, place: node.place)) else { return nil }
        if let id = try? NodeID(text.contains("/") ? text : "\(country.code)/\(name)") { return id }
        reader.report(
            .wrongType, node.place, "`\(text)` is no node; write `SG`, or `SG/` and its name")
        return nil
    }

    private func readNodes(_ node: DocumentNode, _ reader: inout DocumentReader) -> [NodeID] {
        guard case .list(let elements) = node.content else {
            reader.report(.wrongType, node.place, "`relays` is a set: write it in brackets, `[…]`")
            return []
        }
        return elements.compactMap { readNode($0, "relay", &reader) }
    }

    // MARK: The question

    /// - Parameter section: the facts, for the place of what is missing.
    func finished(
        _ section: Section, ground: String?, _ reader: inout DocumentReader
    ) -> Question? {
        for key in ["source", "destination"] where section[key] == nil {
            reader.report(.missingKey, section.place, "the facts lack `\(key)`")
        }
        if marking != nil || !releasableTo.isEmpty || section["tlp"] != nil,
            section["classification"] == nil
        {
            reader.report(
                .missingKey, section.place, "the facts have a label without `classification`")
        }
        guard let source, let destination else { return nil }
        let label = classification.map {
            Label(
                classification: $0,
                releasableTo: releasableTo.isEmpty ? [destination.country] : releasableTo,
                tlp: tlp, marking: marking)
        }
        return Question(
            source: source, destination: destination, relays: relays,
            sectors: sectors(source, destination), membershipSerial: 1, decided: decided,
            label: label, facts: facts, ground: ground, lineage: lineage, documents: documents,
            isEmergency: isEmergency, counters: counters)
    }

    private func sectors(_ source: NodeID, _ destination: NodeID) -> [Country: Sector] {
        var all: [Country: Sector] = [:]
        for node in [source, destination] + relays { all[node.country] = .defence }
        if let sector = sectors[.destinationSector] { all[destination.country] = sector }
        if let sector = sectors[.sourceSector] { all[source.country] = sector }
        return all
    }
}
