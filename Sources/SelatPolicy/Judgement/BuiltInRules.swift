import SelatCore

// The rules of the language itself: above every file, and above emergencies (Language, *Built-in
// rules*).
extension Evaluation {
    /// Everything that was judged, joined into one answer.
    func verdict() -> Verdict {
        var builtIn = builtInClauses()
        var outcome = Self.worst(judgements.map(\.outcome) + [Self.outcome(of: builtIn)])
        var obligations: [Obligation] = []
        if outcome == .permitted {
            obligations = ObligationJoin.join(demands())
            let undone = unmet(obligations)
            if !undone.isEmpty {
                builtIn = undone
                outcome = .refused
                obligations = []
            }
        }
        // No reason of its own: it says why what would permit the transfer does not.
        if outcome != .permitted, lacksSignature {
            builtIn.append(
                .builtIn("agreement-lacks-signature", isCertain: outcome == .refused))
        }
        let own = Judgement(
            jurisdiction: "selat", flow: nil, outcome: Self.outcome(of: builtIn), clauses: builtIn)
        return Verdict(
            question: question, facts: factsWithSafeguards, editions: editions,
            instruments: counted.map(\.id).sorted(), outcome: outcome,
            judgements: [own] + judgements, obligations: obligations,
            missing: outcome == .incomplete ? missing : [])
    }

    private static func worst(_ outcomes: [Verdict.Outcome]) -> Verdict.Outcome {
        if outcomes.contains(.refused) { return .refused }
        return outcomes.contains(.incomplete) ? .incomplete : .permitted
    }

    private static func outcome(of clauses: [Clause]) -> Verdict.Outcome {
        if clauses.isEmpty { return .permitted }
        return clauses.contains(where: \.isCertain) ? .refused : .incomplete
    }

    // MARK: Before the files

    private func builtInClauses() -> [Clause] {
        var clauses: [Clause] = []
        if question.decided < set.vocabularyInForce {
            clauses.append(.builtIn("vocabulary-not-in-force"))
        }
        if !resolved.contradictions.isEmpty { clauses.append(.builtIn("contradictory-facts")) }
        clauses += labelClauses() + receivedClauses()
        if !resolved.missing.isEmpty { clauses.append(.builtIn("facts-missing", isCertain: false)) }
        return clauses
    }

    private func labelClauses() -> [Clause] {
        guard let label = question.label else { return [.builtIn("no-label")] }
        var clauses: [Clause] = []
        if !label.releasableTo.contains(question.destination.country) {
            clauses.append(.builtIn("outside-releasable-to"))
        }
        // Nothing can name the officers yet, so nothing could hold the others off.
        if label.tlp == .red { clauses.append(.builtIn("tlp-red-needs-named-officers")) }
        if label.tlp >= .amber, !lineageBeyondEnds.isEmpty {
            clauses.append(.builtIn("tlp-not-onward"))
        }
        if needsCover, classifiedCover != .yes {
            clauses.append(
                .builtIn("no-instrument-covers-level", isCertain: classifiedCover == .no))
        }
        return clauses
    }

    /// What was laid on this node with a dataset that it now sends on.
    private func receivedClauses() -> [Clause] {
        var clauses: [Clause] = []
        let destination = question.destination.country
        if question.received.contains(where: { !$0.allows(destination) }) {
            clauses.append(.builtIn("outside-received-onward"))
        }
        let isOver = question.received.contains { part in
            part.destroyBy.map { question.decided >= $0 } ?? false
        }
        if isOver { clauses.append(.builtIn("received-past-destroy-by")) }
        return clauses
    }

    private var lineageBeyondEnds: Set<Country> {
        question.lineage.subtracting([question.source.country, question.destination.country])
    }

    // MARK: After the files

    /// All demands of rules, and those of the label.
    private func demands() -> [ObligationJoin.Demanded] {
        var demands = owed.map { owed in
            ObligationJoin.Demanded(
                demand: within(owed.obligation),
                side: owed.obligation.side ?? Self.side(of: owed.flow),
                rule: owed.rule)
        }
        if let label = question.label, label.tlp >= .amber {
            demands.append(
                ObligationJoin.Demanded(
                    demand: .onwardOnlyTo([]), side: .destination, rule: "selat/tlp-not-onward"))
        }
        for part in Received.inOrder(question.received) {
            demands += part.demands.map {
                ObligationJoin.Demanded(
                    demand: $0, side: $0.sideOnward, rule: "selat/received-from-\(part.from)")
            }
        }
        return demands
    }

    /// `instrument-territory` stands for the countries that every counting instrument names.
    private func within(_ obligation: RuleObligation) -> Obligation.Demand {
        guard obligation.isWithinTerritory, case .onwardOnlyTo(let named) = obligation.demand else {
            return obligation.demand
        }
        let territories = counted.map(\.territory)
        let common = territories.dropFirst().reduce(territories.first ?? []) { $0.intersection($1) }
        return .onwardOnlyTo(common.union(named).sorted())
    }

    /// Whose a debt is that no obligation gives to a side.
    static func side(of flow: Flow?) -> Side {
        switch flow {
        case .export, .onward, .domestic: .source
        case .import: .destination
        case .transit: .relay
        case nil: .both
        }
    }

    /// Enforced obligations that this version cannot carry out, or that the route breaks.
    private func unmet(_ obligations: [Obligation]) -> [Clause] {
        var clauses: [Clause] = []
        for obligation in obligations {
            switch obligation.demand {
            case .transform(_, let categories) where mayHold(categories):
                clauses.append(.builtIn("transform-unavailable"))
            case .noTransitThrough(let countries)
            where question.relays.contains(where: { countries.contains($0.country) }):
                clauses.append(.builtIn("transit-excluded"))
            default: break
            }
        }
        return clauses
    }

    /// Whether the dataset may hold data of one of these categories.
    private func mayHold(_ categories: [String]) -> Bool {
        let index = set.table[.categories]
        guard let lexicon = set.table.definitions[index].type.lexicon,
            case .set(let stated) = states[index].content
        else { return true }
        return categories.contains { category in
            lexicon.index[category].map { stated.some(lexicon.match($0)) != .no } ?? true
        }
    }

    // MARK: The record's inputs

    private var factsWithSafeguards: Facts {
        var facts = resolved.facts
        let index = set.table[.safeguard]
        let names = set.table.definitions[index].type.lexicon?.names ?? []
        let kinds = Set(counted.flatMap(\.kinds).map { names[$0] })
        facts["safeguard"] = Fact(.set(kinds), .computed)
        return facts
    }

    /// The facts to state, in order.
    var missing: [String] { causes.map { set.table.definitions[$0].name }.sorted() }

    private var editions: [String: Edition] {
        let names =
            judgements.map(\.jurisdiction) + ["agreements", "vocabulary"]
            + [question.source.country.code, question.destination.country.code]
        var editions: [String: Edition] = [:]
        for name in names { editions[name] = set.editions[name] }
        return editions
    }
}
