import SelatCore

/// The rules of one file in one flow, each asked whether it does anything.
struct FlowFindings {
    private var space: FactSpace
    private let judgement: JudgementCircuit
    private let flow: Flow?

    init(_ reading: Reading, _ flow: Flow?) {
        var space = FactSpace([reading], [flow], Route(flow, reading.file))
        judgement = space.judgement(0)
        self.space = space
        self.flow = flow
    }

    mutating func look(into found: inout Findings) {
        for (position, prohibition) in judgement.prohibitions.enumerated() {
            found.add(doubt(prohibition, prohibitionAt: position), prohibition.rule)
        }
        for (position, ground) in judgement.grounds.enumerated() {
            found.add(doubt(ground, groundAt: position), ground.rule)
        }
        for (position, duty) in judgement.duties.enumerated() {
            found.add(doubt(duty, dutyAt: position), duty.rule)
        }
        for rules in [judgement.prohibitions, judgement.grounds, judgement.duties] {
            findTwins(rules, &found)
        }
        findContradictions(&found)
    }

    private mutating func isPossible(_ signals: Signal...) -> Bool {
        space.reasoner.isPossible(signals)
    }

    // MARK: Prohibitions

    private mutating func doubt(
        _ own: JudgementCircuit.Applying, prohibitionAt position: Int
    ) -> Findings.Doubt? {
        guard isPossible(own.truth.certain) else { return .neverApplies }
        var others = judgement.prohibitions
        others.remove(at: position)
        let certain = space.reasoner.circuit.any(others.map(\.truth.certain))
        let possible = space.reasoner.circuit.any(others.map(\.truth.possible))
        // Where it refuses alone, and where it leaves open alone what a ground would permit.
        if isPossible(own.truth.certain, !certain, judgement.mayBeGrounded)
            || isPossible(own.truth.possible, !possible, judgement.isGrounded)
        {
            return nil
        }
        if !isPossible(own.truth.possible, judgement.mayBeGrounded) {
            return .noEffect(because: "no ground permits anything there")
        }
        let one = others.first { !isPossible(own.truth.possible, !$0.truth.possible) }
        return .overridden(by: one?.rule.name)
    }

    // MARK: Grounds

    private mutating func doubt(
        _ own: JudgementCircuit.Applying, groundAt position: Int
    ) -> Findings.Doubt? {
        guard isPossible(own.truth.certain) else { return .neverApplies }
        guard isPossible(own.truth.certain, !judgement.mayBeForbidden) else {
            let one = judgement.prohibitions.first {
                !isPossible(own.truth.certain, !$0.truth.possible)
            }
            return .overridden(by: one?.rule.name)
        }
        // A sender can name it; and what is on a ladder decides about later rungs.
        guard flow != .export, flow != .domestic, own.rule.ladder == nil else { return nil }
        var others = judgement.grounds
        others.remove(at: position)
        let possible = space.reasoner.circuit.any(others.map(\.truth.possible))
        if isPossible(judgement.counting[position], judgement.permitted)
            || isPossible(own.truth.possible, !possible, !judgement.isForbidden)
        {
            return nil
        }
        let one = judgement.grounds[..<position].first {
            !isPossible(own.truth.certain, !$0.truth.certain)
        }
        return .overridden(by: one?.rule.name)
    }

    // MARK: Duties

