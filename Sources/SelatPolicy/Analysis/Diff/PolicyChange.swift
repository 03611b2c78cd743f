import SelatCore

/// One statement about what an edit changes: in which transfers, by which rule, for example which.
package struct PolicyChange: Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        /// Permitted now, refused or incomplete before.
        case newlyPermitted = "newly-permitted"
        /// Refused now, permitted before.
        case newlyRefused = "newly-refused"
        /// Incomplete now, permitted before.
        case newlyIncomplete = "newly-incomplete"
        /// Permitted as before, with other obligations.
        case otherObligations = "other-obligations"
        /// As before, but not for a sender who names a ground.
        case otherChoice = "other-choice"
        /// Not permitted as before, but refused in place of incomplete, or the reverse.
        case otherRefusal = "other-refusal"
    }

    /// The rule that did it.
    package struct Cause: Hashable, Sendable {
        package enum Edit: String, Sendable { case added, removed, changed, unchanged }

        /// `MY/breach`
        package let name: String
        package let kind: Clause.Kind
        package let edit: Edit
        /// Where it stands: in the new edition, or in the old one where it is gone.
        package let file: String
        package let place: Place
    }

    package let kind: Kind
    package let jurisdiction: String
    /// Nil for the federation's file: it holds in any flow.
    package let flow: Flow?
    package let cause: Cause?
    /// Alternatives, each a list of conditions that all hold; one empty list means always.
    package let when: [[String]]
    /// Whether the alternatives are all of it; otherwise there are more.
    package let isComplete: Bool
    package let witness: Witness
    /// At the witness: debts that are new, and debts that are gone.
    package let newlyOwed: [String]
    package let noLongerOwed: [String]
}

extension FileComparison {
    /// How many alternatives describe one statement, before those alike are joined.
    private static let alternativesMax = 16

    /// Everything that differs, as statements.
    mutating func changes() -> [PolicyChange] {
        var changes: [PolicyChange] = []
        for difference in differences() {
            guard let point = space.smallest(in: [difference.region]) else { continue }
            changes.append(statement(difference, point))
        }
        return changes
    }

    private mutating func statement(
        _ difference: Difference, _ point: [Signal]
    ) -> PolicyChange {
        let name: String? =
            if case .named(let name) = difference.choice { name } else { nil }
        var witness = space.witness(point, naming: name)
        let said = [0, 1].map { reading in
            space.readings[reading].said(of: witness, space.flows[reading], naming: name)
        }
        (witness.before, witness.after) = (said[0].outcome, said[1].outcome)
        let (alternatives, _, isComplete) = space.alternatives(
            of: difference.region, from: point, limit: Self.alternativesMax)
        let (old, new) = (said[0].owed, said[1].owed)
        return PolicyChange(
            kind: difference.kind, jurisdiction: file.name, flow: self.new.flow,
            cause: difference.rule.map { cause($0) },
            when: space.wording(alternatives), isComplete: isComplete,
            witness: witness, newlyOwed: new.filter { !old.contains($0) },
            noLongerOwed: old.filter { !new.contains($0) })
    }

    private var file: Jurisdiction {
        // One of the two editions has it, or nothing would be compared.
        space.readings[1].file ?? space.readings[0].file ?? space.readings[1].set.federation
    }

    private func cause(_ culprit: Difference.Culprit) -> PolicyChange.Cause {
        let rules = space.readings.map { reading in
            reading.file?.rules.first { $0.name == culprit.rule.name }
        }
        let edit: PolicyChange.Cause.Edit =
            switch (rules[0], rules[1]) {
            case (nil, _): .added
            case (_, nil): .removed
            case (let old?, let new?): old.isSameRule(as: new) ? .unchanged : .changed
            }
        let isNew = rules[1] != nil
        return PolicyChange.Cause(
            name: "\(file.name)/\(culprit.rule.name)", kind: Clause.Kind(culprit.rule.kind),
            edit: edit, file: space.readings[isNew ? 1 : 0].file?.path ?? file.path,
            place: (isNew ? rules[1] : rules[0])?.place ?? culprit.rule.place)
    }
}

extension Rule {
    /// Whether it says the same, wherever it stands.
    fileprivate func isSameRule(as other: Rule) -> Bool {
        when == other.when && unless == other.unless && flows == other.flows
            && from == other.from && until == other.until && ladder == other.ladder
            && kind == other.kind && obligations == other.obligations
    }
}

extension Reading {
    /// What the evaluator itself says about a witness: this file alone, asked about this flow.
    func said(
        of witness: Witness, _ flow: Flow?, naming ground: String?
    ) -> (outcome: Verdict.Outcome, owed: [String]) {
        guard let file else { return (.refused, []) }
        var question = witness.question
        question.ground = nil
        guard var evaluation = try? Evaluation(set.witnessing(witness), question) else {
            // An edition that does not know a word of the question cannot permit it.
            return (.refused, [])
        }
        let judgement = evaluation.judge(file, flow, naming: ground)
        guard judgement.outcome == .permitted else { return (judgement.outcome, []) }
        let demands = evaluation.owed.map {
            ObligationJoin.Demanded(
                demand: $0.obligation.demand,
                side: $0.obligation.side ?? Evaluation.side(of: flow), rule: $0.rule)
        }
        return (.permitted, ObligationJoin.join(demands).map(\.summary))
    }
}

extension PolicySet {
    /// The set with just the instruments that a witness needs.
    func witnessing(_ witness: Witness) -> PolicySet {
        var set = self
        let lexicon = table.definitions[table[.safeguard]].type.lexicon
        func instrument(_ kind: String, _ covers: Condition) -> Instrument {
            Instrument(
                id: kind, kinds: [lexicon?.index[kind]].compactMap(\.self),
                parties: [.node(witness.question.source), .node(witness.question.destination)],
                by: nil, of: nil, from: witness.question.decided, until: nil, covers: covers,
                namesLevel: false, territory: [])
        }
        // A test that does not fit its fact is always open.
        let open = Condition.leaf(
            .init(fact: table[.personalData], test: .ladder(0...0), text: "open"))
        let instruments =
            witness.safeguards.map { instrument($0, .always) }
            + witness.openSafeguards.map { instrument($0, open) }
        set.agreements = Agreements(
            number: agreements.number, inForce: witness.question.decided, instruments: instruments)
        return set.counting(Set(instruments.map(\.id)))
    }
}
