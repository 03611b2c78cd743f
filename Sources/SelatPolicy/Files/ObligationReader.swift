import SelatCore

/// Reads the obligations of one rule.
struct ObligationReader {
    let roles: [String]
    /// The file's authorities, to whom reports go.
    let authorities: Set<String>
    let flows: Set<Flow>
    private(set) var used: Set<String> = []

    init(roles: [String], authorities: Set<String>, flows: Set<Flow>) {
        self.roles = roles
        self.authorities = authorities
        self.flows = flows
    }

    mutating func read(
        _ node: DocumentNode, categories: Lexicon?, _ reader: inout DocumentReader
    ) -> RuleObligation? {
        guard let section = reader.section(node, .obligation) else { return nil }
        guard section.entries.count == 1, let entry = section.entries.first,
            Shape.obligation[entry.key] != nil
        else {
            if section.entries.count != 1 {
                reader.report(.wrongType, node.place, "an obligation is one key with its value")
            }
            return nil
        }
        if let transform = Transform(rawValue: entry.key) {
            return readTransform(transform, entry.value, categories, &reader)
        }
        switch entry.key {
        case "approval": return readApproval(entry.value, &reader)
        case "retention": return readRetention(entry.value, &reader)
        case "onward-only-to": return readOnward(entry.value, &reader)
        case "no-transit-through":
            return owed(
                readCountries(entry.value, entry.key, &reader).map { .noTransitThrough($0) },
                .source)
        case "notice": return readNotice(entry.value, &reader)
        case "human-review": return readReview(entry.value, &reader)
        case "encryption": return readEncryption(entry.value, &reader)
        case "report": return readReport(entry.value, &reader)
        default: return readKeep(entry.value, &reader)
        }
    }

    private func owed(_ demand: Obligation.Demand?, _ side: Side?) -> RuleObligation? {
        demand.map { RuleObligation(demand: $0, side: side, isWithinTerritory: false) }
    }

    private func readApproval(
        _ node: DocumentNode, _ reader: inout DocumentReader
    ) -> RuleObligation? {
        guard
            let section = reader.section(node, .approval),
            let roleNode = reader.required(section, "role"),
            let role = reader.word(roleNode, "role")
        else { return nil }
        if !roles.contains(role) {
            let hint = Nearest.hint(Nearest.word(to: role, in: roles))
            reader.report(
                .unknownWord, roleNode.place, "`\(role)` is no role of the vocabulary\(hint)")
        }
        var count: UInt64 = 1
        if let countNode = section["count"], let stated = reader.number(countNode, "count") {
            if !(1...16).contains(stated) {
                reader.report(.number, countNode.place, "count must be 1 to 16")
            }
            count = stated
        }
        let side = section["side"].flatMap { readSide($0, &reader) }
        if flows.contains(.transit) {
            reader.report(
                .misplaced, node.place, "a relay sees nothing that a person could approve")
        } else if flows.isEmpty, side == nil, section["side"] == nil {
            reader.report(
                .missingKey, node.place, "an approval in the federation's file lacks `side`")
        }
        return owed(.approval(role: role, count: count), side)
    }

    private func readSide(_ node: DocumentNode, _ reader: inout DocumentReader) -> Side? {
        guard let side = reader.choice(node, "side", Side.self) else { return nil }
        guard side == .source || side == .destination else {
            reader.report(.unknownWord, node.place, "side must be `source` or `destination`")
            return nil
        }
        return side
    }

    private func readTransform(
        _ transform: Transform, _ node: DocumentNode, _ lexicon: Lexicon?,
        _ reader: inout DocumentReader
    ) -> RuleObligation? {
        guard
            let section = reader.section(node, .transform(transform)),
            let words = reader.words(reader.required(section, "categories"), "categories")
        else { return nil }
        for word in words where lexicon?.index[word.text] == nil {
            reader.reportUnknownTerm(
                word, among: lexicon?.names ?? [], "unknown category `\(word.text)`")
        }
        return owed(.transform(transform, categories: words.map(\.text)), .source)
    }

    private func readRetention(
        _ node: DocumentNode, _ reader: inout DocumentReader
    ) -> RuleObligation? {
        guard let section = reader.section(node, .retention) else {
            return nil
        }
        let seconds = section["at-most"].flatMap { reader.duration($0, "at-most") }
        let confirm = section["confirm"].flatMap { reader.flag($0, "confirm") } ?? false
        if section["at-most"] == nil, !confirm { _ = reader.required(section, "at-most") }
        return owed(.retention(seconds: seconds, confirm: confirm), .destination)
    }