    private mutating func doubt(
        _ own: JudgementCircuit.Applying, dutyAt position: Int
    ) -> Findings.Doubt? {
        guard isPossible(own.truth.certain) else { return .neverApplies }
        guard isPossible(own.truth.possible, judgement.permitted) else {
            return .noEffect(because: "nothing is permitted where it applies")
        }
        let all = space.owed(judgement, .named(""))
        let own = judgement.duties[position].rule.name
        var others = judgement
        others.duties.remove(at: position)
        let without = space.owed(others, .named(""))
        let countries = ObligationCircuit.countries(all).sorted()
        let has = space.hasInstrument()
        let points = ObligationCircuit.difference(
            ObligationCircuit(all, countries: countries, hasInstrument: has),
            ObligationCircuit(without, countries: countries, hasInstrument: has),
            &space.reasoner.circuit)
        let some = space.reasoner.circuit.any(points)
        if isPossible(some, judgement.permitted) { return nil }
        let one = others.duties.first { other in
            other.rule.obligations == judgement.duties[position].rule.obligations
                && other.rule.name != own
        }
        let by = one.map { "`\($0.rule.name)` asks" } ?? "other duties ask"
        return .noEffect(because: "\(by) for as much wherever it applies")
    }

    // MARK: Pairs

    private mutating func findTwins(
        _ rules: [JudgementCircuit.Applying], _ found: inout Findings
    ) {
        for (position, rule) in rules.enumerated() {
            let twin = rules[..<position].first { other in
                other.rule.flows == rule.rule.flows && other.rule.ladder == nil
                    && rule.rule.ladder == nil
                    && Set(other.rule.obligations) == Set(rule.rule.obligations)
                    && isPossible(rule.truth.possible) && isSame(other.truth, rule.truth)
            }
            found.add(twin: twin?.rule.name, rule.rule)
        }
    }

    private mutating func isSame(_ a: Kleene, _ b: Kleene) -> Bool {
        let certain = space.reasoner.circuit.differ(a.certain, b.certain)
        let excluded = space.reasoner.circuit.differ(a.excluded, b.excluded)
        let some = space.reasoner.circuit.or(certain, excluded)
        return !isPossible(some)
    }

    private mutating func findContradictions(_ found: inout Findings) {
        let owing =
            judgement.grounds.map { ($0.rule, $0.truth.certain) }
            + judgement.duties.map { ($0.rule, $0.truth.possible) }
        for (position, (rule, holds)) in owing.enumerated() {
            for (other, otherHolds) in owing[...position] {
                // Two grounds never count together.
                guard rule.kind == .duty || other.kind == .duty || rule.name == other.name,
                    let message = contradiction(rule, other),
                    isPossible(holds, otherHolds, judgement.permitted)
                else { continue }
                found.add(.init(rule: rule, message: message))
            }
        }
    }

    /// Why the debts of two rules cannot both be met, or are met by nobody.
    private func contradiction(_ rule: Rule, _ other: Rule) -> String? {
        let (own, others) = (rule.obligations, other.obligations)
        let side = Evaluation.side(of: flow)
        for (a, b) in own.flatMap({ a in others.map { (a, $0) } }) {
            for (first, second) in [(a, b), (b, a)] {
                if let message = Self.keptTooLong(first, second, side) {
                    return "`\(rule.name)` and `\(other.name)`: \(message)"
                }
            }
            if rule.name != other.name, Self.shareNoCountry(a, b) {
                return "`\(rule.name)` and `\(other.name)`: their lists of `onward-only-to` "
                    + "share no country, so nothing may be sent on"
            }
        }
        return nil
    }

    /// A recipient who must keep the original for longer than it may.
    private static func keptTooLong(
        _ keep: RuleObligation, _ retention: RuleObligation, _ side: Side
    ) -> String? {
        guard case .keep(.original, let atLeast?, _) = keep.demand,
            case .retention(let atMost?, _) = retention.demand, atLeast > atMost
        else { return nil }
        let keeper = keep.side ?? side
        guard keeper == .destination || keeper == .both else { return nil }
        return "the recipient must keep the original for longer than it may hold it"
    }

    private static func shareNoCountry(_ a: RuleObligation, _ b: RuleObligation) -> Bool {
        guard case .onwardOnlyTo(let left) = a.demand, case .onwardOnlyTo(let right) = b.demand
        else { return false }
        return !left.isEmpty && !right.isEmpty && !a.isWithinTerritory && !b.isWithinTerritory
            && Set(left).isDisjoint(with: right)
    }
}
