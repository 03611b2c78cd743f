import SelatCore

/// Resolves one file's definitions and rules against the facts of the whole set.
struct JurisdictionReader {
    let head: JurisdictionHead
    let table: FactTable
    let roles: [String]
    var reader: DocumentReader
    private var used: Set<String> = []
    private var levels: Set<Int> = [Classification.unclassified.rank]
    private var groups: [String: [String]] = [:]

    init(_ head: JurisdictionHead, _ table: FactTable, roles: [String], _ reader: DocumentReader) {
        self.head = head
        self.table = table
        self.roles = roles
        self.reader = reader
    }

    mutating func read() -> Jurisdiction {
        let root = head.root
        let sources = readSources(reader.required(root, "sources"))
        let authorities = readAuthorities(root["authorities"])
        let markings = readMarkings(root["markings"])
        readGroups(root["groups"])
        let special = readSpecial(root["special"])
        let counters = readCounters()
        let categories = readNationalCategories(sources)
        let rules = readRules(reader.required(root, "rules"), sources, authorities)
        checkUse(root)
        return Jurisdiction(
            name: head.name, path: reader.file, country: head.country,
            edition: Edition(number: head.number, digest: head.digest, standing: head.standing),
            inForce: head.inForce, special: special, levels: levels.sorted(), markings: markings,
            nationalCategories: categories, counters: counters, rules: rules,
            byFlow: FlowRules.byFlow(rules))
    }

    // MARK: Definitions

    private mutating func readSources(_ node: DocumentNode?) -> [String: Basis] {
        guard let node, let section = reader.map(node, "sources") else { return [:] }
        var sources: [String: Basis] = [:]
        for entry in section.entries {
            guard let source = reader.section(entry.value, .source) else { continue }
            let title = reader.quoted(reader.required(source, "title"), "title")
            let cite = reader.quoted(reader.required(source, "cite"), "cite")
            let kind: SourceKind? = reader.choice(reader.required(source, "kind"), "kind of source")
            let binds = source["binds"].map { readSectors($0) } ?? []
            guard let title, let cite, let kind else { continue }
            if kind == .policy, source["binds"] != nil {
                reader.report(
                    .misplaced, entry.place, "a policy binds by adoption; leave `binds` out")
            }
            sources[entry.key] = Basis(
                title: title, cite: cite, kind: kind, clause: "", binds: binds)
        }
        return sources
    }

    private mutating func readSectors(_ node: DocumentNode) -> Set<Sector> {
        let words = reader.words(node, "binds") ?? []
        return Set(words.compactMap { reader.choice($0.node, "sector", Sector.self) })
    }

    private mutating func readAuthorities(_ node: DocumentNode?) -> Set<String> {
        var head = HeadReader(reader: reader, roles: roles, now: nil)
        let entries = head.readNames(node, self.head.name)
        reader = head.reader
        for entry in entries {
            let section = reader.section(entry.value, .authority)
            _ = section.flatMap { reader.quoted(reader.required($0, "title"), "title") }
        }
        return Set(entries.map(\.key))
    }

    private mutating func readMarkings(_ node: DocumentNode?) -> [String: Int] {
        guard let node, let section = reader.map(node, "markings") else { return [:] }
        var markings: [String: Int] = [:]
        for entry in section.entries {
            guard let level = Classification(rawValue: entry.key) else {
                let words = Classification.allCases.map(\.rawValue)
                let hint = Nearest.hint(Nearest.word(to: entry.key, in: words))
                reader.report(.unknownKey, entry.place, "`\(entry.key)` is no level\(hint)")
                continue
            }
            levels.insert(level.rank)
            for word in reader.words(entry.value, "markings") ?? [] {
                if markings.updateValue(level.rank, forKey: word.text) != nil {
                    reader.report(.doubled, word.place, "`\(word.text)` stands at two levels")
                }
            }
        }
        return markings
    }

    private mutating func readGroups(_ node: DocumentNode?) {
        var head = HeadReader(reader: reader, roles: roles, now: nil)
        let entries = head.readNames(node, self.head.name)
        reader = head.reader
        for entry in entries {
            let words = reader.words(entry.value, "a group of countries") ?? []
            groups[entry.key] = words.compactMap { reader.country($0)?.code }
        }
    }

    private mutating func readSpecial(_ node: DocumentNode?) -> Condition? {
        guard let node else { return nil }
        if case .word("none", _) = node.content { return nil }
        guard let section = reader.section(node, .special) else {
            return nil
        }
        var parts: [Condition] = []
        for entry in section.entries {
            guard let index = table.index[entry.key],
                let lexicon = table.definitions[index].type.lexicon,
                let words = reader.words(entry.value, entry.key)
            else { continue }
            for word in words {
                guard let term = lexicon.index[word.text] else {
                    reader.reportUnknownTerm(
                        word, among: lexicon.names, "`\(word.text)` is no term of \(entry.key)")
                    continue
                }
                parts.append(
                    .leaf(
                        .init(
                            fact: index, test: .someOf(lexicon.match(term)),
                            text: "\(entry.key): \(word.text)")))
            }
        }
        return .any(parts)
    }

