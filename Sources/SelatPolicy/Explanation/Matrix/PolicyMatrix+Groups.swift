import SelatCore

extension PolicyMatrix {
    /// Pairs with the same answer for the same reason.
    struct Group: Sendable {
        let answer: Answer
        let reason: Prose
        let pairs: [(source: Country, destination: Country)]
    }

    /// Refusals first: they are what a reader looks for.
    func groups(_ sentences: Sentences) -> [Group] {
        var order: [String] = []
        var byReason: [String: (reason: Prose, cells: [Cell])] = [:]
        for cell in cells.joined() {
            // A pair stands under each of its reasons: together they would be one of a kind.
            for reason in cell.reasons(sentences) {
                let key = "\(cell.answer.rawValue) \(reason.plain)"
                if byReason[key] == nil { order.append(key) }
                byReason[key, default: (reason, [])].cells.append(cell)
            }
        }
        let groups = order.compactMap { key -> Group? in
            guard let found = byReason[key], let first = found.cells.first else { return nil }
            return Group(
                answer: first.answer, reason: found.reason,
                pairs: found.cells.map { ($0.source, $0.destination) })
        }
        return Answer.allCases.reversed().flatMap { answer in groups.filter { $0.answer == answer }
        }
    }

    /// Where several sources alike may, or may not, send.
    private enum Reach: Hashable {
        case others, everyone, itself
        case listed([Country])
    }

    /// `BN, DE to all others; KH to SG`: sources with the same destinations stand together.
    func pairs(of group: Group, _ sentences: Sentences) -> Prose {
        var byReach: [Reach: [Country]] = [:]
        var order: [Reach] = []
        for source in countries {
            let destinations = group.pairs.filter { $0.source == source }.map(\.destination)
            guard !destinations.isEmpty else { continue }
            let reach = reach(of: source, destinations)
            if byReach[reach] == nil { order.append(reach) }
            byReach[reach, default: []].append(source)
        }
        return order.map { reach in
            sentences.say(
                .fromTo,
                [
                    "from": Self.codes(byReach[reach] ?? []), "to": Self.prose(reach, sentences),
                ])
        }.joined("; ")
    }

    private func reach(of source: Country, _ destinations: [Country]) -> Reach {
        if destinations == countries { return .everyone }
        if destinations == [source] { return .itself }
        return destinations == countries.filter { $0 != source } ? .others : .listed(destinations)
    }

    private static func prose(_ reach: Reach, _ sentences: Sentences) -> Prose {
        switch reach {
        case .others: sentences.say(.allOthers)
        case .everyone: sentences.say(.allMembers)
        case .itself: sentences.say(.ownCountry)
        case .listed(let countries): codes(countries)
        }
    }

    private static func codes(_ countries: [Country]) -> Prose {
        .code(countries.map(\.code).joined(separator: ", "))
    }

    /// The facts of the question in words.
    func facts(_ sentences: Sentences) -> Prose {
        var parts: [Prose] = []
        for (name, fact) in question.facts.byName.sorted(by: { $0.key < $1.key }) {
            parts.append(sentences.stated(name, fact.value))
        }
        if let label = question.label {
            parts.append(sentences.stated("classification", .term(label.classification.rawValue)))
        }
        return sentences.say(
            .matrixFacts,
            ["time": sentences.date(question.decided), "facts": parts.joined("; ")])
    }
}

extension PolicyMatrix.Answer {
    func name(_ sentences: Sentences) -> Prose {
        switch self {
        case .permitted: sentences.say(.cellPermitted)
        case .approval: sentences.say(.cellApproval)
        case .incomplete: sentences.say(.cellIncomplete)
        case .refused: sentences.say(.cellRefused)
        }
    }
}

extension PolicyMatrix.Cell {
    /// Why the answer is what it is; none where nothing more is to be said.
    func reasons(_ sentences: Sentences) -> [Prose] {
        switch answer {
        case .permitted: return []
        case .approval:
            return verdict.obligations.filter(\.isApproval).map { sentences.clause($0) }
        case .incomplete:
            return verdict.missing.map { sentences.fact($0) }
        case .refused:
            return verdict.judgements.filter { $0.outcome == .refused }.flatMap { judgement in
                judgement.clauses.map { Self.reason($0, judgement, sentences) }
            }
        }
    }

    private static func reason(
        _ clause: Clause, _ judgement: Judgement, _ sentences: Sentences
    ) -> Prose {
        guard clause.kind == .builtIn else {
            let rule = sentences.rule(judgement.jurisdiction, clause.rule)
            let cite = clause.citation.map { " (\($0.cite), \($0.clause))" } ?? ""
            return rule + cite
        }
        let sentence = sentences.builtIn(clause.rule)
        switch judgement.flow {
        case nil where judgement.jurisdiction == "selat": return sentence
        case nil, .transit, .onward:
            return sentences.country(judgement.jurisdiction) + ": " + sentence
        case .export, .domestic: return sentences.say(.senderFile, ["sentence": sentence])
        case .import: return sentences.say(.recipientFile, ["sentence": sentence])
        }
    }
}

extension Sentences {
    /// `the purposes: “Public benefit”`
    func stated(_ name: String, _ value: FactValue) -> Prose {
        fact(name) + ": " + shown(value, of: name)
    }

    func shown(_ value: FactValue, of name: String) -> Prose {
        switch value {
        case .flag(let flag): say(flag ? .answerYes : .answerNo)
        case .number(let number): Prose("\(number)")
        case .term(let term): self.value(term, of: name)
        case .set(let terms):
            terms.isEmpty
                ? say(.nothing) : terms.sorted().map { self.value($0, of: name) }.joined(", ")
        }
    }
}
