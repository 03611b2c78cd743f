// The search: propagate, decide, learn, restart.
extension SATSolver {
    enum Outcome {
        case satisfied
        /// With assumptions that cannot all hold.
        case failed([Literal])
    }

    /// Conflicts until the first restart; the next ones follow Luby's sequence.
    private static let restartUnit = 64

    mutating func search(_ assumptions: [Literal]) -> Outcome {
        var restarts = 0
        while true {
            restarts += 1
            let budget = Self.restartUnit * Self.luby(restarts)
            if let outcome = search(assumptions, conflicts: budget) { return outcome }
            backtrack(to: 0)
            if clauses.learnt.count > learntMax { reduce() }
        }
    }

    /// Nil where the budget ran out.
    private mutating func search(_ assumptions: [Literal], conflicts budget: Int) -> Outcome? {
        var conflicts = 0
        while true {
            let conflict = propagate()
            if conflict != Clauses.none {
                conflicts += 1
                if level == 0 {
                    isConsistent = false
                    return .failed([])
                }
                learn(from: conflict)
            } else if conflicts >= budget {
                return nil
            } else if level < assumptions.count {
                if let outcome = assume(assumptions[level]) { return outcome }
            } else {
                guard let decision = decide() else { return .satisfied }
                limits.append(trail.count)
                assign(decision, because: Clauses.none)
            }
        }
    }

    /// Opens the level of one assumption; an outcome where it cannot hold.
    private mutating func assume(_ assumption: Literal) -> Outcome? {
        if value(assumption) < 0 { return .failed(core(of: assumption)) }
        limits.append(trail.count)
        if value(assumption) == 0 { assign(assumption, because: Clauses.none) }
        return nil
    }

    private mutating func decide() -> Literal? {
        while let variable = order.popFirst() {
            let literal = Literal(variable, isNegated: !phases[variable])
            if value(literal) == 0 { return literal }
        }
        return nil
    }

    /// Draws all conclusions of the trail.
    /// - Returns: a clause that has become false, or `Clauses.none`.
    mutating func propagate() -> Clauses.Reference {
        while head < trail.count {
            let literal = trail[head]
            head += 1
            let conflict = visit(literal)
            if conflict != Clauses.none { return conflict }
        }
        return Clauses.none
    }

    /// Looks at the clauses in which a literal that became true stands negated.
    private mutating func visit(_ literal: Literal) -> Clauses.Reference {
        // The list is taken out, so that it is changed in place while others grow.
        var list: [Watch] = []
        swap(&list, &watches[literal.index])
        var (kept, conflict) = (0, Clauses.none)
        for position in list.indices {
            let watch = list[position]
            if conflict == Clauses.none, values[watch.blocker.index] <= 0 {
                switch update(watch.clause, !literal) {
                case .moved: continue
                case .stays(let other):
                    list[kept] = Watch(clause: watch.clause, blocker: other)
                case .conflict:
                    conflict = watch.clause
                    list[kept] = watch
                }
            } else {
                list[kept] = watch
            }
            kept += 1
        }
        list.removeSubrange(kept...)
        swap(&list, &watches[literal.index])
        return conflict
    }

    private enum Update {
        case moved, conflict
        case stays(Literal)
    }

    /// Finds another literal to watch in place of one that became false; else the clause's last
    /// literal must hold.
    private mutating func update(_ clause: Clauses.Reference, _ lost: Literal) -> Update {
        if clauses[clause, 0] == lost { clauses.swap(clause, 0, 1) }
        let first = clauses[clause, 0]
        if value(first) > 0 { return .stays(first) }
        for position in 2..<max(2, clauses.count(clause))
        where value(clauses[clause, position]) >= 0 {
            clauses.swap(clause, 1, position)
            watches[(!clauses[clause, 1]).index].append(Watch(clause: clause, blocker: first))
            return .moved
        }
        if value(first) < 0 { return .conflict }
        assign(first, because: clause)
        return .stays(first)
    }

    /// 1 1 2 1 1 2 4 1 1 2 …, from 1 (Luby, Sinclair and Zuckerman, 1993).
    static func luby(_ index: Int) -> Int {
        var (index, power) = (index, 1)
        while power < index + 1 { power <<= 1 }
        while power != index + 1 {
            power >>= 1
            index -= power - 1
            power = 1
            while power < index + 1 { power <<= 1 }
        }
        return power >> 1
    }
}
