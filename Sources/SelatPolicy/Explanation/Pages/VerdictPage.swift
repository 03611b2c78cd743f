import SelatCore

extension Page {
    /// A verdict, why it is so, and what would change it.
    /// - Parameters:
    ///   - question: what was asked; it is judged again by `set`.
    ///   - record: the verdict that was given before, whose editions may be others.
    /// - Throws: `QuestionError` where the question means nothing to the set.
    package static func verdict(
        on question: Question, given record: Verdict? = nil, by set: PolicySet,
        _ texts: PolicyTexts, language: Language
    ) throws(QuestionError) -> Page {
        let sentences = Sentences(set: set, texts: texts, language: language)
        let verdict = try set.decide(question).verdict
        let page = VerdictPage(
            sentences: sentences, verdict: verdict, record: record,
            evaluation: try Evaluation(set, question))
        return try page.page()
    }
}

/// The page of one verdict.
private struct VerdictPage {
    let sentences: Sentences
    let verdict: Verdict
    let record: Verdict?
    let evaluation: Evaluation

    func page() throws(QuestionError) -> Page {
        var page = Page(headline.plain, sentences.language)
        if let record, !staleFiles(record).isEmpty {
            page.add(
                sentences.say(
                    .otherEditions, ["files": .code(staleFiles(record).joined(separator: ", "))]))
        }
        addFacts(&page)
        heading(.why, "why", &page)
        for judgement in verdict.judgements { add(judgement, &page) }
        if !verdict.obligations.isEmpty {
            heading(.duties, "owed", &page)
            page.add(.list(verdict.obligations.map { sentences.clause($0).capitalised + "." }))
        }
        if !verdict.missing.isEmpty {
            heading(.missing, "missing", &page)
            page.add(.list(verdict.missing.map { sentences.fact($0).capitalised }))
        }
        try addChanges(&page)
        page.addGlossary(sentences)
        return page
    }

    private func heading(_ phrase: Phrase, _ id: String, _ page: inout Page) {
        page.add(.heading(sentences.say(phrase).plain, level: 2, id: id))
    }

    private var headline: Prose {
        let isApproved = verdict.obligations.contains(where: \.isApproval)
        let phrase: Phrase =
            switch verdict.outcome {
            case .permitted: isApproved ? .permittedAfterApproval : .permitted
            case .refused: .refused
            case .incomplete: .incomplete
            }
        let (from, to) = (verdict.question.source.text, verdict.question.destination.text)
        return sentences.say(phrase, ["from": .code(from), "to": .code(to)])
    }

    /// The files whose editions are not those that the record was made with.
    private func staleFiles(_ record: Verdict) -> [String] {
        record.editions.filter { sentences.set.editions[$0.key]?.digest != $0.value.digest }
            .keys.sorted()
    }

    private func addFacts(_ page: inout Page) {
        heading(.facts, "facts", &page)
        var rows = verdict.facts.byName.sorted { $0.key < $1.key }.map { name, fact in
            [
                sentences.fact(name).capitalised, sentences.shown(fact.value, of: name),
                sentences.word("by-\(fact.origin.rawValue)"),
            ]
        }
        if let label = verdict.question.label {
            let level = sentences.value(label.classification.rawValue, of: "classification")
            let marking = label.marking.map { Prose(" (\($0))") } ?? Prose()
            rows.append([
                sentences.word("label").capitalised, level + marking + ", " + label.tlp.rawValue,
                sentences.word("by-stated"),
            ])
        }
        page.add(.table(headers: [], rows: rows))
        if verdict.facts.byName.values.contains(where: { $0.origin == .assumed }) {
            page.add(sentences.say(.assumedNote))
        }
    }

    // MARK: Judgements

    private func add(_ judgement: Judgement, _ page: inout Page) {
        guard judgement.jurisdiction != "selat" else {
            for clause in judgement.clauses {
                page.add(
                    sentences.say(
                        .builtInDecides, ["sentence": sentences.builtIn(clause.rule)]))
            }
            return
        }
        let name = sentences.country(judgement.jurisdiction)
        let file = sentences.set.files.first { $0.name == judgement.jurisdiction }
        let flow =
            file.map { sentences.flow(judgement.flow, of: $0) }
            ?? Prose(judgement.flow?.rawValue ?? "")
        let phrase: Phrase =
            switch judgement.outcome {
            case .permitted: .askedAndPermits
            case .refused: .askedAndRefuses
            case .incomplete: .askedAndOpen
            }
        page.add(sentences.say(phrase, ["file": name, "flow": flow]))
        var items = judgement.clauses.map { item($0, judgement, file) }
        if let file { items += tried(judgement, file) }
        if !items.isEmpty { page.add(.list(items)) }
    }

