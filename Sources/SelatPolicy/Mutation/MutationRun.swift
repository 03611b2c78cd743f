package import SelatCore

/// A transfer with what must come out, asked of changed sets.
package struct MutationCase: Sendable {
    package let name: String
    /// The countries whose files the case asks.
    package let countries: Set<Country>
    /// Whether a set still gives what the case expects.
    package let holds: @Sendable (PolicySet) -> Bool

    package init(
        name: String, countries: Set<Country>, holds: @escaping @Sendable (PolicySet) -> Bool
    ) {
        self.name = name
        self.countries = countries
        self.holds = holds
    }
}

/// What becomes of one mistake.
package enum MutationOutcome: Hashable, Sendable {
    /// The checker refuses the set.
    case refused
    /// A case gets another answer.
    case failed(_ name: String)
    /// No verdict can change: the changed set means the same.
    case equal
    /// Nobody notices, and a verdict may change.
    case silent
}

/// Makes small mistakes in the files of a set that loads, and asks who notices.
///
/// A changed file is read alone where no other file can depend on the change, and only the cases
/// that ask it are run: a set of fifteen files takes a hundred thousand mistakes.
package struct MutationRun: Sendable {
    private let documents: [PolicyDocument]
    private let cases: [MutationCase]
    private let words: KnownWords
    private let vocabulary: Vocabulary
    private let base: PolicySet
    private let meaning: Meaning

    /// - Throws: `PolicyErrors` where the set does not load unchanged.
    package init(files: [PolicySource], cases: [MutationCase]) throws(PolicyErrors) {
        documents = files.map(PolicyDocument.init)
        self.cases = cases
        words = KnownWords(documents.compactMap(\.root))
        var loader = PolicyLoader(now: nil, signed: [])
        let set = loader.load(documents)
        let errors = loader.problems.filter { $0.severity == .error }
        guard let set, errors.isEmpty, let file = documents.first(where: \.isVocabulary) else {
            throw PolicyErrors(diagnostics: PolicyLoader.sorted(errors))
        }
        base = set
        meaning = Meaning(set)
        var reader = VocabularyReader(file: file.name)
        guard let vocabulary = reader.read(file) else {
            throw PolicyErrors(diagnostics: reader.problems)
        }
        self.vocabulary = vocabulary
    }

    /// The names of the cases that the unchanged set does not answer as expected.
    package var failing: [String] { cases.filter { !$0.holds(base) }.map(\.name) }

    /// What becomes of every mistake in one file, counted.
    package func report(file name: String) -> MutationReport {
        var report = MutationReport(file: name)
        for (mutation, outcome) in outcomes(file: name) { report.count(mutation, outcome) }
        return report
    }

    /// Every mistake in one file with what becomes of it.
    package func outcomes(file name: String) -> [(Mutation, MutationOutcome)] {
        guard let document = documents.first(where: { $0.name == name }), let root = document.root
        else { return [] }
        let cases = cases(asking: document)
        return Mutation.all(of: root, words: words).map { mutation in
            (mutation, outcome(document.with(root: root.applying(mutation)), cases))
        }
    }

    private func cases(asking document: PolicyDocument) -> [MutationCase] {
        guard let stem = document.stem, let country = try? Country(stem) else { return cases }
        return cases.filter { $0.countries.contains(country) }
    }

    private func outcome(
        _ document: PolicyDocument, _ cases: [MutationCase]
    ) -> MutationOutcome {
        guard let set = load(document) else { return .refused }
        if let set {
            if let name = cases.first(where: { !$0.holds(set) })?.name { return .failed(name) }
            return Meaning(set) == meaning ? .equal : .silent
        }
        return .equal
    }

    /// The set with one file changed; nil where it is refused, a nil in it where the file says the
    /// same as before.
    private func load(_ document: PolicyDocument) -> PolicySet?? {
        switch document.stem {
        case "vocabulary": loadVocabulary(document)
        case "agreements": loadAgreements(document)
        default: loadJurisdiction(document)
        }
    }

    private func loadAll(_ changed: PolicyDocument) -> PolicySet?? {
        var loader = PolicyLoader(now: nil, signed: [])
        let set = loader.load(documents.map { $0.name == changed.name ? changed : $0 })
        let isSound = loader.problems.allSatisfy { $0.severity == .warning }
        guard let set, isSound else { return nil }
        return .some(set)
    }

    private func loadVocabulary(_ document: PolicyDocument) -> PolicySet?? {
        var reader = VocabularyReader(file: document.name)
        guard let changed = reader.read(document), reader.problems.isEmpty else { return nil }
        return changed.decides(like: vocabulary) ? .some(nil) : loadAll(document)
    }

    private func loadAgreements(_ document: PolicyDocument) -> PolicySet?? {
        var reader = AgreementsReader(base.table, file: document.name)
        guard let agreements = reader.read(document), reader.reader.problems.isEmpty else {
            return nil
        }
        var set = base
        set.agreements = agreements
        return .some(set)
    }

    private func loadJurisdiction(_ document: PolicyDocument) -> PolicySet?? {
        var headReader = HeadReader(
            reader: DocumentReader(file: document.name), roles: vocabulary.roles, now: nil)
        guard let head = headReader.read(document), headReader.reader.problems.isEmpty else {
            return nil
        }
        // Other files' rules may speak of what this one declares.
        guard declares(head, likeFileOf: base) else { return loadAll(document) }
        var rules = JurisdictionReader(head, base.table, roles: vocabulary.roles, headReader.reader)
        let file = rules.read()
        guard rules.reader.problems.allSatisfy({ $0.severity == .warning }) else { return nil }
        var set = base
        for definition in head.documents { set.documents[definition.name] = definition }
        if let country = file.country {
            set.jurisdictions[country] = file
        } else {
            set.federation = file
        }
        return .some(set)
    }

    private func declares(_ head: JurisdictionHead, likeFileOf set: PolicySet) -> Bool {
        let file = head.country.map { set.jurisdictions[$0] } ?? set.federation
        guard let file else { return false }
        let documents = set.documents.keys.filter { $0.hasPrefix("\(head.name):") }
        return file.name == head.name
            && head.nationalCategories.map(\.key) == file.nationalCategories.map(\.name)
            && head.counters.map(\.key) == file.counters.map(\.name)
            && Set(head.documents.map(\.name)) == Set(documents)
    }
}

