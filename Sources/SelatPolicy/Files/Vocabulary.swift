import SelatCore

/// Every fact, term and role that a file may use.
struct Vocabulary: Sendable {
    let number: UInt64
    let inForce: Timestamp
    /// Facts in the file's order; their types wait for the countries' documents and categories.
    let facts: [FactEntry]
    let roles: [String]
    let labels: Labels

    /// A fact whose values may still be open.
    struct FactEntry: Hashable, Sendable {
        enum Values: Hashable, Sendable {
            case fixed(FactType)
            case documents, nationalCategories
        }
        let name: String
        let values: Values
        let source: FactSource
        let silence: Silence
        let isSeenByRelay: Bool
    }
}

/// Reads `vocabulary.yaml`.
struct VocabularyReader {
    private var reader: DocumentReader
    private var terms: [String: Lexicon] = [:]
    private var labels = Labels()
    var problems: [PolicyDiagnostic] { reader.problems }

    init(file: String) { reader = DocumentReader(file: file) }

    mutating func read(_ source: PolicyDocument) -> Vocabulary? {
        guard let root = reader.section(reader.root(of: source), .vocabulary)
        else { return nil }
        _ = reader.word(reader.required(root, "vocabulary"), "vocabulary")
        readTerms(reader.required(root, "terms"))
        let roles = readRoles(reader.required(root, "roles"))
        let facts = readFacts(reader.required(root, "facts"), at: root.place)
        guard let number = reader.number(reader.required(root, "edition"), "edition"),
            let inForce = reader.moment(reader.required(root, "in-force"), "in-force")
        else { return nil }
        return Vocabulary(
            number: number, inForce: inForce, facts: facts, roles: roles, labels: labels)
    }

    private mutating func readRoles(_ node: DocumentNode?) -> [String] {
        guard let node, let section = reader.map(node, "roles") else { return [] }
        for entry in section.entries {
            let role = reader.section(entry.value, .roleDefinition)
            readLabel(role?["label"], of: .role(entry.key))
        }
        return section.entries.map(\.key)
    }

    // MARK: Terms

    private mutating func readTerms(_ node: DocumentNode?) {
        guard let node, let groups = reader.map(node, "terms") else { return }
        for group in groups.entries {
            guard let section = reader.map(group.value, "the terms of \(group.key)") else {
                continue
            }
            terms[group.key] = lexicon(section)
        }
    }

    private mutating func lexicon(_ section: Section) -> Lexicon {
        let names = section.entries.map(\.key)
        var parents: [String: [String]] = [:]
        for entry in section.entries {
            let term = reader.section(entry.value, .term)
            readLabel(term?["label"], of: .term(entry.key))
            guard let under = term?["under"], let words = reader.words(under, "under") else {
                continue
            }
            for word in words where !names.contains(word.text) {
                let hint = Nearest.hint(Nearest.word(to: word.text, in: names))
                reader.report(.unknownTerm, word.place, "unknown term `\(word.text)`\(hint)")
            }
            parents[entry.key] = words.map(\.text)
        }
        checkCycles(section, parents)
        return Lexicon(names, parents: parents)
    }

    private mutating func checkCycles(_ section: Section, _ parents: [String: [String]]) {
        for entry in section.entries {
            var seen: Set<String> = []
            var waiting = parents[entry.key] ?? []
            while let next = waiting.popLast() {
                if next == entry.key {
                    reader.report(.vocabulary, entry.place, "`\(next)` stands above itself")
                    break
                }
                if seen.insert(next).inserted { waiting += parents[next] ?? [] }
            }
        }
    }

    private mutating func readLabel(_ node: DocumentNode?, of subject: Labels.Subject) {
        let languages = Language.allCases.map(\.rawValue)
        guard let node, let section = reader.section(node, "a label", keys: languages) else {
            return
        }
        var wording: [Language: String] = [:]
        for entry in section.entries {
            guard let language = Language(rawValue: entry.key) else { continue }
            wording[language] = reader.word(entry.value, "a label")
        }
        labels.add(wording, of: subject)
    }

    /// The wordings of a fact, and of the values that it lists.
    private mutating func readLabels(
        _ section: Section, _ fact: String, _ values: Vocabulary.FactEntry.Values
    ) {
        readLabel(section["label"], of: .fact(fact))
        guard let node = section["labels"], let labels = reader.map(node, "labels") else { return }
        guard section["values"] != nil, case .fixed(let type) = values, let lexicon = type.lexicon,
            lexicon.index["SG"] == nil
        else {
            reader.report(
                .misplaced, node.place, "`\(fact)` lists no values that labels could name")
            return
        }
        for entry in labels.entries {
            if lexicon.index[entry.key] == nil {
                let hint = Nearest.hint(Nearest.word(to: entry.key, in: lexicon.names))
                reader.report(
                    .unknownTerm, entry.place, "`\(entry.key)` is no value of `\(fact)`\(hint)")
            }
            readLabel(entry.value, of: .value(entry.key, fact: fact))
        }
    }

