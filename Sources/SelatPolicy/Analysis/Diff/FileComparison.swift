import SelatCore

/// Two editions of one file, asked about the same flow over the same space.
struct FileComparison: Sendable {
    var space: FactSpace
    let old: JudgementCircuit
    let new: JudgementCircuit

    /// - Parameter flow: nil for the federation's file.
    init(_ old: Reading, _ new: Reading, _ flow: Flow?) {
        var space = FactSpace(
            [old, new], [flow, flow], Route(flow, new.file ?? old.file))
        self.old = space.judgement(0)
        self.new = space.judgement(1)
        self.space = space
    }

    /// The flows of a file; the federation's has no own.
    static func flows(_ file: Jurisdiction?) -> [Flow?] {
        file?.country == nil ? [nil] : Flow.allCases
    }

    /// The grounds among which a sender can choose: without a name, and by each name of either
    /// edition.
    var choices: [JudgementCircuit.Choice] {
        guard old.flow == .export || old.flow == .domestic else { return [.first] }
        var names: [String] = []
        for ground in new.grounds + old.grounds where !names.contains(ground.rule.name) {
            names.append(ground.rule.name)
        }
        return [.first] + names.map { .named($0) }
    }

    // MARK: Equivalence

    /// Whether both give the same outcome, ground, prohibitions, obligations and missing facts to
    /// every question.
    mutating func areEquivalent() -> Bool {
        var differences = nameDifferences()
        for choice in choices { differences += self.differences(choice) }
        let some = space.reasoner.circuit.any(differences)
        return !space.reasoner.isPossible(some)
    }

    private mutating func differences(_ choice: JudgementCircuit.Choice) -> [Signal] {
        let permitted = [old, new].map { $0.permitted(choice, &space.reasoner.circuit) }
        let refused = [old, new].map { $0.refused(choice, &space.reasoner.circuit) }
        var differences = [
            space.reasoner.circuit.differ(permitted[0], permitted[1]),
            space.reasoner.circuit.differ(refused[0], refused[1]),
        ]
        let other = space.obligationDifference(old, new, choice)
        let someOther = space.reasoner.circuit.any(other)
        differences.append(space.reasoner.circuit.all(permitted + [someOther]))
        let causes = [old, new].map { space.causes($0, choice) }
        for fact in Set(causes[0].keys).union(causes[1].keys).sorted() {
            let differ = space.reasoner.circuit.differ(
                causes[0][fact] ?? .no, causes[1][fact] ?? .no)
            let isOpen = space.reasoner.circuit.all((permitted + refused).map { !$0 })
            differences.append(space.reasoner.circuit.and(isOpen, differ))
        }
        return differences
    }

    /// Where another ground counts, or other prohibitions apply.
    private mutating func nameDifferences() -> [Signal] {
        let both = space.reasoner.circuit.and(old.permitted, new.permitted)
        let counting = [old, new].map { judgement in
            Dictionary(
                zip(judgement.grounds.map(\.rule.name), judgement.counting),
                uniquingKeysWith: { first, _ in first })
        }
        let forbidding = [old, new].map { judgement in
            Dictionary(
                judgement.prohibitions.map { ($0.rule.name, $0.truth.certain) },
                uniquingKeysWith: { first, _ in first })
        }
        var differences: [Signal] = []
        for name in Set(counting.flatMap(\.keys)).sorted() {
            let differ = space.reasoner.circuit.differ(
                counting[0][name] ?? .no, counting[1][name] ?? .no)
            differences.append(space.reasoner.circuit.and(both, differ))
        }
        for name in Set(forbidding.flatMap(\.keys)).sorted() {
            differences.append(
                space.reasoner.circuit.differ(
                    forbidding[0][name] ?? .no, forbidding[1][name] ?? .no))
        }
        return differences
    }
}