    private func item(_ clause: Clause, _ judgement: Judgement, _ file: Jurisdiction?) -> Prose {
        let rule = file?.rules.first { $0.name == clause.rule && clause.kind != .builtIn }
        guard let file, let rule else {
            return sentences.builtIn(clause.rule).capitalised + "."
        }
        let phrase: Phrase =
            switch (clause.kind, clause.isCertain) {
            case (.ground, true): .groundCounts
            case (.ground, false): .groundMayCount
            case (.prohibition, true): .forbids
            case (.prohibition, false): .mayForbid
            case (.duty, true): .owesDuty
            case (.duty, false), (.builtIn, _): .mayOweDuty
            }
        let said = sentences.sentences(rule, of: file)
        let head = sentences.say(
            phrase,
            [
                "rule": .code(said.rule),
                "conditions": open(rule, file, judgement.flow, .maybe),
            ])
        return head + " " + said.sentence + " " + said.citation
    }

    /// Where no ground counts: each ground of the file, with what keeps it from applying.
    private func tried(_ judgement: Judgement, _ file: Jurisdiction) -> [Prose] {
        guard let flow = judgement.flow,
            judgement.clauses.contains(where: {
                $0.kind == .builtIn && ($0.rule == "no-ground" || $0.rule.hasPrefix("named-ground"))
            })
        else { return [] }
        let grounds = file.byFlow[flow]?.grounds ?? []
        if grounds.isEmpty { return [sentences.say(.noGroundTried)] }
        return grounds.map { ground in
            let said = sentences.rule(file.name, ground.name)
            let asked = open(ground, file, flow, .no)
            guard asked.isEmpty else {
                return sentences.say(.groundFails, ["rule": said, "conditions": asked])
            }
            return sentences.say(.groundElse, ["rule": said])
        }
    }

    /// The parts of a rule's condition that have a truth; where the exception is what decides, that.
    private func open(
        _ rule: Rule, _ file: Jurisdiction, _ flow: Flow?, _ truth: Truth
    ) -> Prose {
        let view = evaluation.view(of: file, flow)
        var parts = rule.when.parts.filter { $0.truth(view) == truth }.map { sentences.clause($0) }
        if let unless = rule.unless, !unless.truth(view) == truth {
            parts.append(sentences.say(.isNot, ["conditions": sentences.clause(unless)]))
        }
        return sentences.list(parts, .and)
    }

    // MARK: Changes

    private func addChanges(_ page: inout Page) throws(QuestionError) {
        let isPermitted = verdict.outcome == .permitted
        let changes = try sentences.set.singleChanges(verdict.question) {
            ($0.outcome == .permitted) != isPermitted
        }.filter { change in
            // Who is permitted has no reason to name another ground.
            if case .ground = change.kind { !isPermitted } else { true }
        }
        heading(.changesHead, "changes", &page)
        if changes.isEmpty {
            page.add(sentences.say(isPermitted ? .changesNoneEndanger : .changesNone))
        } else {
            if isPermitted { page.add(sentences.say(.endangers)) }
            page.add(.list(changes.map { sentences.sentence($0, from: verdict.outcome) }))
        }
        page.add(sentences.say(.changesNote))
    }
}

extension Condition {
    /// What must hold together.
    fileprivate var parts: [Condition] {
        if case .all(let parts) = self { parts } else { [self] }
    }
}

extension Sentences {
    /// One change with what would then be said.
    func sentence(_ change: SingleChange, from old: Verdict.Outcome) -> Prose {
        var said = clause(change.kind).capitalised
        if change.alike > 0 { said += say(.changeLike, ["count": Prose("\(change.alike)")]) }
        guard old == .permitted else {
            let approvals = change.verdict.obligations.filter(\.isApproval)
            if approvals.isEmpty { return said }
            return said + "; "
                + say(
                    .needs, ["approvals": list(approvals.map { clause($0) }, .and)])
        }
        return said + ": " + word(change.verdict.outcome.rawValue)
    }

    private func clause(_ kind: SingleChange.Kind) -> Prose {
        switch kind {
        case .value(let fact, let old?, let new):
            return say(
                .change,
                ["fact": self.fact(fact), "new": shown(new, of: fact), "old": shown(old, of: fact)])
        case .value(let fact, nil, let new):
            return say(.changeState, ["fact": self.fact(fact), "new": shown(new, of: fact)])
        case .added(let fact, let term):
            return say(.changeAdd, ["fact": self.fact(fact), "new": value(term, of: fact)])
        case .removed(let fact, let term):
            return say(.changeWithout, ["fact": self.fact(fact), "old": value(term, of: fact)])
        case .attested(let name):
            return say(.changeAttested, ["document": value(name, of: "document")])
        case .unattested(let name):
            return say(.changeUnattested, ["document": value(name, of: "document")])
        case .emergency(let isDeclared): return say(isDeclared ? .emergency : .noEmergency)
        case .signed(let id): return say(.changeSigned, ["instrument": instrument(id)])
        case .unsigned(let id): return say(.changeUnsigned, ["instrument": instrument(id)])
        case .ground(let name?): return say(.changeGround, ["rule": .code(name)])
        case .ground(nil): return say(.changeNoGround)
        }
    }

    private func instrument(_ id: String) -> Prose {
        texts.instruments[id].map { Prose([.term($0, code: id, .en)]) } ?? .code(id)
    }
}
