import SelatCore

/// What a person is told about one rule that was tried: a hint beside the verdict, never part of it.
package struct Reason: Hashable, Sendable, CustomStringConvertible {
    package let jurisdiction: String
    package let flow: Flow?
    package let kind: Clause.Kind
    package let rule: String
    package let citation: Citation?
    /// The conditions that keep a ground from applying, or that make a prohibition apply.
    package let conditions: [String]
    /// Whether the rule certainly decides so, or facts are missing.
    package let isCertain: Bool
    /// Whether it is a ground that applies and does not count: the sender named another, or an
    /// earlier rung of its ladder may apply.
    package let isPassedOver: Bool

    package var description: String {
        let place = flow.map { "\(jurisdiction) \($0.rawValue)" } ?? jurisdiction
        let source = citation.map { " (\($0.cite), \($0.clause))" } ?? ""
        let list = conditions.map { "`\($0)`" }.joined(separator: ", ")
        switch kind {
        case .ground where isPassedOver:
            return "\(place): the ground `\(rule)`\(source) applies, but does not count here"
        case .ground:
            let verb = isCertain ? "does not apply" : "may not apply"
            return "\(place): the ground `\(rule)`\(source) \(verb)"
                + (list.isEmpty ? "" : ": not \(list)")
        case .prohibition:
            let verb = isCertain ? "forbids it" : "may forbid it"
            return "\(place): `\(rule)`\(source) \(verb)" + (list.isEmpty ? "" : ": \(list)")
        case .duty: return "\(place): `\(rule)`\(source)"
        case .builtIn:
            return "\(place): \(BuiltIn.sentence(rule))" + (list.isEmpty ? "" : ": \(list)")
        }
    }
}

/// The built-in rules in words.
package enum BuiltIn {
    /// A sentence for the name of a built-in rule.
    package static func sentence(_ rule: String) -> String {
        switch rule {
        case "no-label": "the dataset has no label"
        case "no-file": "the country has no policy file"
        case "not-in-force": "the country's edition is not in force yet"
        case "vocabulary-not-in-force": "the vocabulary is not in force yet"
        case "outside-releasable-to": "the label does not release the dataset to the destination"
        case "contradictory-facts": "the stated facts contradict one another"
        case "facts-missing": "required facts are not stated"
        case "no-instrument-covers-level":
            "no signed instrument covers this classification between the two ends"
        case "agreement-lacks-signature":
            "an agreement that may cover it lacks the signature of a party (selat policy check)"
        case "tlp-red-needs-named-officers": "TLP:RED is for named persons, whom nothing names here"
        case "tlp-not-onward": "TLP:AMBER is not sent on"
        case "outside-received-onward":
            "a dataset in it was received on condition that it does not go there"
        case "received-past-destroy-by": "a dataset in it should have been destroyed by now"
        case "no-ground": "no ground of the file can apply"
        case "named-ground-does-not-apply": "the ground that the sender named does not apply"
        case "transform-unavailable":
            "data would have to be changed first, which cannot be done yet"
        case "transit-excluded": "the route passes a country that a rule excludes"
        default: rule
        }
    }
}

extension PolicySet {
    /// Why a question is not permitted, rule by rule; empty where it is.
    package func reasons(_ question: Question) throws(QuestionError) -> [Reason] {
        let verdict = try decide(question).verdict
        let evaluation = try Evaluation(self, question)
        return verdict.judgements.filter { $0.outcome != .permitted }.flatMap { judgement in
            reasons(judgement, verdict, evaluation)
        }
    }

