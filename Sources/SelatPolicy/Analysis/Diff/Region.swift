import SelatCore

// Parts of the space: their smallest point, and the few statements that they come down to.
extension FactSpace {
    /// Every input with the value that makes a question simpler, in a fixed order: nothing left
    /// unstated, nothing in force that ends, then fact by fact as little as can be.
    var wires: [(wire: Signal, preferred: Bool)] {
        let all = names.compactMap { facts[$0] }
        var wires = all.filter { $0.missing != .no }.map { ($0.missing, false) }
        wires += times.map { ($0.isPast, false) }
        for fact in all {
            wires += fact.maybe.map { ($0, false) }
            switch fact.values {
            case .flag(let wire): wires.append((wire, false))
            case .number(let bounds): wires += bounds.reversed().map { ($0.isReached, false) }
            case .one(let classes): wires += inPreference(classes, fact).map { ($0, true) }
            case .set(let classes):
                wires += inPreference(classes, fact).reversed().map { ($0, false) }
            }
        }
        return wires
    }

    /// Classes with members of the federation first, then the larger ones: what no rule names is
    /// simpler than what one does.
    private func inPreference(
        _ classes: [(terms: TermClass, holds: Signal)], _ fact: FactVariables
    ) -> [Signal] {
        let members = Set(readings.flatMap { $0.set.countries.map(\.code) })
        func isMember(_ element: (terms: TermClass, holds: Signal)) -> Bool {
            element.terms.names.contains(where: members.contains)
        }
        let ranked = classes.enumerated().sorted { a, b in
            let (left, right) = (isMember(a.element), isMember(b.element))
            if left != right { return left }
            let sizes = (a.element.terms.names.count, b.element.terms.names.count)
            return sizes.0 == sizes.1 ? a.offset < b.offset : sizes.0 > sizes.1
        }
        return ranked.map(\.element.holds)
    }

    /// The smallest point of a region, as the values of all inputs; nil where it is empty.
    mutating func smallest(in region: [Signal]) -> [Signal]? {
        let wires = wires
        for (wire, preferred) in wires { reasoner.prefer(preferred ? wire : !wire) }
        guard reasoner.isPossible(region) else { return nil }
        var fixed: [Signal] = []
        for (wire, preferred) in wires {
            let wanted = preferred ? wire : !wire
            // A question that failed leaves the last answer standing.
            let holds = reasoner.value(wanted) || reasoner.isPossible(region + fixed + [wanted])
            fixed.append(holds ? wanted : !wanted)
        }
        return fixed
    }

    /// A region as alternatives, each as few inputs as imply it; together they cover it where that
    /// takes no more than `limit`.
    ///
    /// They speak of questions that leave nothing unstated, which is `assumed`, unless the region
    /// has only others.
    mutating func alternatives(
        of region: Signal, from point: [Signal], limit: Int
    ) -> (alternatives: [[Signal]], assumed: [Signal], isComplete: Bool) {
        let silences = silences
        let isStated = silences.allSatisfy { point.contains(!$0) }
        let stated = isStated ? silences.map { !$0 } : []
        var (alternatives, rest, next): ([[Signal]], Signal, [Signal]?) = ([], region, point)
        while let point = next, alternatives.count < limit {
            let alternative = widened(point, within: region, assuming: stated)
            alternatives.append(alternative)
            let covered = reasoner.circuit.all(alternative)
            rest = reasoner.circuit.and(rest, !covered)
            next = reasoner.isPossible(stated + [rest]) ? currentPoint() : nil
        }
        return (alternatives.sorted { $0.count < $1.count }, stated, next == nil)
    }

    /// What a sender can leave unstated.
    var silences: [Signal] {
        definitions.filter(\.source.isStated).compactMap { facts[$0.name]?.missing }
            .filter { $0 != .no }
    }

    private mutating func currentPoint() -> [Signal] {
        wires.map { wire, _ in reasoner.value(wire) ? wire : !wire }
    }

    /// The fewest of a point's values that keep it within a region.
    private mutating func widened(
        _ point: [Signal], within region: Signal, assuming stated: [Signal]
    ) -> [Signal] {
        let fixed = [!region] + stated
        // To say which values a fact has not is wider than to say which it has, and says as much.
        let values = singleValues
        let start = point.filter { !values.contains($0) && !stated.contains($0) }
        guard var core = reasoner.conflict(among: start, beside: fixed) else { return point }
        for literal in core.reversed() where core.contains(literal) {
            let others = core.filter { $0 != literal }
            if let smaller = reasoner.conflict(among: others, beside: fixed) { core = smaller }
        }
        return core
    }

    /// The wires that say which single value a fact has.
    private var singleValues: Set<Signal> {
        var wires: Set<Signal> = []
        for fact in facts.values {
            if case .one(let classes) = fact.values { wires.formUnion(classes.map(\.holds)) }
        }
        return wires
    }
}