extension PolicyDocument {
    fileprivate var isVocabulary: Bool { stem == "vocabulary" }
}

extension Vocabulary {
    /// Whether only texts differ.
    fileprivate func decides(like other: Vocabulary) -> Bool {
        facts == other.facts && inForce == other.inForce && Set(roles) == Set(other.roles)
    }
}

/// What became of the mistakes in one file.
package struct MutationReport: Sendable {
    package let file: String
    package private(set) var refused = 0
    package private(set) var failed = 0
    package private(set) var equal = 0
    /// Those that nobody notices, in the file's order.
    package private(set) var silent: [Mutation] = []

    init(file: String) { self.file = file }

    mutating func count(_ mutation: Mutation, _ outcome: MutationOutcome) {
        switch outcome {
        case .refused: refused += 1
        case .failed: failed += 1
        case .equal: equal += 1
        case .silent: silent.append(mutation)
        }
    }

    /// One line for each place with silent mistakes: `file:line:column: what was changed`.
    package var silentLines: [String] {
        var lines: [(place: Place, line: String)] = []
        for mutation in silent {
            if lines.last?.place == mutation.place {
                lines[lines.count - 1].line += "; \(mutation.description)"
            } else {
                let place = mutation.place
                let line = "\(file):\(place.line):\(place.column): \(mutation.description)"
                lines.append((place, line))
            }
        }
        return lines.map(\.line)
    }

    package var summary: String {
        let count = refused + failed + equal + silent.count
        return "\(file): \(count) mistakes: \(refused) refused, \(failed) fail a case, "
            + "\(equal) change no verdict, \(silent.count) silent"
    }
}