    private mutating func readCounters() -> [Counter] {
        head.counters.compactMap { entry in
            guard let section = reader.section(entry.value, .counter) else {
                return nil
            }
            let adds = readAdded(reader.required(section, "adds"))
            let of = section["of"].flatMap {
                readCondition($0, isGround: false, isTransit: false)
            }
            let reach: Counter.Reach? = reader.choice(reader.required(section, "to"), "reach")
            let over = reader.duration(reader.required(section, "over"), "over")
            guard let adds, let reach, let over else { return nil }
            return Counter(name: entry.key, adds: adds, of: of, to: reach, over: over)
        }
    }

    private mutating func readAdded(_ node: DocumentNode?) -> String? {
        guard let node, let word = reader.word(node, "adds") else { return nil }
        guard word == "data-subjects" || word == "records" else {
            reader.report(.unknownWord, node.place, "a counter adds `data-subjects` or `records`")
            return nil
        }
        return word
    }

    private mutating func readNationalCategories(_ sources: [String: Basis]) -> [NationalCategory] {
        let lexicon = table.definitions[table[.nationalCategory]].type.lexicon
        return head.nationalCategories.compactMap { entry in
            guard let section = reader.section(entry.value, .nationalCategory)
            else { return nil }
            _ = reader.quoted(reader.required(section, "title"), "title")
            if let node = section["basis"] { _ = readBasis(node, sources) }
            let alsoWhen = section["also-when"].flatMap {
                readCondition($0, isGround: false, isTransit: false)
            }
            return lexicon?.index[entry.key].map {
                NationalCategory(name: entry.key, term: $0, alsoWhen: alsoWhen)
            }
        }
    }

    /// Every definition must serve a rule: one that nobody uses is a word misspelt elsewhere.
    private mutating func checkUse(_ root: Section) {
        for key in [
            "sources", "documents", "national-categories", "counters", "authorities", "groups",
        ] {
            guard let node = root[key], case .map(let entries) = node.content else { continue }
            for entry in entries where !used.contains(entry.key) {
                reader.report(.unused, entry.place, "`\(entry.key)` of `\(key)` is used nowhere")
            }
        }
    }

    // MARK: Rules

    private mutating func readRules(
        _ node: DocumentNode?, _ sources: [String: Basis], _ authorities: Set<String>
    ) -> [Rule] {
        guard let node else { return [] }
        guard case .list(let nodes) = node.content else {
            reader.report(.wrongType, node.place, "rules must be a list")
            return []
        }
        var names: Set<String> = []
        return nodes.compactMap { node in
            guard let (rule, place) = readRule(node, sources, authorities) else { return nil }
            if !names.insert(rule.name).inserted {
                reader.report(.doubled, place, "two rules are named `\(rule.name)`")
            }
            return rule
        }
    }

    private mutating func readRule(
        _ node: DocumentNode, _ sources: [String: Basis], _ authorities: Set<String>
    ) -> (Rule, Place)? {
        guard let section = reader.section(node, .rule) else { return nil }
        let kinds = section.entries.filter { Rule.Kind(rawValue: $0.key) != nil }
        guard kinds.count == 1, let kind = Rule.Kind(rawValue: kinds[0].key) else {
            reader.report(
                .missingKey, node.place, "a rule is exactly one of `ground`, `prohibition`, `duty`")
            return nil
        }
        let name = readName(kinds[0].value)
        let flows = readFlows(section)
        let (from, until) = readDates(section)
        let when = reader.required(section, "when").flatMap {
            readCondition(
                $0, isGround: kind == .ground, isTransit: flows?.contains(.transit) ?? false)
        }
        // An exception only narrows a ground, so the ground's rule on `some-of` does not hold in it.
        let unless = section["unless"].flatMap {
            readCondition($0, isGround: false, isTransit: flows?.contains(.transit) ?? false)
        }
        let basis = readBasis(section["basis"], sources)
        let exemption = section["exemption"].flatMap { reader.quoted($0, "exemption") }
        let obligations = readObligations(section["obligations"], authorities, flows ?? [])
        if let note = section["note"] { _ = reader.word(note, "note") }
        check(section, kind, exemption, until, from)
        guard let name, let flows, let when, let basis else { return nil }
        return (
            Rule(
                kind: kind, name: name, place: kinds[0].place, flows: flows,
                ladder: section["ladder"].flatMap { reader.word($0, "ladder") }, from: from,
                until: until, when: when, unless: unless, basis: basis, exemption: exemption,
                obligations: obligations, hasNote: section["note"] != nil), kinds[0].place
        )
    }

