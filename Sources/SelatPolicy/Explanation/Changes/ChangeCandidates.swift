import SelatCore

/// The questions that differ from one in a single fact.
struct ChangeCandidates {
    struct Candidate {
        let kind: SingleChange.Kind
        var question: Question
        /// Other signed instruments, where those are the change.
        var signed: Set<String>?
        var alike = 0
        let size: Int
    }

    let set: PolicySet
    let question: Question
    /// The facts as they were resolved, silence included.
    let facts: Facts
    /// Every test that a rule asked, a list of special data or an instrument makes, by fact.
    let leaves: [Int: [Condition.Leaf]]

    init(_ set: PolicySet, _ question: Question, _ evaluation: Evaluation) {
        self.set = set
        self.question = question
        facts = evaluation.resolved.facts
        leaves = Dictionary(grouping: set.leaves(asked: question), by: \.fact)
    }

    var all: [Candidate] {
        self.set.table.definitions.flatMap { definition -> [Candidate] in
            if definition.source.isStated { return stated(definition) }
            switch KnownFact(rawValue: definition.name) {
            case .classification, .tlp: return levels(definition)
            case .releasableTo: return release(definition)
            case .document: return documents(definition)
            case .emergency: return [emergency]
            case .safeguard: return instruments
            default: return []
            }
        } + grounds
    }

    // MARK: Stated facts

    private func stated(_ fact: FactDefinition) -> [Candidate] {
        let old = facts[fact.name]?.value
        switch fact.type {
        case .flag:
            return [false, true].filter { old != .flag($0) }.map {
                value(fact, old, .flag($0), size: 1)
            }
        case .number: return numbers(fact, old)
        case .one(let lexicon), .ladder(let lexicon):
            return lexicon.names.filter { old != .term($0) }.map {
                value(fact, old, .term($0), size: 1)
            }
        case .set(let lexicon): return sets(fact, lexicon, old)
        }
    }

    private func value(
        _ fact: FactDefinition, _ old: FactValue?, _ new: FactValue, alike: Int = 0, size: Int
    ) -> Candidate {
        candidate(.value(fact: fact.name, old: old, new: new), fact, new, alike, size)
    }

    private func candidate(
        _ kind: SingleChange.Kind, _ fact: FactDefinition, _ new: FactValue, _ alike: Int,
        _ size: Int
    ) -> Candidate {
        var changed = question
        changed.facts[fact.name] = Fact(new, .stated)
        return Candidate(kind: kind, question: changed, alike: alike, size: size)
    }

    /// The numbers at which some test begins or ends.
    private func numbers(_ fact: FactDefinition, _ old: FactValue?) -> [Candidate] {
        var edges: Set<UInt64> = [0]
        for leaf in leaves[fact.index] ?? [] {
            guard case .number(let range) = leaf.test else { continue }
            edges.insert(range.lowerBound)
            if range.lowerBound > 0 { edges.insert(range.lowerBound - 1) }
            guard range.upperBound < UInt64(JSON.integerMax) else { continue }
            edges.insert(range.upperBound)
            edges.insert(range.upperBound + 1)
        }
        return edges.sorted().filter { old != .number($0) }.map {
            value(fact, old, .number($0), size: 1)
        }
    }

    private func sets(_ fact: FactDefinition, _ lexicon: Lexicon, _ old: FactValue?) -> [Candidate]
    {
        let classes = TermClasses(lexicon, leaves[fact.index] ?? []).all
        guard case .set(let terms)? = old else {
            return [value(fact, nil, .set([]), size: 1)]
                + classes.map { value(fact, nil, .set([$0.term]), alike: $0.alike, size: 1) }
        }
        var found: [Candidate] = []
        for one in classes where !terms.contains(one.term) {
            found.append(
                candidate(
                    .added(fact: fact.name, one.term), fact, .set(terms.union([one.term])),
                    one.alike, 1))
            if !terms.isEmpty {
                found.append(
                    value(fact, old, .set([one.term]), alike: one.alike, size: terms.count + 1))
            }
        }
        for term in terms.sorted() {
            found.append(
                candidate(
                    .removed(fact: fact.name, term), fact, .set(terms.subtracting([term])), 0, 1))
        }
        return found
    }

    // MARK: The label