    // MARK: Facts

    private mutating func readFacts(_ node: DocumentNode?, at place: Place) -> [Vocabulary
        .FactEntry]
    {
        guard let node, let section = reader.map(node, "facts") else { return [] }
        let facts = section.entries.compactMap { readFact($0) }
        for known in KnownFact.allCases where section[known.rawValue] == nil {
            reader.report(.vocabulary, section.place, "the fact `\(known.rawValue)` is not defined")
        }
        return facts
    }

    private mutating func readFact(_ entry: DocumentNode.Entry) -> Vocabulary.FactEntry? {
        guard let section = reader.section(entry.value, .fact),
            let word = reader.word(reader.required(section, "type"), "type"),
            let source = reader.choice(
                reader.required(section, "stated-by"), "origin of facts", FactSource.self),
            let values = readValues(section, type: word),
            let silence = readSilence(section, source, type: word)
        else { return nil }
        readLabels(section, entry.key, values)
        _ = section["without"].flatMap { reader.word($0, "without") }
        let seen = section["seen-by-relay"].flatMap { reader.flag($0, "seen-by-relay") } ?? false
        if let known = KnownFact(rawValue: entry.key) { check(known, entry, word, source, silence) }
        return Vocabulary.FactEntry(
            name: entry.key, values: values, source: source, silence: silence, isSeenByRelay: seen)
    }

    private mutating func check(
        _ known: KnownFact, _ entry: DocumentNode.Entry, _ type: String, _ source: FactSource,
        _ silence: Silence
    ) {
        guard type == known.type, source == known.source,
            known.silence == nil || known.silence == silence
        else {
            reader.report(
                .vocabulary, entry.place,
                "`\(entry.key)` must be of type \(known.type), from `\(known.source.rawValue)`"
                    + (known.silence == nil ? "" : ", with the silence that the language gives it"))
            return
        }
    }

    private mutating func readValues(
        _ section: Section, type: String
    ) -> Vocabulary.FactEntry.Values? {
        switch type {
        case "yes-no": return .fixed(.flag)
        case "number": return .fixed(.number)
        case "one-of", "ladder", "set": break
        default:
            reader.report(
                .unknownWord, section.place,
                "`\(type)` is no type; one of yes-no, number, one-of, ladder, set")
            return nil
        }
        if let node = section["terms"], let name = reader.word(node, "terms") {
            guard let lexicon = terms[name] else {
                let hint = Nearest.hint(Nearest.word(to: name, in: terms.keys))
                reader.report(.unknownWord, node.place, "no terms `\(name)`\(hint)")
                return nil
            }
            return .fixed(Self.type(type, lexicon))
        }
        guard let node = reader.required(section, "values") else { return nil }
        if case .word(let name, _) = node.content {
            switch name {
            case "countries": return .fixed(Self.type(type, .countries))
            case "documents": return .documents
            case "national-categories": return .nationalCategories
            default:
                reader.report(.unknownWord, node.place, "`\(name)` are no values")
                return nil
            }
        }
        return reader.words(node, "values").map { .fixed(Self.type(type, Lexicon($0.map(\.text)))) }
    }

    private static func type(_ word: String, _ lexicon: Lexicon) -> FactType {
        switch word {
        case "one-of": .one(lexicon)
        case "ladder": .ladder(lexicon)
        default: .set(lexicon)
        }
    }

    private mutating func readSilence(
        _ section: Section, _ source: FactSource, type: String
    ) -> Silence? {
        guard let node = section["silence"] else {
            // What the label says has a silence too, though no sender states it.
            guard source.isStated || source == .label else { return .computed }
            _ = reader.required(section, "silence")
            return nil
        }
        guard let word = reader.word(node, "silence") else { return nil }
        switch word {
        case "required": return .required
        case "required-if-personal": return .requiredIfPersonal
        case "required-if-source-defines": return .requiredIfSourceDefines
        case "source-only": return .sourceOnly
        case "destination-only": return .destinationOnly
        case "none" where type == "set": return Silence.none
        case "yes" where type == "yes-no": return .flag(true)
        case "no" where type == "yes-no": return .flag(false)
        case _ where type == "one-of" || type == "ladder": return .word(word)
        default:
            reader.report(.unknownWord, node.place, "`\(word)` is no silence of a \(type) fact")
            return nil
        }
    }
}
