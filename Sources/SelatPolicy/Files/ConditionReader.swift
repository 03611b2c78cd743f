import SelatCore

/// The facts of a set with their positions.
struct FactTable: Sendable {
    let definitions: [FactDefinition]
    let index: [String: Int]
    /// The facts that somebody states, and so can leave out.
    let stated: [Int]
    /// Of these, the facts on persons.
    let onPersons: [Int]
    /// By the ordinals of the facts that the language itself speaks of.
    private let known: [Int]

    init(_ definitions: [FactDefinition]) {
        self.definitions = definitions
        let index = Dictionary(uniqueKeysWithValues: definitions.map { ($0.name, $0.index) })
        self.index = index
        stated = definitions.filter(\.source.isStated).map(\.index)
        onPersons = definitions.filter { $0.silence == .requiredIfPersonal }.map(\.index)
        known = KnownFact.allCases.map { index[$0.rawValue] ?? 0 }
    }

    subscript(fact: KnownFact) -> Int { known[fact.ordinal] }
}

/// Where a condition stands, which decides what it may speak of.
struct ConditionScope {
    /// The file's jurisdiction: counters are the file's own.
    let jurisdiction: String
    let isGround: Bool
    let isTransit: Bool
    /// The ranks of the classification levels that the file knows; nil where it knows all.
    let levels: Set<Int>?
    /// Named groups of countries.
    let groups: [String: [String]]
    /// Facts that are not known where the condition is asked, with the reason.
    var unknowable: [KnownFact: String] = [:]
}

/// Reads `when` and `unless` into conditions.
struct ConditionReader {
    let table: FactTable
    let scope: ConditionScope
    /// Terms and counters that conditions named, for the search for unused definitions.
    private(set) var used: Set<String> = []

    static let comparisons = ["at-most", "at-least", "more-than", "less-than"]
    static let setTests = ["some-of", "all-of", "only", "none-of"]

    init(table: FactTable, scope: ConditionScope) {
        self.table = table
        self.scope = scope
    }

    mutating func read(_ node: DocumentNode, _ reader: inout DocumentReader) -> Condition? {
        if case .word(let word, _) = node.content {
            if word == "always" { return .always }
            reader.report(
                .wrongType, node.place, "`\(word)` is no condition; write `always` or facts")
            return nil
        }
        return readMap(node, &reader, mayBranch: true)
    }

