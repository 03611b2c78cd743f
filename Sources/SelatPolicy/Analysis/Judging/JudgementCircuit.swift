import SelatCore

/// What one file says about one flow, over the whole space: the mirror of `Evaluation.judge`.
struct JudgementCircuit: Sendable {
    struct Applying: Sendable {
        let rule: Rule
        let truth: Kleene
    }

    /// Which of a file's grounds counts.
    enum Choice: Hashable, Sendable {
        /// The first that certainly applies.
        case first
        /// The one that the sender names; a name that the file does not know applies never.
        case named(String)
    }

    /// Which reading of the space it is.
    let reading: Int
    let flow: Flow?
    let prohibitions: [Applying]
    /// With the order of ladders in their truth.
    let grounds: [Applying]
    var duties: [Applying]
    /// Whether some prohibition applies, and whether one may.
    let isForbidden: Signal
    let mayBeForbidden: Signal
    /// Whether some ground certainly applies, and whether one may; the federation's file needs none.
    let isGrounded: Signal
    let mayBeGrounded: Signal
    /// By ground: whether it is the first that certainly applies.
    let counting: [Signal]

    let refused: Signal
    let incomplete: Signal
    let permitted: Signal

    /// The outcome where the sender names a ground.
    func permitted(_ choice: Choice, _ circuit: inout Circuit) -> Signal {
        guard case .named(let name) = choice else { return permitted }
        let truth = grounds.first { $0.rule.name == name }?.truth ?? .no
        return circuit.and(!mayBeForbidden, truth.certain)
    }

    func refused(_ choice: Choice, _ circuit: inout Circuit) -> Signal {
        guard case .named(let name) = choice else { return refused }
        let truth = grounds.first { $0.rule.name == name }?.truth ?? .no
        return circuit.or(isForbidden, truth.excluded)
    }
}

extension FactSpace {
    /// The judgement of one of the space's readings.
    mutating func judgement(_ reading: Int) -> JudgementCircuit {
        let flow = flows[reading]
        let rules = readings[reading].rules(flow)
        let prohibitions = applying(rules?.prohibitions ?? [], in: reading)
        let grounds = rungs(applying(rules?.grounds ?? [], in: reading))
        let duties = applying(rules?.duties ?? [], in: reading)
        let needsGround = flow != nil || rules == nil
        let isGrounded =
            needsGround ? reasoner.circuit.any(grounds.map(\.truth.certain)) : .yes
        let mayBeGrounded =
            needsGround ? reasoner.circuit.any(grounds.map(\.truth.possible)) : .yes
        let isForbidden = reasoner.circuit.any(prohibitions.map(\.truth.certain))
        let mayBeForbidden = reasoner.circuit.any(prohibitions.map(\.truth.possible))
        let refused = reasoner.circuit.or(isForbidden, !mayBeGrounded)
        let permitted = reasoner.circuit.and(!mayBeForbidden, isGrounded)
        return JudgementCircuit(
            reading: reading, flow: flow, prohibitions: prohibitions, grounds: grounds,
            duties: duties, isForbidden: isForbidden, mayBeForbidden: mayBeForbidden,
            isGrounded: isGrounded, mayBeGrounded: mayBeGrounded, counting: counting(grounds),
            refused: refused, incomplete: reasoner.circuit.and(!refused, !permitted),
            permitted: permitted)
    }

    private mutating func applying(
        _ rules: [Rule], in reading: Int
    ) -> [JudgementCircuit.Applying] {
        rules.map { .init(rule: $0, truth: truth($0, in: reading)) }
    }

    /// Whether a rule applies, `from` and `until` included.
    private mutating func truth(_ rule: Rule, in reading: Int) -> Kleene {
        let begun = rule.from.map { hasPassed($0) } ?? .yes
        let ended = rule.until.map { hasPassed($0) } ?? .no
        let isCurrent = reasoner.circuit.and(begun, !ended)
        let when = truth(rule.when, in: reading)
        let unless = rule.unless.map { truth($0, in: reading) } ?? .no
        return reasoner.circuit.all([.known(isCurrent), when, !unless])
    }

    private func hasPassed(_ moment: Timestamp) -> Signal {
        moment <= beginning ? .yes : times.first { $0.moment == moment }?.isPast ?? .no
    }

    /// Rungs of one ladder count only where every earlier rung certainly does not.
    private mutating func rungs(
        _ grounds: [JudgementCircuit.Applying]
    ) -> [JudgementCircuit.Applying] {
        var earlier: [String: Kleene] = [:]
        return grounds.map { ground in
            guard let ladder = ground.rule.ladder else { return ground }
            let before = earlier[ladder] ?? .no
            earlier[ladder] = reasoner.circuit.any([before, ground.truth])
            return .init(
                rule: ground.rule, truth: reasoner.circuit.all([ground.truth, !before]))
        }
    }

    private mutating func counting(_ grounds: [JudgementCircuit.Applying]) -> [Signal] {
        var earlier = Signal.no
        return grounds.map { ground in
            defer { earlier = reasoner.circuit.or(earlier, ground.truth.certain) }
            return reasoner.circuit.and(ground.truth.certain, !earlier)
        }
    }
}