    private mutating func readName(_ node: DocumentNode) -> String? {
        guard let name = reader.word(node, "a rule's name") else { return nil }
        let isName = name.utf8.allSatisfy {
            (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D
        }
        guard isName, name.utf8.count <= 80 else {
            reader.report(
                .wrongType, node.place, "`\(name)`: a rule's name has a-z, 0-9 and hyphens only")
            return nil
        }
        return name
    }

    private mutating func readFlows(_ section: Section) -> Set<Flow>? {
        guard let node = reader.required(section, "flow"), let words = reader.words(node, "flow")
        else { return nil }
        if head.country == nil {
            guard words.count == 1, words[0].text == "any" else {
                reader.report(.misplaced, node.place, "the federation's rules hold in `any` flow")
                return nil
            }
            return []
        }
        let flows = words.map { word in
            reader.choice(word.node, "flow of a country's file", Flow.self)
        }
        guard !flows.contains(nil) else { return nil }
        return Set(flows.compactMap { $0 })
    }

    private mutating func readDates(_ section: Section) -> (from: Timestamp?, until: Timestamp?) {
        let from = section["from"].flatMap { reader.date($0, "from") }
        let until = section["until"].flatMap { reader.date($0, "until") }
        if let until, until <= from ?? head.inForce {
            reader.report(
                .contradictoryDates, section.place(of: "until"),
                "`until` is not after the rule's beginning, its `from` or the file's `in-force`")
        }
        return (from, until)
    }

    private mutating func check(
        _ section: Section, _ kind: Rule.Kind, _ exemption: String?, _ until: Timestamp?,
        _ from: Timestamp?
    ) {
        if head.country == nil, kind == .ground {
            reader.report(
                .misplaced, section.place, "the federation's file has prohibitions and duties only")
        }
        if kind != .ground {
            for key in ["ladder", "exemption"] where section[key] != nil {
                reader.report(.misplaced, section.place(of: key), "`\(key)` belongs to a ground")
            }
        }
        if kind == .prohibition, section["obligations"] != nil {
            reader.report(
                .misplaced, section.place(of: "obligations"),
                "a prohibition has no obligations; write a duty beside it")
        }
        if kind == .duty { _ = reader.required(section, "obligations") }
        if section["exemption"] != nil {
            checkEnd(section, from: max(from ?? head.inForce, head.inForce), until)
        }
    }

    /// Reliance on an exemption ends, a year after it began at most.
    private mutating func checkEnd(_ section: Section, from: Timestamp, _ until: Timestamp?) {
        guard section["until"] != nil else {
            return reader.report(
                .missingUntil, section.place(of: "exemption"),
                "an exemption ends: write `until`, a year ahead at most")
        }
        let last = from + 366 * 86_400
        if let until, until > last {
            reader.report(
                .untilTooLate, section.place(of: "until"),
                "an exemption ends after a year: write `until: \(last.text.prefix(10))` or earlier")
        }
    }

    private mutating func readCondition(
        _ node: DocumentNode, isGround: Bool, isTransit: Bool
    ) -> Condition? {
        let scope = ConditionScope(
            jurisdiction: head.name, isGround: isGround, isTransit: isTransit,
            levels: head.country == nil ? nil : levels, groups: groups,
            unknowable: head.country == nil
                ? [.specialCategory: "the federation's file has no such list"] : [:])
        var conditions = ConditionReader(table: table, scope: scope)
        defer { used.formUnion(conditions.used) }
        return conditions.read(node, &reader)
    }

    private mutating func readBasis(_ node: DocumentNode?, _ sources: [String: Basis]) -> Basis? {
        guard let node,
            let section = reader.section(node, .basis),
            let sourceNode = reader.required(section, "source"),
            let source = reader.word(sourceNode, "source"),
            let clause = reader.quoted(reader.required(section, "clause"), "clause")
        else { return nil }
        guard let law = sources[source] else {
            let hint = Nearest.hint(Nearest.word(to: source, in: sources.keys))
            reader.report(.unknownSource, sourceNode.place, "no source `\(source)`\(hint)")
            return nil
        }
        used.insert(source)
        var binds = law.binds
        if let node = section["binds"] {
            let narrowed = readSectors(node)
            if !narrowed.isSubset(of: binds) {
                reader.report(.wrongType, node.place, "`binds` only narrows what the source binds")
            }
            binds.formIntersection(narrowed)
        }
        return Basis(title: law.title, cite: law.cite, kind: law.kind, clause: clause, binds: binds)
    }

    private mutating func readObligations(
        _ node: DocumentNode?, _ authorities: Set<String>, _ flows: Set<Flow>
    ) -> [RuleObligation] {
        guard let node else { return [] }
        guard case .list(let nodes) = node.content, !nodes.isEmpty else {
            reader.report(.wrongType, node.place, "obligations must be a list")
            return []
        }
        var obligations = ObligationReader(roles: roles, authorities: authorities, flows: flows)
        defer { used.formUnion(obligations.used) }
        let lexicon = table.definitions[table[.categories]].type.lexicon
        var seen: Set<RuleObligation> = []
        return nodes.compactMap { node in
            guard let obligation = obligations.read(node, categories: lexicon, &reader) else {
                return nil
            }
            if !seen.insert(obligation).inserted {
                reader.report(.doubled, node.place, "the same obligation stands twice")
            }
            return obligation
        }
    }
}
