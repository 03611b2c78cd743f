import SelatCore

/// Reads all files of a set in the order in which they need one another: the vocabulary, the heads
/// of the countries' files, then everybody's rules.
struct PolicyLoader {
    let now: Timestamp?
    let signed: Set<String>
    private(set) var problems: [PolicyDiagnostic] = []

    init(now: Timestamp?, signed: Set<String>) {
        self.now = now
        self.signed = signed
    }

    static func sorted(_ problems: [PolicyDiagnostic]) -> [PolicyDiagnostic] {
        problems.sorted {
            ($0.file, $0.place, $0.code.rawValue) < ($1.file, $1.place, $1.code.rawValue)
        }
    }

    mutating func load(_ files: [PolicySource]) -> PolicySet? {
        guard files.count <= Limits.policyFilesMax else {
            report(.size, "", "more than \(Limits.policyFilesMax) files")
            return nil
        }
        return load(files.map(PolicyDocument.init))
    }

    mutating func load(_ documents: [PolicyDocument]) -> PolicySet? {
        let byName = index(documents)
        guard let vocabularyFile = require("vocabulary", byName),
            let agreementsFile = require("agreements", byName)
        else {
            problems += documents.flatMap(\.problems)
            return nil
        }
        var names = VocabularyReader(file: vocabularyFile.name)
        let vocabulary = names.read(vocabularyFile)
        problems += names.problems
        guard let vocabulary else {
            problems += documents.filter { $0.name != vocabularyFile.name }.flatMap(\.problems)
            return nil
        }
        // What the vocabulary's own faults make unknown elsewhere would only hide them.
        defer { if !names.problems.isEmpty { problems.removeAll(where: isEcho) } }
        let heads = readHeads(byName, vocabulary)
        guard let table = table(vocabulary, heads, vocabularyFile.name) else { return nil }
        let jurisdictions = heads.map { readRules($0.head, $0.reader, table, vocabulary) }
        let agreements = readAgreements(agreementsFile, table)
        guard let agreements, let federation = federation(jurisdictions) else { return nil }
        return PolicySet(
            editions: editions(
                jurisdictions, agreements, agreementsFile, vocabulary, vocabularyFile),
            warnings: Self.sorted(problems.filter { $0.severity == .warning }),
            documents: Dictionary(
                heads.flatMap(\.head.documents).map { ($0.name, $0) },
                uniquingKeysWith: { first, _ in first }),
            table: table,
            jurisdictions: Dictionary(
                jurisdictions.compactMap { file in file.country.map { ($0, file) } },
                uniquingKeysWith: { first, _ in first }),
            federation: federation, agreements: agreements,
            vocabularyInForce: vocabulary.inForce, labels: vocabulary.labels, signed: signed)
    }

    private func isEcho(_ problem: PolicyDiagnostic) -> Bool {
        !problem.file.hasSuffix("vocabulary.yaml")
            && [.unknownTerm, .unknownFact, .unknownWord].contains(problem.code)
    }

    private mutating func report(
        _ code: PolicyDiagnostic.Code, _ file: String, _ message: String
    ) {
        problems.append(
            PolicyDiagnostic(
                file: file, place: Place(line: 1, column: 1), code: code, message: message,
                severity: .error))
    }

    /// Files by the last component of their names, without `.yaml`.
    private mutating func index(_ files: [PolicyDocument]) -> [String: PolicyDocument] {
        var byName: [String: PolicyDocument] = [:]
        for file in files {
            guard let stem = file.stem else {
                report(.fileName, file.name, "a policy file's name ends in `.yaml`")
                continue
            }
            if byName.updateValue(file, forKey: stem) != nil {
                report(.doubledFile, file.name, "two files are named `\(stem).yaml`")
            }
        }
        return byName
    }

    private mutating func require(
        _ name: String, _ files: [String: PolicyDocument]
    ) -> PolicyDocument? {
        if let file = files[name] { return file }
        report(.missingFile, "\(name).yaml", "the set lacks `\(name).yaml`")
        return nil
    }

    private mutating func readHeads(
        _ files: [String: PolicyDocument], _ vocabulary: Vocabulary
    ) -> [(head: JurisdictionHead, reader: DocumentReader)] {
        var heads: [(head: JurisdictionHead, reader: DocumentReader)] = []
        let names = files.keys.sorted().filter { $0 != "vocabulary" && $0 != "agreements" }
        for file in names.compactMap({ files[$0] }) {
            var headReader = HeadReader(
                reader: DocumentReader(file: file.name), roles: vocabulary.roles, now: now)
            guard let head = headReader.read(file) else {
                problems += headReader.reader.problems
                continue
            }
            if heads.contains(where: { $0.head.name == head.name }) {
                report(.doubledFile, file.name, "a second file for `\(head.name)`")
            }
            heads.append((head, headReader.reader))
        }
        return heads
    }

