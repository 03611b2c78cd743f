import SelatCore

/// One question on its way to a verdict.
struct Evaluation {
    let resolved: FactResolver
    /// The facts as the file that is asked sees them: the label's level, special categories and
    /// national categories are its own, and everything else is the same for all.
    var states: [FactState]
    /// The national categories before a file added its own.
    let statedCategories: FactState
    /// The higher of the levels at which the two ends see the label.
    private(set) var higherRank: Int
    private(set) var judgements: [Judgement] = []
    private(set) var owed: [Owed] = []
    /// The facts that would settle what is open.
    var causes: Set<Int>
    var counted: [Instrument] = []
    /// What some instrument may or may not do for classified data.
    var classifiedCover = Truth.no
    /// Whether an instrument would cover it that lacks a party's signature.
    var lacksSignature = false

    /// An obligation with where it comes from.
    struct Owed {
        let obligation: RuleObligation
        let rule: String
        let flow: Flow?
    }

    var set: PolicySet { resolved.set }
    var question: Question { resolved.question }

    init(_ set: PolicySet, _ question: Question) throws(QuestionError) {
        resolved = try FactResolver(set, question)
        states = resolved.states
        statedCategories = states[set.table[.nationalCategory]]
        higherRank = resolved.rank
        causes = resolved.missing
        try checkGround()
        higherRank = max(level(at: question.source), level(at: question.destination))
        resolveInstruments()
    }

    private func checkGround() throws(QuestionError) {
        guard let ground = question.ground else { return }
        let country = question.source.country
        let flow: Flow = country == question.destination.country ? .domestic : .export
        let names = (set.jurisdictions[country]?.byFlow[flow]?.grounds ?? [])
            .map { "\(country.code)/\($0.name)" }
        guard names.contains(ground) else {
            throw .unknownGround(ground, nearest: Nearest.word(to: ground, in: names))
        }
    }

    // MARK: Files

    /// Asks one country's file about one flow.
    mutating func judge(_ country: Country, _ flow: Flow) -> Judgement {
        let judgement: Judgement
        if let file = set.jurisdictions[country], question.decided >= file.inForce,
            let rules = file.byFlow[flow]
        {
            let ground = flow == .export || flow == .domestic ? question.ground : nil
            judgement = judge(file, flow, rules, named: ground)
        } else {
            let rule = set.jurisdictions[country] == nil ? "no-file" : "not-in-force"
            judgement = Judgement(
                jurisdiction: country.code, flow: flow, outcome: .refused,
                clauses: [.builtIn(rule)])
        }
        judgements.append(judgement)
        return judgement
    }

    mutating func judgeFederation() {
        let file = set.federation
        guard question.decided >= file.inForce, let rules = file.byFlow[.export] else {
            judgements.append(
                Judgement(
                    jurisdiction: file.name, flow: nil, outcome: .refused,
                    clauses: [.builtIn("not-in-force")]))
            return
        }
        judgements.append(judge(file, nil, rules, named: nil))
    }

    /// Asks one file about one flow, in force or not.
    /// - Parameter ground: the ground that the sender names; nil takes the first that applies.
    mutating func judge(
        _ file: Jurisdiction, _ flow: Flow?, naming ground: String?
    ) -> Judgement {
        let rules = file.byFlow[flow ?? .export] ?? FlowRules([])
        return judge(file, flow, rules, named: ground.map { "\(file.name)/\($0)" })
    }