    private func reasons(
        _ judgement: Judgement, _ verdict: Verdict, _ evaluation: Evaluation
    ) -> [Reason] {
        let file =
            (try? Country(judgement.jurisdiction)).flatMap { jurisdictions[$0] }
            ?? (judgement.jurisdiction == federation.name ? federation : nil)
        guard let file, let rules = file.byFlow[judgement.flow ?? .export] else {
            return judgement.clauses.map { clause in
                Reason(judgement, clause, builtInDetails(clause.rule, evaluation))
            }
        }
        let view = evaluation.view(of: file, judgement.flow)
        var reasons = judgement.clauses.filter { $0.kind != .ground }.map { clause in
            Reason(judgement, clause, conditions(of: clause.rule, in: rules.prohibitions, view))
        }
        let isWithoutGround = judgement.clauses.contains {
            $0.kind == .builtIn || $0.kind == .ground
        }
        for ground in rules.grounds where isWithoutGround {
            reasons.append(tried(ground, judgement, view, at: verdict.question.decided))
        }
        return reasons
    }

    private func conditions(
        of name: String, in rules: [Rule], _ view: [FactState]
    ) -> [String] {
        guard let rule = rules.first(where: { $0.name == name }) else { return [] }
        return rule.when.leaves.filter { $0.test.truth(view[$0.fact].content) != .no }.map(\.text)
    }

    /// A ground with what keeps it from applying.
    private func tried(
        _ ground: Rule, _ judgement: Judgement, _ view: [FactState], at decided: Timestamp
    ) -> Reason {
        let truth = ground.truth(view, at: decided)
        let failing = ground.when.leaves.filter {
            let leaf = $0.test.truth(view[$0.fact].content)
            return truth == .maybe ? leaf == .maybe : leaf == .no
        }
        return Reason(
            jurisdiction: judgement.jurisdiction, flow: judgement.flow, kind: .ground,
            rule: ground.name,
            citation: ground.basis.citation(for: nil, exemption: ground.exemption),
            conditions: truth == .yes ? [] : failing.map(\.text), isCertain: truth != .maybe,
            isPassedOver: truth == .yes)
    }

    private func builtInDetails(_ rule: String, _ evaluation: Evaluation) -> [String] {
        switch rule {
        case "contradictory-facts": evaluation.resolved.contradictions.sorted()
        // All of them, also where the verdict is refused anyway and lists none.
        case "facts-missing": evaluation.missing
        default: []
        }
    }
}

extension Reason {
    fileprivate init(_ judgement: Judgement, _ clause: Clause, _ conditions: [String]) {
        self.init(
            jurisdiction: judgement.jurisdiction, flow: judgement.flow, kind: clause.kind,
            rule: clause.rule, citation: clause.citation, conditions: conditions,
            isCertain: clause.isCertain, isPassedOver: false)
    }
}

extension Verdict {
    /// The verdict in lines for people: what each file says, with its citation, and what is owed.
    package var summaryLines: [String] {
        var lines = judgements.filter { $0.jurisdiction != "selat" || $0.outcome != .permitted }
            .flatMap(\.summaryLines)
        lines += obligations.map { "owed: \($0.summary)" }
        if !missing.isEmpty { lines.append("to state: \(missing.joined(separator: ", "))") }
        return lines
    }
}

extension Judgement {
    /// `SG export: permitted by SG/not-personal (Rules of this ministry, to be named)`.
    package var summaryLines: [String] {
        let head = jurisdiction == "selat" ? "built-in rules" : place
        guard !clauses.isEmpty else { return ["\(head): \(outcome.rawValue)"] }
        return clauses.map { clause in
            guard clause.kind != .builtIn else {
                return "\(head): \(outcome.rawValue): \(BuiltIn.sentence(clause.rule))"
            }
            let source = clause.citation.map { " (\($0.cite), \($0.clause))" } ?? ""
            return "\(head): \(clause.verb(outcome)) \(jurisdiction)/\(clause.rule)\(source)"
        }
    }

    private var place: String { flow.map { "\(jurisdiction) \($0.rawValue)" } ?? jurisdiction }
}

extension Clause {
    fileprivate func verb(_ outcome: Verdict.Outcome) -> String {
        switch (kind, isCertain) {
        case (.ground, true): "permitted by"
        case (.ground, false): "may be permitted by"
        case (.prohibition, true): "forbidden by"
        case (.prohibition, false): "may be forbidden by"
        case (.duty, true): "duty"
        case (.duty, false): "duty, as it may apply,"
        case (.builtIn, _): outcome.rawValue
        }
    }
}
