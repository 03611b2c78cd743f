import SelatCore
import SelatTestSupport
import Testing

@testable import SelatPolicy

/// The circuits against the evaluator, question by question.
struct ComparisonTests {
    /// What the evaluator says about one file and flow.
    struct Said: Hashable {
        var outcome: Verdict.Outcome
        var ground: String?
        var prohibitions: Set<String> = []
        var obligations: Set<Debt> = []
        var missing: Set<Int> = []

        struct Debt: Hashable {
            let demand: Obligation.Demand
            let side: Side
        }
    }

    static func said(
        _ set: PolicySet, _ asked: SmallWorld.Asked, _ flow: Flow, naming ground: String?
    ) throws -> Said {
        var evaluation = try Evaluation(set.counting(asked.signed), asked.question)
        let file = try #require(set.file(named: "SG"))
        let missing = evaluation.causes
        let judgement = evaluation.judge(file, flow, naming: ground)
        var said = Said(outcome: judgement.outcome)
        for clause in judgement.clauses where clause.isCertain {
            if clause.kind == .ground { said.ground = clause.rule }
            if clause.kind == .prohibition { said.prohibitions.insert(clause.rule) }
        }
        if judgement.outcome == .incomplete {
            said.missing = evaluation.causes.subtracting(missing)
        }
        let demands = evaluation.owed.map {
            ObligationJoin.Demanded(
                demand: $0.obligation.demand,
                side: $0.obligation.side ?? Evaluation.side(of: flow), rule: $0.rule)
        }
        said.obligations = Set(
            ObligationJoin.join(demands).map { Said.Debt(demand: $0.demand, side: $0.owedBy) })
        return said
    }

    @Test(arguments: Flow.allCases, UInt64(1)...2)
    func circuitsSayWhatTheEvaluatorSays(_ flow: Flow, _ seed: UInt64) throws {
        let editions = try RandomEditions(seed, flow: flow)
        var comparison = editions.comparison()
        let choices = comparison.choices
        var differ = false
        for asked in editions.questions() {
            let evaluation = try Evaluation(
                editions.new.counting(asked.signed), asked.question)
            let wires = comparison.space.wires(of: evaluation)
            let contradictions = evaluation.resolved.contradictions
            if contradictions.contains(where: { comparison.space.facts[$0] != nil }) {
                let isPossible = comparison.space.reasoner.isPossible(wires)
                #expect(!isPossible, "\(asked)")
            }
            guard contradictions.isEmpty, evaluation.isCoherent else { continue }
            let isPossible = comparison.space.reasoner.isPossible(wires)
            try #require(isPossible, "\(asked)")
            for choice in choices {
                let old = try Self.said(editions.old, asked, flow, naming: choice.name)
                let new = try Self.said(editions.new, asked, flow, naming: choice.name)
                differ = differ || old != new
                let context: Comment = "\(choice) \(asked)\n\(editions.text.old)"
                let claimed = comparison.outcomes(choice)
                #expect(claimed == [old.outcome, new.outcome], context)
                guard old.outcome == .permitted, new.outcome == .permitted else { continue }
                let owes = comparison.owesDifferently(choice)
                #expect(owes == (old.obligations != new.obligations), context)
            }
        }
        let areEquivalent = comparison.areEquivalent()
        #expect(areEquivalent == !differ, "\(editions.text.old)\n\(editions.text.new)")
    }
}

extension JudgementCircuit.Choice {
    fileprivate var name: String? { if case .named(let name) = self { name } else { nil } }
}

extension Evaluation {
    /// Whether no built-in rule on the label refuses the question by itself.
    var isCoherent: Bool {
        guard let label = question.label else { return false }
        let thirds = question.lineage.subtracting([
            question.source.country, question.destination.country,
        ])
        return label.releasableTo.contains(question.destination.country)
            && (label.tlp < .amber || thirds.isEmpty)
    }
}

extension RandomEditions {
    func comparison() -> FileComparison {
        FileComparison(
            Reading(set: old, file: old.file(named: "SG")),
            Reading(set: new, file: new.file(named: "SG")),
            flow)
    }
}

extension FileComparison {
    /// What both editions say at the answer last found.
    fileprivate mutating func outcomes(_ choice: JudgementCircuit.Choice) -> [Verdict.Outcome] {
        [old, new].map { judgement in
            let permitted = judgement.permitted(choice, &space.reasoner.circuit)
            let refused = judgement.refused(choice, &space.reasoner.circuit)
            if space.reasoner.value(permitted) { return .permitted }
            return space.reasoner.value(refused) ? .refused : .incomplete
        }
    }

    fileprivate mutating func owesDifferently(_ choice: JudgementCircuit.Choice) -> Bool {
        space.obligationDifference(old, new, choice).contains { space.reasoner.value($0) }
    }
}

extension FactSpace {
    /// A question as values of the space's inputs, from what the evaluator made of it.
    func wires(of evaluation: Evaluation) -> [Signal] {
        var wires = times.map { $0.moment <= evaluation.question.decided ? $0.isPast : !$0.isPast }
        let table = evaluation.set.table
        for name in names {
            guard let fact = facts[name], let index = table.index[name] else { continue }
            let definition = table.definitions[index]
            let lexicon = definition.type.lexicon
            func among(_ positions: [Int], _ terms: TermClass) -> Bool {
                terms.names.contains { lexicon?.index[$0].map(positions.contains) ?? false }
            }
            var content = evaluation.states[index].content
            // The label's own level: files see it at theirs.
            if name == "classification" { content = .one(evaluation.resolved.rank) }
            switch (fact.values, content) {
            case (.flag(let wire), .flag(let flag)): wires.append(flag ? wire : !wire)
            case (.number(let bounds), .number(let number)):
                wires += bounds.map { number >= $0.bound ? $0.isReached : !$0.isReached }
            case (.one(let classes), .one(let value)):
                wires += classes.map { among([value], $0.terms) ? $0.holds : !$0.holds }
            case (.set(let classes), .set(let set)):
                wires += classes.map { among(set.certain, $0.terms) ? $0.holds : !$0.holds }
                for (element, maybe) in zip(classes, fact.maybe) {
                    let isMaybe =
                        among(set.maybe, element.terms) && !among(set.certain, element.terms)
                    wires.append(isMaybe ? maybe : !maybe)
                }
            default: break
            }
            let isOpen =
                switch evaluation.states[index].content {
                case .unknown: true
                case .set(let set): set.isOpen
                case .flag, .number, .one: false
                }
            if fact.missing != .no { wires.append(isOpen ? fact.missing : !fact.missing) }
        }
        return wires
    }
}
