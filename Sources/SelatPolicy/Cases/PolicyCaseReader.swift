import SelatCore

/// Reads files of cases: every key, fact, term and rule in them must be one that the set knows.
package struct PolicyCaseReader {
    let set: PolicySet
    private var reader: DocumentReader
    private var problems: [PolicyDiagnostic] = []
    private var names: Set<String> = []

    private init(_ set: PolicySet) {
        self.set = set
        reader = DocumentReader(file: "")
    }

    /// The cases of several files, in the order of files and of places.
    /// - Throws: `PolicyErrors` with every mistake of every file.
    package static func read(
        _ files: [PolicySource], for set: PolicySet
    ) throws(PolicyErrors) -> [PolicyCase] {
        var reader = PolicyCaseReader(set)
        let cases = files.flatMap { reader.read($0) }
        guard reader.problems.isEmpty else {
            throw PolicyErrors(diagnostics: PolicyLoader.sorted(reader.problems))
        }
        return cases
    }

    private mutating func read(_ source: PolicySource) -> [PolicyCase] {
        reader = DocumentReader(file: source.name)
        defer { problems += reader.problems }
        let document = reader.root(of: source)
        guard let root = reader.section(document, .cases) else {
            return []
        }
        let decided = reader.moment(reader.required(root, "at"), "at")
        guard let node = reader.required(root, "tests") else { return [] }
        guard case .list(let nodes) = node.content else {
            reader.report(.wrongType, node.place, "tests must be a list")
            return []
        }
        return nodes.compactMap { readCase($0, decided ?? Timestamp(seconds: 0)) }
    }

    private mutating func readCase(_ node: DocumentNode, _ decided: Timestamp) -> PolicyCase? {
        guard let section = reader.section(node, .policyCase) else { return nil }
        let name = readName(reader.required(section, "test"))
        let time = section["at"].map { reader.moment($0, "at") } ?? decided
        let facts = reader.required(section, "facts").flatMap { reader.map($0, "facts") }
        let ground = section["chosen"].flatMap { readRule($0, "chosen", .ground) }
        let signed = readList(section["signed"], "signed")
        for word in signed ?? [] { check(word, in: instruments, "instrument") }
        let attested = readAttested(section["attested"])
        let outcome: Verdict.Outcome? = reader.choice(
            reader.required(section, "verdict"), "verdict")
        let expected = readExpected(section)
        guard let name, let time, let facts, let outcome,
            let question = readQuestion(facts, at: time, ground)
        else { return nil }
        return PolicyCase(
            name: name, file: reader.file, place: node.place,
            signed: Set((signed ?? []).map(\.text)), attested: attested, question: question,
            outcome: outcome, expected: expected)
    }

    private mutating func readQuestion(
        _ facts: Section, at time: Timestamp, _ ground: String?
    ) -> Question? {
        var question = CaseQuestion(set, at: time)
        for entry in facts.entries { question.read(entry, &reader) }
        return question.finished(facts, ground: ground, &reader)
    }

    /// Documents with the moments of their attestation.
    private mutating func readAttested(_ node: DocumentNode?) -> [String: Timestamp] {
        guard let node, let section = reader.map(node, "attested") else { return [:] }
        var attested: [String: Timestamp] = [:]
        for entry in section.entries {
            let word = Word(text: entry.key, place: entry.place)
            check(word, in: set.documents.keys.sorted(), "document")
            attested[entry.key] = reader.moment(entry.value, "`\(entry.key)`")
        }
        return attested
    }

    private mutating func readName(_ node: DocumentNode?) -> String? {
        guard let node, let name = reader.quoted(node, "test") else { return nil }
        if !names.insert(name).inserted {
            reader.report(.doubled, node.place, "two tests are named \"\(name)\"")
        }
        return name
    }

    // MARK: Expectations

    private var instruments: [String] { self.set.agreements.instruments.map(\.id) }

    private mutating func readExpected(_ section: Section) -> [PolicyCase.Part: [String]] {
        var expected: [PolicyCase.Part: [String]] = [:]
        for part in PolicyCase.Part.allCases {
            guard let node = section[part.rawValue] else { continue }
            if part == .ground {
                expected[part] = readRule(node, part.rawValue, .ground).map { [$0] }
                continue
            }
            guard let words = readList(node, part.rawValue) else { continue }
            for word in words { check(word, part) }
            expected[part] = words.map(\.text)
        }
        return expected
    }

    /// Only what the set knows can come out.
    private mutating func check(_ word: Word, _ part: PolicyCase.Part) {
        switch part {
        case .ground, .grounds: checkRule(word, .ground)
        case .prohibitions: checkRule(word, .prohibition)
        case .duties: checkRule(word, .duty)
        case .byLaw: check(word, in: set.ruleNames, "rule")
        case .instruments: check(word, in: instruments, "instrument")
        case .missing: check(word, in: set.table.index.keys.sorted(), "fact")
        // A run shows them beside what came out.
        case .builtIn, .obligations, .counts: break
        }
    }

    private mutating func readRule(
        _ node: DocumentNode, _ what: String, _ kind: Rule.Kind
    ) -> String? {
        guard let text = reader.word(node, what) else { return nil }
        checkRule(Word(text: text, place: node.place), kind)
        return text
    }

    private mutating func checkRule(_ word: Word, _ kind: Rule.Kind) {
        let names = set.files.flatMap { file in
            file.rules.filter { $0.kind == kind }.map { "\(file.name)/\($0.name)" }
        }
        check(word, in: names, kind.rawValue)
    }

    private mutating func check(_ word: Word, in known: [String], _ what: String) {
        guard !known.contains(word.text) else { return }
        let hint = Nearest.hint(Nearest.word(to: word.text, in: known))
        reader.report(.unknownWord, word.place, "`\(word.text)` is no \(what) of the set\(hint)")
    }

    /// A list that may be empty: nothing at all is expected then.
    private mutating func readList(_ node: DocumentNode?, _ what: String) -> [Word]? {
        guard let node else { return nil }
        guard case .list(let elements) = node.content else {
            reader.report(.wrongType, node.place, "\(what) must be a list")
            return nil
        }
        return elements.compactMap { element in
            reader.word(element, "each of \(what)").map { Word(text: $0, place: element.place) }
        }
    }
}
