/// An incremental solver for Boolean satisfiability: conflict-driven clause learning with two
/// watched literals, activity order, saved phases, restarts and assumptions.
///
/// It draws no random numbers and reads no clock: the same calls give the same answers.
///
/// Source: Eén and Sörensson, *An Extensible SAT-solver* (SAT 2003); quality of learnt clauses by
/// Audemard and Simon, *Predicting Learnt Clauses Quality in Modern SAT Solvers* (IJCAI 2009).
struct SATSolver: Sendable {
    /// A clause that waits for one of its watched literals to become false.
    struct Watch: Sendable {
        let clause: Clauses.Reference
        /// Some other literal of the clause: while it is true, the clause need not be looked at.
        let blocker: Literal
    }

    /// By literal: 1 true, -1 false, 0 open.
    var values: [Int8] = []
    /// By variable, where assigned: the decision level, and the clause that forced it.
    var levels: [Int32] = []
    var reasons: [Clauses.Reference] = []
    /// By variable: its last value, and the one tried first.
    var phases: [Bool] = []
    var trail: [Literal] = []
    /// Where each decision level begins in the trail.
    var limits: [Int] = []
    /// The first literal of the trail whose watches were not yet looked at.
    var head = 0
    var clauses = Clauses()
    /// By literal: the clauses that watch its negation.
    var watches: [[Watch]] = []
    var order = VariableOrder()
    /// By variable: marks of the analysis under way.
    var seen: [Bool] = []
    /// How many learnt clauses are kept before the worse half goes.
    var learntMax = 4_000

    /// False once the clauses contradict one another whatever is assumed.
    var isConsistent = true
    /// By variable, after `solve` found one: a model.
    private(set) var model: [Bool] = []
    /// After `solve` found none: assumptions that cannot all hold.
    private(set) var failed: [Literal] = []

    var variables: Int { levels.count }
    var level: Int { limits.count }

    func value(_ literal: Literal) -> Int8 { values[literal.index] }

    /// - Parameter phase: the value to try first.
    mutating func addVariable(phase: Bool = false) -> Literal {
        let variable = levels.count
        values += [0, 0]
        levels.append(0)
        reasons.append(Clauses.none)
        phases.append(phase)
        watches += [[], []]
        seen.append(false)
        order.addVariable()
        return Literal(variable)
    }

    /// Adds a clause for good.
    mutating func add(_ literals: [Literal]) {
        precondition(limits.isEmpty, "clauses are added between searches")
        guard isConsistent else { return }
        var kept: [Literal] = []
        for literal in literals.sorted() where literal != kept.last && value(literal) >= 0 {
            if value(literal) > 0 || kept.last == !literal { return }
            kept.append(literal)
        }
        switch kept.count {
        case 0: isConsistent = false
        case 1:
            assign(kept[0], because: Clauses.none)
            isConsistent = propagate() == Clauses.none
        default: watch(clauses.add(kept, quality: 0))
        }
    }

    /// Whether the clauses can hold together with some assumptions.
    mutating func solve(_ assumptions: [Literal] = []) -> Bool {
        failed = []
        guard isConsistent else { return false }
        let outcome = search(assumptions)
        switch outcome {
        case .satisfied: model = (0..<variables).map { values[2 * $0] > 0 }
        case .failed(let literals): failed = literals
        }
        backtrack(to: 0)
        if case .satisfied = outcome { return true }
        return false
    }

    /// The value to try first, from now on.
    mutating func prefer(_ literal: Literal) { phases[literal.variable] = !literal.isNegated }

    // MARK: The trail

    mutating func watch(_ clause: Clauses.Reference) {
        let (first, second) = (clauses[clause, 0], clauses[clause, 1])
        watches[(!first).index].append(Watch(clause: clause, blocker: second))
        watches[(!second).index].append(Watch(clause: clause, blocker: first))
    }

    mutating func assign(_ literal: Literal, because reason: Clauses.Reference) {
        values[literal.index] = 1
        values[(!literal).index] = -1
        levels[literal.variable] = Int32(level)
        reasons[literal.variable] = reason
        trail.append(literal)
    }

    mutating func backtrack(to target: Int) {
        guard level > target else { return }
        let start = limits[target]
        for literal in trail[start...].reversed() {
            values[literal.index] = 0
            values[(!literal).index] = 0
            phases[literal.variable] = !literal.isNegated
            order.insert(literal.variable)
        }
        trail.removeSubrange(start...)
        limits.removeSubrange(target...)
        head = start
    }
}
