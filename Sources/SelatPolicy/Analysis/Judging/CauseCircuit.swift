// Which facts an incomplete verdict asks for beside those that silence leaves open: the mirror of
// `Condition.causes`.
extension FactSpace {
    /// The facts that would settle a judgement, where it is incomplete.
    mutating func causes(
        _ judgement: JudgementCircuit, _ choice: JudgementCircuit.Choice
    ) -> [String: Signal] {
        var causes: [String: Signal] = [:]
        for prohibition in judgement.prohibitions {
            add(prohibition, where: prohibition.truth.possible, judgement.reading, &causes)
        }
        let grounds = judgement.grounds.filter { ground in
            choice == .first || choice == .named(ground.rule.name)
        }
        let isGrounded = reasoner.circuit.any(grounds.map(\.truth.certain))
        for ground in grounds {
            let isOpen = reasoner.circuit.all([
                ground.truth.possible, !ground.truth.certain, !isGrounded,
            ])
            add(ground, where: isOpen, judgement.reading, &causes)
        }
        return causes
    }

    private mutating func add(
        _ applying: JudgementCircuit.Applying, where isOpen: Signal, _ reading: Int,
        _ causes: inout [String: Signal]
    ) {
        add(applying.rule.when, where: isOpen, reading, &causes)
        if let unless = applying.rule.unless { add(unless, where: isOpen, reading, &causes) }
    }

    private mutating func add(
        _ condition: Condition, where isAsked: Signal, _ reading: Int,
        _ causes: inout [String: Signal]
    ) {
        let truth = truth(condition, in: reading)
        let isOpen = reasoner.circuit.all([isAsked, truth.possible, !truth.certain])
        guard isOpen != .no else { return }
        switch condition {
        case .always: break
        case .all(let parts), .any(let parts):
            for part in parts { add(part, where: isOpen, reading, &causes) }
        case .leaf(let leaf): add(leaf, where: isOpen, reading, &causes)
        }
    }

    private mutating func add(
        _ leaf: Condition.Leaf, where isOpen: Signal, _ reading: Int,
        _ causes: inout [String: Signal]
    ) {
        let definition = readings[reading].definition(leaf.fact)
        let file = readings[reading].file
        switch KnownFact(rawValue: definition.name) {
        case .specialCategory:
            if let special = file?.special { add(special, where: isOpen, reading, &causes) }
            return
        case .nationalCategory:
            for also in file?.nationalCategories.compactMap(\.alsoWhen) ?? [] {
                add(also, where: isOpen, reading, &causes)
            }
            return
        default: break
        }
        // A fact that has to be stated is asked for whatever the files say.
        let missing = definition.owner == nil ? facts[definition.name]?.missing ?? .no : .no
        let cause = reasoner.circuit.and(isOpen, !missing)
        causes[definition.name] = reasoner.circuit.or(causes[definition.name] ?? .no, cause)
    }
}