    private mutating func readMap(
        _ node: DocumentNode, _ reader: inout DocumentReader, mayBranch: Bool
    ) -> Condition? {
        guard let section = reader.map(node, "a condition") else { return nil }
        guard !section.entries.isEmpty else {
            reader.report(
                .emptyCondition, node.place, "an empty condition; write `always` or facts")
            return nil
        }
        var parts: [Condition] = []
        for entry in section.entries {
            if entry.key == "any" {
                guard mayBranch else {
                    reader.report(.misplaced, entry.place, "`any` inside `any`")
                    return nil
                }
                parts += readAlternatives(entry, &reader).map { [$0] } ?? []
            } else {
                parts += readFact(entry, &reader).map { Condition.leaf($0) }
            }
        }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private mutating func readAlternatives(
        _ entry: DocumentNode.Entry, _ reader: inout DocumentReader
    ) -> Condition? {
        guard case .list(let nodes) = entry.value.content, nodes.count > 1 else {
            reader.report(
                .wrongType, entry.place, "`any` must be a list of two or more alternatives")
            return nil
        }
        var seen: Set<Condition> = []
        let alternatives = nodes.compactMap { node in
            guard let alternative = readMap(node, &reader, mayBranch: false) else {
                return nil as Condition?
            }
            if !seen.insert(alternative).inserted {
                reader.report(.doubled, node.place, "the same alternative stands twice")
            }
            return alternative
        }
        return .any(alternatives)
    }

    private mutating func readFact(
        _ entry: DocumentNode.Entry, _ reader: inout DocumentReader
    ) -> [Condition.Leaf] {
        guard let fact = definition(entry, &reader) else { return [] }
        if let known = KnownFact(rawValue: fact.name), let reason = scope.unknowable[known] {
            reader.report(.cannotApply, entry.place, "`\(fact.name)` is not known here: \(reason)")
        }
        if scope.isTransit, !fact.isSeenByRelay {
            reader.report(.unseenByRelay, entry.place, "no relay sees the fact `\(fact.name)`")
        }
        switch fact.type {
        case .flag:
            guard let flag = reader.flag(entry.value, "`\(fact.name)`") else { return [] }
            return [leaf(fact, .flag(flag), flag ? "yes" : "no")]
        case .number: return readNumber(fact, entry.value, &reader)
        case .one(let lexicon): return readOne(fact, lexicon, entry.value, &reader)
        case .ladder(let lexicon): return readLadder(fact, lexicon, entry.value, &reader)
        case .set(let lexicon): return readSet(fact, lexicon, entry.value, &reader)
        }
    }

    private mutating func definition(
        _ entry: DocumentNode.Entry, _ reader: inout DocumentReader
    ) -> FactDefinition? {
        guard let index = table.index[entry.key] else {
            let hint = Nearest.hint(Nearest.word(to: entry.key, in: table.index.keys))
            reader.report(.unknownFact, entry.place, "unknown fact `\(entry.key)`\(hint)")
            return nil
        }
        let fact = table.definitions[index]
        guard fact.owner == nil || fact.owner == scope.jurisdiction else {
            reader.report(
                .unknownFact, entry.place,
                "`\(fact.name)` is a counter of \(fact.owner ?? ""); only that file may use it")
            return nil
        }
        if fact.owner != nil { used.insert(fact.name) }
        return fact
    }

    private func leaf(
        _ fact: FactDefinition, _ test: Condition.Test, _ text: String, _ words: [Word] = []
    ) -> Condition.Leaf {
        Condition.Leaf(
            fact: fact.index, test: test, text: "\(fact.name): \(text)", terms: words.map(\.text))
    }

    // MARK: By type

    private mutating func readNumber(
        _ fact: FactDefinition, _ node: DocumentNode, _ reader: inout DocumentReader
    ) -> [Condition.Leaf] {
        guard case .map = node.content else {
            guard let number = reader.number(node, "`\(fact.name)`") else { return [] }
            return [leaf(fact, .number(number...number), "\(number)")]
        }
        guard
            let (range, text) = readBounds(
                node, &reader,
                value: { _, node, reader in
                    reader.number(node, "`\(fact.name)`").map { Int($0) }
                })
        else { return [] }
        let upper = range.upperBound == .max ? UInt64.max : UInt64(range.upperBound)
        return [leaf(fact, .number(UInt64(range.lowerBound)...upper), text)]
    }

    private mutating func readLadder(
        _ fact: FactDefinition, _ lexicon: Lexicon, _ node: DocumentNode,
        _ reader: inout DocumentReader
    ) -> [Condition.Leaf] {
        guard case .map = node.content else {
            guard let rung = readRung(fact, lexicon, node, &reader) else { return [] }
            return [leaf(fact, .ladder(rung...rung), lexicon.names[rung])]
        }
        guard
            let (range, text) = readBounds(
                node, &reader,
                value: { conditions, node, reader in
                    conditions.readRung(fact, lexicon, node, &reader)
                })
        else { return [] }
        guard range.lowerBound < lexicon.names.count else {
            reader.report(.cannotApply, node.place, "no value can meet this comparison")
            return []
        }
        return [leaf(fact, .ladder(range), text)]
    }

    private mutating func readRung(
        _ fact: FactDefinition, _ lexicon: Lexicon, _ node: DocumentNode,
        _ reader: inout DocumentReader
    ) -> Int? {
        guard let word = reader.word(node, "`\(fact.name)`"),
            let rung = term(Word(text: word, place: node.place), fact, lexicon, &reader)
        else { return nil }
        if fact.name == KnownFact.classification.rawValue, let levels = scope.levels,
            !levels.contains(rung)
        {
            reader.report(
                .levelMissing, node.place,
                "\(scope.jurisdiction) has no level `\(word)`; name one of its `markings`")
            return nil
        }
        return rung
    }

    /// `at-most`, `at-least`, `more-than`, `less-than`, together.
    private mutating func readBounds(
        _ node: DocumentNode, _ reader: inout DocumentReader,
        value: (inout ConditionReader, DocumentNode, inout DocumentReader) -> Int?
    ) -> (range: ClosedRange<Int>, text: String)? {
        let keys = Self.comparisons
        guard let section = reader.section(node, "a comparison", keys: keys) else { return nil }
        var (lower, upper) = (0, Int.max)
        for entry in section.entries {
            guard keys.contains(entry.key), let bound = value(&self, entry.value, &reader)
            else { return nil }
            switch entry.key {
            case "at-most": upper = min(upper, bound)
            case "less-than": upper = min(upper, bound - 1)
            case "at-least": lower = max(lower, bound)
            default: lower = max(lower, bound + 1)
            }
        }
        guard !section.entries.isEmpty, lower <= upper else {
            reader.report(.cannotApply, node.place, "no value can meet this comparison")
            return nil
        }
        let text = section.entries.map { entry in
            if case .word(let word, _) = entry.value.content { "\(entry.key) \(word)" } else { "" }
        }
        return (lower...upper, text.joined(separator: ", "))
    }

    private mutating func readOne(
        _ fact: FactDefinition, _ lexicon: Lexicon, _ node: DocumentNode,
        _ reader: inout DocumentReader
    ) -> [Condition.Leaf] {
        guard let words = expanded(reader.words(node, "`\(fact.name)`"), lexicon) else { return [] }
        var values = Bits(count: lexicon.names.count)
        for word in words {
            guard let term = term(word, fact, lexicon, &reader) else { return [] }
            values.insert(term)
        }
        return [leaf(fact, .one(values), Self.joined(words), words)]
    }

    private mutating func readSet(
        _ fact: FactDefinition, _ lexicon: Lexicon, _ node: DocumentNode,
        _ reader: inout DocumentReader
    ) -> [Condition.Leaf] {
        let keys = Self.setTests
        guard case .map = node.content else {
            reader.report(
                .bareList, node.place,
                "`\(fact.name)` is a set: write `some-of`, `all-of`, `only` or `none-of`")
            return []
        }
        guard let section = reader.section(node, "a set's condition", keys: keys) else { return [] }
        if section.entries.isEmpty {
            reader.report(.emptyCondition, node.place, "an empty condition on `\(fact.name)`")
        }
        checkAllOf(section, fact, &reader)
        return section.entries.compactMap { readSetTest($0, fact, lexicon, &reader) }
    }

    /// `all-of` alone asks that something is there and lets pass whatever else is.
    private func checkAllOf(
        _ section: Section, _ fact: FactDefinition, _ reader: inout DocumentReader
    ) {
        guard scope.isGround, KnownFact.closedInGrounds.contains(fact.name),
            let entry = section.entries.first(where: { $0.key == "all-of" }),
            section["only"] == nil
        else { return }
        reader.report(
            .someOfInGround, entry.place,
            "a ground permits only what it lists of `\(fact.name)`: write `only` beside `all-of`")
    }

    private mutating func readSetTest(
        _ entry: DocumentNode.Entry, _ fact: FactDefinition, _ lexicon: Lexicon,
        _ reader: inout DocumentReader
    ) -> Condition.Leaf? {
        if entry.key == "some-of", scope.isGround, KnownFact.closedInGrounds.contains(fact.name) {
            reader.report(
                .someOfInGround, entry.place,
                "a ground permits only what it lists of `\(fact.name)`: write `only`")
            return nil
        }
        guard let words = expanded(reader.words(entry.value, "`\(entry.key)`"), lexicon)
        else { return nil }
        let matches = words.compactMap { term($0, fact, lexicon, &reader).map(lexicon.match) }
        guard matches.count == words.count, let first = matches.first else { return nil }
        let joined = matches.dropFirst().reduce(first) { $0.joined($1) }
        let test: Condition.Test
        switch entry.key {
        case "some-of": test = .someOf(joined)
        case "all-of": test = .allOf(matches)
        case "only": test = .only(joined)
        case "none-of": test = .noneOf(joined)
        default: return nil
        }
        return leaf(fact, test, "\(entry.key) \(Self.joined(words))", words)
    }

    /// A value of the fact, or the nearest one in the message.
    private mutating func term(
        _ word: Word, _ fact: FactDefinition, _ lexicon: Lexicon, _ reader: inout DocumentReader
    ) -> Int? {
        used.insert(word.text)
        if let term = lexicon.index[word.text] { return term }
        reader.reportUnknownTerm(
            word, among: lexicon.names, "`\(word.text)` is no value of `\(fact.name)`")
        return nil
    }

    /// Groups of countries replaced by their members.
    private mutating func expanded(_ words: [Word]?, _ lexicon: Lexicon) -> [Word]? {
        guard let words, lexicon.index["SG"] != nil else { return words }
        var result: [Word] = []
        for word in words {
            guard let members = scope.groups[word.text] else {
                result.append(word)
                continue
            }
            used.insert(word.text)
            result += members.map { Word(text: $0, place: word.place) }
        }
        return result
    }

    private static func joined(_ words: [Word]) -> String {
        "[" + words.map(\.text).joined(separator: ", ") + "]"
    }
}