    private mutating func readOnward(
        _ node: DocumentNode, _ reader: inout DocumentReader
    ) -> RuleObligation? {
        if case .word("none", _) = node.content { return owed(.onwardOnlyTo([]), .destination) }
        guard let words = reader.words(node, "onward-only-to") else { return nil }
        let territory = words.contains { $0.text == "instrument-territory" }
        let countries = words.filter { $0.text != "instrument-territory" }
            .compactMap { reader.country($0) }
        return RuleObligation(
            demand: .onwardOnlyTo(countries.sorted()), side: .destination,
            isWithinTerritory: territory)
    }

    private func readCountries(
        _ node: DocumentNode, _ what: String, _ reader: inout DocumentReader
    ) -> [Country]? {
        reader.words(node, what)?.compactMap { reader.country($0) }.sorted()
    }

    private func readNotice(
        _ node: DocumentNode, _ reader: inout DocumentReader
    ) -> RuleObligation? {
        guard let section = reader.section(node, .notice),
            let subject = reader.choice(
                reader.required(section, "of"), "subject of a notice", NoticeSubject.self)
        else { return nil }
        let acknowledged = section["acknowledged"].flatMap {
            reader.choice($0, "acknowledgement", Acknowledgement.self)
        }
        return owed(.notice(of: subject, acknowledged: acknowledged), .source)
    }

    private func readReview(
        _ node: DocumentNode, _ reader: inout DocumentReader
    ) -> RuleObligation? {
        guard let section = reader.section(node, .review) else { return nil }
        let subject = reader.choice(
            reader.required(section, "of"), "subject of a review", ReviewSubject.self)
        return owed(subject.map { .humanReview(of: $0) }, .destination)
    }

    private func readEncryption(
        _ node: DocumentNode, _ reader: inout DocumentReader
    ) -> RuleObligation? {
        guard let section = reader.section(node, .encryption),
            let value = reader.required(section, "at-least"),
            let word = reader.word(value, "at-least")
        else { return nil }
        guard let suite = Suite.allCases.first(where: { "suite-\($0.rawValue)" == word }) else {
            reader.report(
                .unknownWord, value.place, "`\(word)` is no suite; write `suite-1` to `suite-4`")
            return nil
        }
        return owed(.encryption(atLeast: suite), .source)
    }

    private mutating func readReport(
        _ node: DocumentNode, _ reader: inout DocumentReader
    ) -> RuleObligation? {
        guard let section = reader.section(node, .report) else { return nil }
        let subject: ReportSubject? = reader.choice(
            reader.required(section, "what"), "subject of a report")
        let recipient = readRecipient(reader.required(section, "to"), &reader)
        let within = reader.duration(reader.required(section, "within"), "within")
        let start: Start? = reader.choice(reader.required(section, "from"), "event")
        let once: Recurrence? = reader.choice(reader.required(section, "once"), "recurrence")
        guard let subject, let recipient, let within, let start, let once else { return nil }
        return owed(
            .report(subject, to: recipient, seconds: within, from: start, once: once), nil)
    }

    private mutating func readRecipient(
        _ node: DocumentNode?, _ reader: inout DocumentReader
    ) -> String? {
        guard let node, let word = reader.word(node, "to") else { return nil }
        if ReportRecipient(rawValue: word) != nil { return word }
        guard authorities.contains(word) else {
            let words = authorities.sorted() + ReportRecipient.allCases.map(\.rawValue)
            let hint = Nearest.hint(Nearest.word(to: word, in: words))
            reader.report(.unknownWord, node.place, "`\(word)` is no authority of this file\(hint)")
            return nil
        }
        used.insert(word)
        return word
    }

    private func readKeep(_ node: DocumentNode, _ reader: inout DocumentReader) -> RuleObligation? {
        guard let section = reader.section(node, .keep),
            let subject: KeepSubject = reader.choice(
                reader.required(section, "what"), "thing to keep")
        else { return nil }
        let seconds = section["at-least"].flatMap { reader.duration($0, "at-least") }
        let country = section["in"].flatMap { node in
            reader.word(node, "in").flatMap { reader.country(Word(text: $0, place: node.place)) }
        }
        if section["at-least"] == nil, section["in"] == nil {
            _ = reader.required(section, "at-least")
        }
        return owed(.keep(subject, seconds: seconds, in: country), nil)
    }
}
