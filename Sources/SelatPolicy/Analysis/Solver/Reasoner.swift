/// Asks a solver about the functions of a circuit; gates become clauses when first asked about.
struct Reasoner: Sendable {
    var circuit = Circuit()
    private var solver = SATSolver()
    /// By node: its variable, or -1 as long as nobody asked.
    private var variables: [Int32] = []

    /// What holds in every answer from now on.
    mutating func require(_ signal: Signal) {
        let literal = literal(signal)
        solver.add([literal])
    }

    /// Whether all of some functions can be true at once.
    mutating func isPossible(_ signals: [Signal]) -> Bool {
        guard !signals.contains(.no) else { return false }
        let assumptions = signals.filter { $0 != .yes }.map { literal($0) }
        return solver.solve(assumptions)
    }

    mutating func isPossible(_ signals: Signal...) -> Bool { isPossible(signals) }

    /// Whether one of some functions, each true in the last question's conflict, can go.
    ///
    /// Of signals that cannot all be true at once, some that already cannot.
    /// - Returns: nil where they can.
    mutating func conflict(among signals: [Signal], beside fixed: [Signal]) -> [Signal]? {
        let literals = signals.map { literal($0) }
        let fixed = fixed.map { literal($0) }
        guard !solver.solve(fixed + literals) else { return nil }
        let failed = Set(solver.failed)
        return zip(signals, literals).filter { failed.contains($0.1) }.map(\.0)
    }

    /// A function's value in the answer last found.
    mutating func value(_ signal: Signal) -> Bool {
        if signal == .yes { return true }
        if signal == .no { return false }
        return evaluate(signal)
    }

    /// The value to try first for an input.
    mutating func prefer(_ signal: Signal) {
        guard signal.node > 0 else { return }
        let literal = literal(signal)
        solver.prefer(literal)
    }

    private func evaluate(_ signal: Signal) -> Bool {
        // A gate made after the answer has no variable yet: compute it from its sides.
        let value: Bool
        if signal.node == 0 {
            value = false
        } else if signal.node < variables.count, variables[signal.node] >= 0,
            Int(variables[signal.node]) < solver.model.count
        {
            value = solver.model[Int(variables[signal.node])]
        } else if let (left, right) = circuit.gate(signal.node) {
            value = evaluate(left) && evaluate(right)
        } else {
            value = false
        }
        return value != signal.isNegated
    }

    // MARK: Clauses

    private mutating func literal(_ signal: Signal) -> Literal {
        let variable = variable(signal.node)
        return Literal(variable, isNegated: signal.isNegated)
    }

    /// The variable of a node, its gates below encoded (Tseitin).
    private mutating func variable(_ root: Int) -> Int {
        var waiting = [root]
        while let node = waiting.last {
            if known(node) != nil {
                waiting.removeLast()
            } else if let (left, right) = circuit.gate(node) {
                let open = [left.node, right.node].filter { known($0) == nil }
                waiting += open
                if open.isEmpty { encode(node, left, right) }
            } else {
                let own = name(node)
                if node == 0 { solver.add([!own]) }
            }
        }
        return known(root) ?? 0
    }

    private func known(_ node: Int) -> Int? {
        guard node < variables.count, variables[node] >= 0 else { return nil }
        return Int(variables[node])
    }

    private mutating func name(_ node: Int) -> Literal {
        while variables.count <= node { variables.append(-1) }
        let literal = solver.addVariable()
        variables[node] = Int32(literal.variable)
        return literal
    }

    private mutating func encode(_ node: Int, _ left: Signal, _ right: Signal) {
        let (a, b) = (literal(left), literal(right))
        let own = name(node)
        solver.add([!own, a])
        solver.add([!own, b])
        solver.add([own, !a, !b])
    }
}
