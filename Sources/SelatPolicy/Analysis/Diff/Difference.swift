import SelatCore

/// A part of the space in which two editions differ, with the rule that did it.
struct Difference: Sendable {
    let kind: PolicyChange.Kind
    let choice: JudgementCircuit.Choice
    let region: Signal
    /// Nil where no single rule did it.
    let rule: Culprit?

    /// A rule of the old or the new edition.
    struct Culprit: Sendable {
        let rule: Rule
        let isNew: Bool
    }
}

extension FileComparison {
    /// Every part in which the editions differ; together they are all of it. Some may be empty.
    mutating func differences() -> [Difference] {
        var found = newlyPermitted() + noLongerPermitted(.newlyRefused, new.refused)
        found += noLongerPermitted(.newlyIncomplete, new.incomplete)
        found += otherObligations() + otherChoices() + otherRefusals()
        return found.filter { $0.region != .no }
    }

    // MARK: Permitted or not

    private mutating func newlyPermitted() -> [Difference] {
        let region = space.reasoner.circuit.and(new.permitted, !old.permitted)
        let lacked = space.reasoner.circuit.and(region, !old.isGrounded)
        let hindered = space.reasoner.circuit.and(region, old.isGrounded)
        var found: [Difference] = []
        // The old edition had no ground: the ground that counts now did it.
        let known = Set(old.grounds.map(\.truth.certain))
        for (ground, counts) in zip(new.grounds, new.counting)
        where !known.contains(ground.truth.certain) {
            found.append(part(.newlyPermitted, [lacked, counts], ground.rule, isNew: true))
        }
        // It had one, so a prohibition stood against it that no longer does.
        let standing = Set(new.prohibitions.map(\.truth.possible))
        found += parts(
            .newlyPermitted, hindered,
            old.prohibitions.filter { !standing.contains($0.truth.possible) }
                .map { ($0.rule, $0.truth.possible) }, isNew: false)
        return found
    }

    private mutating func noLongerPermitted(
        _ kind: PolicyChange.Kind, _ now: Signal
    ) -> [Difference] {
        let region = space.reasoner.circuit.and(old.permitted, now)
        let forbidden = kind == .newlyRefused ? new.isForbidden : new.mayBeForbidden
        // A prohibition of the new edition did it; else the ground that counted is gone.
        let standing = Set(old.prohibitions.map(\.truth.possible))
        var found = parts(
            kind, space.reasoner.circuit.and(region, forbidden),
            new.prohibitions.filter { !standing.contains($0.truth.possible) }.map {
                ($0.rule, kind == .newlyRefused ? $0.truth.certain : $0.truth.possible)
            }, isNew: true)
        let ungrounded = space.reasoner.circuit.and(region, !forbidden)
        let known = Set(new.grounds.map(\.truth.certain))
        for (ground, counted) in zip(old.grounds, old.counting)
        where !known.contains(ground.truth.certain) {
            found.append(part(kind, [ungrounded, counted], ground.rule, isNew: false))
        }
        return found
    }

    private mutating func otherRefusals() -> [Difference] {
        let neither = space.reasoner.circuit.and(!old.permitted, !new.permitted)
        let differ = space.reasoner.circuit.differ(old.refused, new.refused)
        return [
            Difference(
                kind: .otherRefusal, choice: .first,
                region: space.reasoner.circuit.and(neither, differ), rule: nil)
        ]
    }

    private mutating func part(
        _ kind: PolicyChange.Kind, _ signals: [Signal], _ rule: Rule, isNew: Bool
    ) -> Difference {
        Difference(
            kind: kind, choice: .first, region: space.reasoner.circuit.all(signals),
            rule: .init(rule: rule, isNew: isNew))
    }

    /// A region split by the first rule of a list that holds.
    private mutating func parts(
        _ kind: PolicyChange.Kind, _ region: Signal, _ rules: [(Rule, Signal)], isNew: Bool
    ) -> [Difference] {
        var earlier = Signal.no
        return rules.map { rule, holds in
            defer { earlier = space.reasoner.circuit.or(earlier, holds) }
            return part(kind, [region, holds, !earlier], rule, isNew: isNew)
        }
    }

    // MARK: Obligations

    private mutating func otherObligations() -> [Difference] {
        let both = space.reasoner.circuit.and(old.permitted, new.permitted)
        let points = space.obligationDifference(old, new, .first)
        return signatures(both, points).map {
            Difference(kind: .otherObligations, choice: .first, region: $0, rule: nil)
        }
    }

    /// How many different changes of debts are told apart for one flow.
    private static let signaturesMax = 48

    /// A region split by which points of the obligations differ in it.
    private mutating func signatures(_ region: Signal, _ points: [Signal]) -> [Signal] {
        let points = Array(Set(points.filter { $0 != .no })).sorted { $0.node < $1.node }
        let some = space.reasoner.circuit.any(points)
        var rest = space.reasoner.circuit.and(region, some)
        var parts: [Signal] = []
        while parts.count < Self.signaturesMax, space.reasoner.isPossible(rest) {
            let signature = points.map { space.reasoner.value($0) ? $0 : !$0 }
            let same = space.reasoner.circuit.all(signature)
            parts.append(space.reasoner.circuit.and(rest, same))
            rest = space.reasoner.circuit.and(rest, !same)
        }
        return space.reasoner.isPossible(rest) ? parts + [rest] : parts
    }

    // MARK: Grounds by name

    /// What changes only for a sender who names a ground.
    private mutating func otherChoices() -> [Difference] {
        let both = space.reasoner.circuit.and(old.permitted, new.permitted)
        let usual = space.obligationDifference(old, new, .first)
        let usualDiffers = space.reasoner.circuit.any(usual)
        var found: [Difference] = []
        for case .named(let name) in choices where isTouched(name) {
            let choice = JudgementCircuit.Choice.named(name)
            let before = old.permitted(choice, &space.reasoner.circuit)
            let after = new.permitted(choice, &space.reasoner.circuit)
            let reached = space.reasoner.circuit.differ(before, after)
            let points = space.obligationDifference(old, new, choice)
            let owes = space.reasoner.circuit.any(points)
            let other = space.reasoner.circuit.all([before, after, owes, !usualDiffers])
            let changed = space.reasoner.circuit.or(reached, other)
            let culprit = [(new, true), (old, false)].lazy.compactMap { judgement, isNew in
                judgement.grounds.first { $0.rule.name == name }
                    .map { Difference.Culprit(rule: $0.rule, isNew: isNew) }
            }
            found.append(
                Difference(
                    kind: .otherChoice, choice: choice,
                    region: space.reasoner.circuit.and(both, changed), rule: culprit.first))
        }
        return found
    }

    /// Whether the editions can differ in what naming a ground does.
    private func isTouched(_ name: String) -> Bool {
        let own = [old, new].map { $0.grounds.first { $0.rule.name == name } }
        guard let before = own[0], let after = own[1] else { return true }
        let duties = [old, new].map { $0.duties.map(\.truth.possible) }
        let owed = [old, new].map { $0.duties.map(\.rule.obligations) }
        return before.truth.certain != after.truth.certain
            || before.rule.obligations != after.rule.obligations || duties[0] != duties[1]
            || owed[0] != owed[1]
    }
}
