import SelatCore

/// One question on its way to a verdict.
struct Evaluation {
    let set: PolicySet
    let question: Question
    let resolved: FactResolver
    /// The facts as no file in particular sees them, safeguards included.
    private(set) var states: [FactState]
    private(set) var judgements: [Judgement] = []
    private(set) var owed: [Owed] = []
    /// The facts that would settle what is open.
    private(set) var causes: Set<Int>
    private(set) var counted: [Instrument] = []
    /// What some instrument may or may not do for classified data.
    private(set) var classifiedCover = Truth.no

    /// An obligation with where it comes from.
    struct Owed {
        let obligation: RuleObligation
        let rule: String
        let flow: Flow?
    }

    init(_ set: PolicySet, _ question: Question) throws(QuestionError) {
        self.set = set
        self.question = question
        resolved = try FactResolver(set, question)
        states = resolved.states
        causes = resolved.missing
        try checkGround()
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

    // MARK: Instruments

    /// The higher of the levels at which the two ends see the label.
    var higherRank: Int {
        let ends = [question.source.country, question.destination.country]
        return ends.map { level(in: set.jurisdictions[$0]) }
            .max() ?? resolved.rank
    }

    /// The level at which a file sees the label. A relay knows nothing of where a dataset comes
    /// from.
    private func level(in file: Jurisdiction?, _ flow: Flow? = nil) -> Int {
        let rank = flow == .transit ? resolved.rankInTransit : resolved.rank
        return file?.level(of: rank, question.semantics) ?? rank
    }

    private mutating func resolveInstruments() {
        var view = states
        if question.label != nil {
            view[set.table[.classification]] = FactState(content: .one(higherRank))
        }
        var safeguards = KnownSet()
        var open: Set<Int> = []
        let isInForce = question.decided >= set.agreements.inForce
        for instrument in set.agreements.instruments
        where isInForce && set.signed.contains(instrument.id)
            && instrument.stands(
                from: question.source, to: question.destination, at: question.decided)
        {
            let truth = instrument.covers.truth(view)
            if instrument.namesLevel { classifiedCover = max(classifiedCover, truth) }
            switch truth {
            case .yes:
                counted.append(instrument)
                safeguards.certain += instrument.kinds
            case .maybe:
                safeguards.maybe += instrument.kinds
                instrument.covers.causes(view, into: &open)
            case .no: break
            }
        }
        states[set.table[.safeguard]] = FactState(
            content: .set(safeguards), causes: open.sorted())
    }

    // MARK: Views

    /// The facts as one file sees them: its own levels, its own lists.
    func view(of file: Jurisdiction, _ flow: Flow?) -> [FactState] {
        var view = states
        if question.label != nil {
            view[set.table[.classification]] = FactState(content: .one(level(in: file, flow)))
        }
        view[set.table[.specialCategory]] = special(file, view)
        if !file.nationalCategories.isEmpty { addNationalCategories(file, &view) }
        return view
    }

    private func special(_ file: Jurisdiction, _ view: [FactState]) -> FactState {
        guard let special = file.special else { return FactState(content: .flag(false)) }
        switch special.truth(view) {
        case .yes: return FactState(content: .flag(true))
        case .no: return FactState(content: .flag(false))
        case .maybe:
            var causes: Set<Int> = []
            special.causes(view, into: &causes)
            return FactState(content: .unknown, causes: causes.sorted())
        }
    }

    private func addNationalCategories(_ file: Jurisdiction, _ view: inout [FactState]) {
        let index = set.table[.nationalCategory]
        guard case .set(var categories) = view[index].content else { return }
        var causes = Set(view[index].causes)
        for category in file.nationalCategories {
            switch category.alsoWhen?.truth(view) ?? .no {
            case .yes: categories.certain.append(category.term)
            case .maybe:
                categories.maybe.append(category.term)
                category.alsoWhen?.causes(view, into: &causes)
            case .no: break
            }
        }
        view[index] = FactState(content: .set(categories), causes: causes.sorted())
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

    private mutating func judge(
        _ file: Jurisdiction, _ flow: Flow?, _ rules: FlowRules, named: String?
    ) -> Judgement {
        let view = view(of: file, flow)
        let prohibitions = applying(rules.prohibitions, rules.prohibitionIndex, view)
        let applied = prohibitions.filter { $0.truth == .yes }
        if !applied.isEmpty {
            return judgement(file, flow, .refused, rules.prohibitions, applied)
        }
        let grounds = rungs(rules, view, file, named)
        let counting = grounds.first { $0.truth == .yes }
        if flow != nil, counting == nil, !grounds.contains(where: { $0.truth == .maybe }) {
            let rule = named == nil ? "no-ground" : "named-ground-does-not-apply"
            return Judgement(
                jurisdiction: file.name, flow: flow, outcome: .refused, clauses: [.builtIn(rule)])
        }
        guard prohibitions.isEmpty, counting != nil || flow == nil else {
            let open = counting == nil ? grounds.filter { $0.truth == .maybe } : []
            for found in prohibitions {
                rules.prohibitions[found.position].causes(view, into: &causes)
            }
            for found in open { rules.grounds[found.position].causes(view, into: &causes) }
            var judgement = judgement(file, flow, .incomplete, rules.prohibitions, prohibitions)
            judgement.clauses += clauses(rules.grounds, open, file)
            return judgement
        }
        let ground = counting.map { [$0] } ?? []
        let duties = applying(rules.duties, rules.dutyIndex, view)
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
        _ rules: [Rule], _ index: RuleIndex, _ view: [FactState]
    ) -> [Found] {
        var found: [Found] = []
        for position in index.candidates(view) {
            let truth = rules[position].truth(view, at: question.decided)
            if truth != .no { found.append(Found(position: position, truth: truth)) }
        }
        return found
    }

    /// The grounds that apply or may apply; rungs of one ladder count only where every earlier rung
    /// certainly does not.
    private func rungs(
        _ rules: FlowRules, _ view: [FactState], _ file: Jurisdiction, _ named: String?
    ) -> [Found] {
        var earlier: [String: Truth] = [:]
        var result: [Found] = []
        for position in rules.groundIndex.candidates(view) {
            var truth = rules.grounds[position].truth(view, at: question.decided)
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
    fileprivate init(_ kind: Rule.Kind) {
        switch kind {
        case .ground: self = .ground
        case .prohibition: self = .prohibition
        case .duty: self = .duty
        }
    }
}
