// What a conflict teaches: the clause at the first unique implication point, and which assumptions
// were to blame.
extension SATSolver {
    /// Adds the clause that a conflict implies, and goes back to where it forces a literal.
    mutating func learn(from conflict: Clauses.Reference) {
        let (learnt, target) = analyse(conflict)
        backtrack(to: target)
        order.age()
        guard learnt.count > 1 else {
            assign(learnt[0], because: Clauses.none)
            return
        }
        let joined = Set(learnt.map { levels[$0.variable] }).count
        let clause = clauses.add(learnt, quality: max(1, joined))
        watch(clause)
        assign(learnt[0], because: clause)
    }

    /// - Returns: the clause, the literal to be forced first and one of the level to go back to
    ///   second; and that level.
    private mutating func analyse(_ conflict: Clauses.Reference) -> ([Literal], Int) {
        var learnt: [Literal] = []
        var (clause, open, position) = (conflict, 0, trail.count - 1)
        var uip: Literal?
        repeat {
            open += mark(clause, beside: uip, into: &learnt)
            while !seen[trail[position].variable] { position -= 1 }
            let literal = trail[position]
            position -= 1
            seen[literal.variable] = false
            clause = reasons[literal.variable]
            uip = literal
            open -= 1
        } while open > 0
        let all = learnt
        learnt.removeAll { isImplied($0) }
        for literal in all { seen[literal.variable] = false }
        return arranged(uip, learnt)
    }

    /// Marks the literals of a clause; those of earlier levels go into the learnt clause.
    /// - Returns: how many of the current level were marked.
    private mutating func mark(
        _ clause: Clauses.Reference, beside known: Literal?, into learnt: inout [Literal]
    ) -> Int {
        var marked = 0
        for position in 0..<clauses.count(clause) {
            let literal = clauses[clause, position]
            let variable = literal.variable
            guard literal != known, !seen[variable], levels[variable] > 0 else { continue }
            seen[variable] = true
            order.bump(variable)
            if Int(levels[variable]) == level { marked += 1 } else { learnt.append(literal) }
        }
        return marked
    }

    /// Whether the other literals of the learnt clause, still marked, imply this one's negation.
    private func isImplied(_ literal: Literal) -> Bool {
        let reason = reasons[literal.variable]
        guard reason != Clauses.none else { return false }
        return (0..<clauses.count(reason)).allSatisfy { position in
            let other = clauses[reason, position].variable
            return other == literal.variable || seen[other] || levels[other] == 0
        }
    }

    private func arranged(_ uip: Literal?, _ others: [Literal]) -> ([Literal], Int) {
        guard let uip else { return (others, 0) }
        var others = others
        guard let deepest = others.indices.max(by: { depth(others[$0]) < depth(others[$1]) })
        else { return ([!uip], 0) }
        others.swapAt(0, deepest)
        return ([!uip] + others, depth(others[0]))
    }

    private func depth(_ literal: Literal) -> Int { Int(levels[literal.variable]) }

    /// The assumptions because of which another one is false, and that one.
    func core(of assumption: Literal) -> [Literal] {
        var core = [assumption]
        guard level > 0 else { return core }
        var marked: Set<Int> = [assumption.variable]
        for literal in trail[limits[0]...].reversed() where marked.contains(literal.variable) {
            let reason = reasons[literal.variable]
            if reason == Clauses.none {
                // A decision below the last assumption is an assumption.
                if literal != assumption { core.append(literal) }
                continue
            }
            for position in 0..<clauses.count(reason) {
                let variable = clauses[reason, position].variable
                if levels[variable] > 0 { marked.insert(variable) }
            }
        }
        return core
    }
}