    private func levels(_ fact: FactDefinition) -> [Candidate] {
        let names = fact.type.lexicon?.names ?? []
        let isLevel = fact.name == KnownFact.classification.rawValue
        let old = question.label.map { isLevel ? $0.classification.rawValue : $0.tlp.rawValue }
        return names.filter { $0 != old }.compactMap { name in
            var changed = question
            if isLevel {
                guard let level = Classification(rawValue: name) else { return nil }
                var label =
                    question.label
                    ?? Label(classification: level, releasableTo: [question.destination.country])
                label.classification = level
                changed.label = label
            } else {
                guard let tlp = TLP(rawValue: name), question.label != nil else { return nil }
                changed.label?.tlp = tlp
            }
            return Candidate(
                kind: .value(fact: fact.name, old: old.map { .term($0) }, new: .term(name)),
                question: changed, size: 1)
        }
    }

    private func release(_ fact: FactDefinition) -> [Candidate] {
        let destination = question.destination.country
        guard let label = question.label else { return [] }
        var changed = question
        guard label.releasableTo.contains(destination) else {
            changed.label?.releasableTo.append(destination)
            return [
                Candidate(
                    kind: .added(fact: fact.name, destination.code), question: changed, size: 1)
            ]
        }
        changed.label?.releasableTo.removeAll { $0 == destination }
        return [
            Candidate(kind: .removed(fact: fact.name, destination.code), question: changed, size: 1)
        ]
    }

    // MARK: Officers, instruments, grounds

    private func documents(_ fact: FactDefinition) -> [Candidate] {
        (fact.type.lexicon?.names ?? []).map { name in
            var changed = question
            let isThere = question.documents.contains(name)
            if isThere { changed.documents.remove(name) } else { changed.documents.insert(name) }
            return Candidate(
                kind: isThere ? .unattested(name) : .attested(name), question: changed, size: 1)
        }
    }

    private var emergency: Candidate {
        var changed = question
        changed.isEmergency.toggle()
        return Candidate(kind: .emergency(changed.isEmergency), question: changed, size: 1)
    }

    private var instruments: [Candidate] {
        self.set.agreements.instruments.map { instrument in
            let isSigned = set.signed.contains(instrument.id)
            return Candidate(
                kind: isSigned ? .unsigned(instrument.id) : .signed(instrument.id),
                question: question,
                signed: isSigned
                    ? set.signed.subtracting([instrument.id]) : set.signed.union([instrument.id]),
                size: 1)
        }
    }

    private var grounds: [Candidate] {
        let source = question.source.country
        let flow: Flow = source == question.destination.country ? .domestic : .export
        let names = (set.jurisdictions[source]?.byFlow[flow]?.grounds ?? [])
            .map { "\(source.code)/\($0.name)" }
        var others: [String?] = names.filter { $0 != question.ground }
        if question.ground != nil { others.append(nil) }
        return others.map { ground in
            var changed = question
            changed.ground = ground
            return Candidate(kind: .ground(ground), question: changed, size: 1)
        }
    }
}

/// Terms that a list of tests treats alike, each class with one that stands for it.
struct TermClasses {
    let all: [(term: String, alike: Int)]

    init(_ lexicon: Lexicon, _ leaves: [Condition.Leaf]) {
        let matches = leaves.flatMap { leaf -> [TermMatch] in
            switch leaf.test {
            case .someOf(let match), .only(let match), .noneOf(let match): [match]
            case .allOf(let matches): matches
            case .flag, .number, .one, .ladder: []
            }
        }
        let named = Set(leaves.flatMap(\.terms))
        var order: [[Truth]] = []
        var byTruth: [[Truth]: [String]] = [:]
        for (index, name) in lexicon.names.enumerated() {
            let truth = matches.map { $0.truth(of: index) }
            if byTruth[truth] == nil { order.append(truth) }
            byTruth[truth, default: []].append(name)
        }
        all = order.compactMap { truth in
            let names = byTruth[truth] ?? []
            // A term that a rule names says most to who reads the rule.
            guard let term = names.first(where: named.contains) ?? names.first else { return nil }
            return (term, names.count - 1)
        }
    }
}

extension PolicySet {
    /// Every test on which the answer to a question may rest.
    fileprivate func leaves(asked question: Question) -> [Condition.Leaf] {
        var conditions = agreements.instruments.map(\.covers)
        for (file, rule) in askedRules(question) {
            conditions.append(rule.when)
            if let unless = rule.unless { conditions.append(unless) }
            if let special = file.special { conditions.append(special) }
            conditions += file.nationalCategories.compactMap(\.alsoWhen)
        }
        return conditions.flatMap(\.leaves)
    }
}