    private mutating func judge(
        _ file: Jurisdiction, _ flow: Flow?, _ rules: FlowRules, named: String?
    ) -> Judgement {
        look(as: file, flow)
        let prohibitions = applying(rules.prohibitions, rules.prohibitionIndex)
        let applied = prohibitions.filter { $0.truth == .yes }
        if !applied.isEmpty {
            return judgement(file, flow, .refused, rules.prohibitions, applied)
        }
        let grounds = rungs(rules, file, named)
        let counting = grounds.first { $0.truth == .yes }
        if flow != nil, counting == nil, !grounds.contains(where: { $0.truth == .maybe }) {
            let rule = named == nil ? "no-ground" : "named-ground-does-not-apply"
            return Judgement(
                jurisdiction: file.name, flow: flow, outcome: .refused, clauses: [.builtIn(rule)])
        }
        guard prohibitions.isEmpty, counting != nil || flow == nil else {
            let open = counting == nil ? grounds.filter { $0.truth == .maybe } : []
            for found in prohibitions {
                rules.prohibitions[found.position].causes(states, into: &causes)
            }
            for found in open { rules.grounds[found.position].causes(states, into: &causes) }
            var judgement = judgement(file, flow, .incomplete, rules.prohibitions, prohibitions)
            judgement.clauses += clauses(rules.grounds, open, file)
            return judgement
        }
        let ground = counting.map { [$0] } ?? []
        let duties = applying(rules.duties, rules.dutyIndex)
        for found in ground { owe(rules.grounds[found.position], file, flow) }
        for found in duties { owe(rules.duties[found.position], file, flow) }
        var judgement = judgement(file, flow, .permitted, rules.grounds, ground)
        judgement.clauses += clauses(rules.duties, duties, file)
        return judgement
    }

    /// A rule by its position in its list, with whether it applies or may apply.
    private struct Found {
        let position: Int
        let truth: Truth
    }

    /// The rules that apply or may apply.
    private func applying(
        _ rules: [Rule], _ index: RuleIndex
    ) -> [Found] {
        var found: [Found] = []
        for position in index.candidates(states) {
            let truth = rules[position].truth(states, at: question.decided)
            if truth != .no { found.append(Found(position: position, truth: truth)) }
        }
        return found
    }

    /// The grounds that apply or may apply; rungs of one ladder count only where every earlier rung
    /// certainly does not.
    private func rungs(
        _ rules: FlowRules, _ file: Jurisdiction, _ named: String?
    ) -> [Found] {
        var earlier: [String: Truth] = [:]
        var result: [Found] = []
        for position in rules.groundIndex.candidates(states) {
            var truth = rules.grounds[position].truth(states, at: question.decided)
            if let ladder = rules.grounds[position].ladder {
                let before = earlier[ladder] ?? .no
                earlier[ladder] = max(before, truth)
                truth = min(truth, !before)
            }
            let isMeant = named.map { $0 == "\(file.name)/\(rules.grounds[position].name)" }
            if truth != .no, isMeant ?? true {
                result.append(Found(position: position, truth: truth))
            }
            // The first that certainly applies counts; what comes after it has no part.
            if named == nil, truth == .yes { break }
        }
        return result
    }

    private func judgement(
        _ file: Jurisdiction, _ flow: Flow?, _ outcome: Verdict.Outcome, _ rules: [Rule],
        _ found: [Found]
    ) -> Judgement {
        Judgement(
            jurisdiction: file.name, flow: flow, outcome: outcome,
            clauses: clauses(rules, found, file))
    }

    private func clauses(_ rules: [Rule], _ found: [Found], _ file: Jurisdiction) -> [Clause] {
        let sector = file.country.flatMap { question.sectors[$0] }
        return found.map { found in
            let rule = rules[found.position]
            return Clause(
                kind: Clause.Kind(rule.kind), rule: rule.name, isCertain: found.truth == .yes,
                citation: rule.basis.citation(for: sector, exemption: rule.exemption))
        }
    }

    private mutating func owe(_ rule: Rule, _ file: Jurisdiction, _ flow: Flow?) {
        guard !rule.obligations.isEmpty else { return }
        let name = "\(file.name)/\(rule.name)"
        owed += rule.obligations.map { Owed(obligation: $0, rule: name, flow: flow) }
    }
}

extension Clause {
    static func builtIn(_ rule: String, isCertain: Bool = true) -> Clause {
        Clause(kind: .builtIn, rule: rule, isCertain: isCertain, citation: nil)
    }
}

extension Clause.Kind {
    init(_ kind: Rule.Kind) {
        switch kind {
        case .ground: self = .ground
        case .prohibition: self = .prohibition
        case .duty: self = .duty
        }
    }
}
