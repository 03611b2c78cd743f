// Forgetting: too many learnt clauses slow every step down.
extension SATSolver {
    /// Clauses that join so few decision levels are always kept.
    private static let glue = 2

    /// Drops the worse half of the learnt clauses, and what level 0 has settled.
    mutating func reduce() {
        precondition(limits.isEmpty, "clauses are dropped between searches")
        let ranked = clauses.learnt.sorted {
            (clauses.quality($0), clauses.count($0), $0)
                < (clauses.quality($1), clauses.count($1), $1)
        }
        let better = ranked.prefix(ranked.count / 2)
        let glue = ranked.dropFirst(better.count).prefix { clauses.quality($0) <= Self.glue }
        // Adding keeps the order of age, so that a run repeats itself.
        let kept = clauses.given + (better + glue).sorted()
        rebuild(kept)
        learntMax += learntMax / 10
    }

    private mutating func rebuild(_ kept: [Clauses.Reference]) {
        let old = clauses
        clauses = Clauses()
        for index in watches.indices { watches[index].removeAll(keepingCapacity: true) }
        // What level 0 forced stays forced without its reason.
        for literal in trail { reasons[literal.variable] = Clauses.none }
        for reference in kept {
            let literals = old.literals(reference)
            guard !literals.contains(where: { value($0) > 0 }) else { continue }
            let open = literals.filter { value($0) == 0 }
            watch(clauses.add(open, quality: old.quality(reference)))
        }
    }
}