    private mutating func readRules(
        _ head: JurisdictionHead, _ reader: DocumentReader, _ table: FactTable,
        _ vocabulary: Vocabulary
    ) -> Jurisdiction {
        var rules = JurisdictionReader(head, table, roles: vocabulary.roles, reader)
        let jurisdiction = rules.read()
        problems += rules.reader.problems
        return jurisdiction
    }

    private mutating func readAgreements(_ file: PolicyDocument, _ table: FactTable) -> Agreements?
    {
        var reader = AgreementsReader(table, file: file.name)
        let agreements = reader.read(file)
        problems += reader.reader.problems
        return agreements
    }

    private mutating func federation(_ jurisdictions: [Jurisdiction]) -> Jurisdiction? {
        let candidates = jurisdictions.filter { $0.country == nil }
        if candidates.count == 1 { return candidates[0] }
        report(
            candidates.isEmpty ? .missingFile : .doubledFile, "ASEAN.yaml",
            candidates.isEmpty
                ? "the set lacks the federation's file" : "the set has two files of a federation")
        return nil
    }

    // MARK: Facts

    private mutating func table(
        _ vocabulary: Vocabulary, _ heads: [(head: JurisdictionHead, reader: DocumentReader)],
        _ file: String
    ) -> FactTable? {
        let documents = Lexicon(Set(heads.flatMap { $0.head.documents.map(\.name) }).sorted())
        let categories = Lexicon(
            Set(heads.flatMap { $0.head.nationalCategories.map(\.key) }).sorted())
        var definitions = vocabulary.facts.enumerated().map { index, fact in
            let type: FactType =
                switch fact.values {
                case .fixed(let type): type
                case .documents: .set(documents)
                case .nationalCategories: .set(categories)
                }
            return FactDefinition(
                name: fact.name, index: index, type: type, source: fact.source,
                silence: fact.silence, isSeenByRelay: fact.isSeenByRelay, owner: nil)
        }
        for head in heads.map(\.head) {
            for counter in head.counters where counter.key.hasPrefix("\(head.name):") {
                definitions.append(
                    FactDefinition(
                        name: counter.key, index: definitions.count, type: .number,
                        source: .ledger, silence: .computed, isSeenByRelay: false,
                        owner: head.name))
            }
        }
        guard Set(definitions.map(\.name)).count == definitions.count else {
            report(.doubled, file, "a counter has the name of a fact")
            return nil
        }
        let table = FactTable(definitions)
        return checkLadders(table, file) ? table : nil
    }

    /// The code speaks of levels, sectors and countries; the vocabulary must have the same.
    private mutating func checkLadders(_ table: FactTable, _ file: String) -> Bool {
        let expected: [(KnownFact, [String])] = [
            (.classification, Classification.allCases.map(\.rawValue)),
            (.tlp, TLP.allCases.map(\.rawValue)),
            (.sourceSector, Sector.allCases.map(\.rawValue)),
            (.destinationSector, Sector.allCases.map(\.rawValue)),
            (.source, Countries.codes), (.destination, Countries.codes),
            (.relays, Countries.codes), (.releasableTo, Countries.codes),
            (.collectedIn, Countries.codes), (.lineage, Countries.codes),
            (.subjectNationalities, Countries.codes),
        ]
        var isSound = true
        for (fact, names) in expected
        where table.definitions[table[fact]].type.lexicon?.names != names {
            isSound = false
            report(.vocabulary, file, "`\(fact.rawValue)` must have the values of the language")
        }
        for fact in table.definitions {
            guard case .word(let word) = fact.silence, fact.type.lexicon?.index[word] == nil
            else { continue }
            isSound = false
            report(.vocabulary, file, "silence `\(word)` is no value of `\(fact.name)`")
        }
        return isSound
    }

    // MARK: Editions

    private func editions(
        _ jurisdictions: [Jurisdiction], _ agreements: Agreements,
        _ agreementsFile: PolicyDocument, _ vocabulary: Vocabulary,
        _ vocabularyFile: PolicyDocument
    ) -> [String: Edition] {
        var editions = Dictionary(
            jurisdictions.map { ($0.name, $0.edition) }, uniquingKeysWith: { first, _ in first })
        editions["agreements"] = Edition(
            number: agreements.number, digest: agreementsFile.digest,
            standing: .published)
        editions["vocabulary"] = Edition(
            number: vocabulary.number, digest: vocabularyFile.digest,
            standing: .published)
        return editions
    }
}
