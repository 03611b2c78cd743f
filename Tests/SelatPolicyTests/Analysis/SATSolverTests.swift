import SelatTestSupport
import Testing

@testable import SelatPolicy

/// The solver against exhaustive search, and against problems with known answers.
struct SATSolverTests {
    typealias Formula = [[Literal]]

    private static func solver(_ variables: Int, _ formula: Formula) -> SATSolver {
        var solver = SATSolver()
        for _ in 0..<variables { _ = solver.addVariable() }
        for clause in formula { solver.add(clause) }
        return solver
    }

    private static func answer(_ variables: Int, _ formula: Formula) -> Bool {
        var solver = solver(variables, formula)
        return solver.solve()
    }

    private static func holds(_ formula: Formula, _ value: (Int) -> Bool) -> Bool {
        formula.allSatisfy { $0.contains { value($0.variable) != $0.isNegated } }
    }

    private static func isSatisfiable(_ variables: Int, _ formula: Formula) -> Bool {
        (0..<(1 << variables)).contains { bits in holds(formula) { bits >> $0 & 1 == 1 } }
    }

    private static func random(
        _ variables: Int, clauses: Int, of sizes: ClosedRange<Int>, _ entropy: inout SeededEntropy
    ) -> Formula {
        (0..<clauses).map { _ in
            (0..<Int.random(in: sizes, using: &entropy)).map { _ in
                Literal(
                    Int.random(in: 0..<variables, using: &entropy),
                    isNegated: Bool.random(using: &entropy))
            }
        }
    }

    @Test(arguments: UInt64(1)...6)
    func agreesWithExhaustiveSearch(_ seed: UInt64) {
        var entropy = SeededEntropy(seed)
        var satisfiable = 0
        for _ in 0..<150 {
            let variables = Int.random(in: 1...9, using: &entropy)
            let formula = Self.random(
                variables, clauses: Int.random(in: 1...40, using: &entropy), of: 1...4, &entropy)
            var solver = Self.solver(variables, formula)
            let answer = solver.solve()
            #expect(answer == Self.isSatisfiable(variables, formula))
            if answer {
                satisfiable += 1
                #expect(Self.holds(formula) { solver.model[$0] })
            }
        }
        #expect((20...130).contains(satisfiable))
    }

    /// One solver through many questions, with clauses added in between and hardly any learnt
    /// clause kept.
    @Test(arguments: UInt64(11)...16)
    func answersUnderAssumptionsWhileClausesAreAdded(_ seed: UInt64) {
        var entropy = SeededEntropy(seed)
        var formula: Formula = []
        var solver = Self.solver(8, [])
        solver.learntMax = 4
        for _ in 0..<40 {
            let clause = Self.random(8, clauses: 1, of: 2...3, &entropy)[0]
            formula.append(clause)
            solver.add(clause)
            for _ in 0..<6 {
                let assumed = Self.random(8, clauses: 1, of: 0...6, &entropy)[0]
                let units = assumed.map { [$0] }
                let answer = solver.solve(assumed)
                #expect(answer == Self.isSatisfiable(8, formula + units))
                if answer {
                    #expect(Self.holds(formula + units) { solver.model[$0] })
                } else {
                    #expect(solver.failed.allSatisfy(assumed.contains))
                    #expect(!Self.isSatisfiable(8, formula + solver.failed.map { [$0] }))
                }
            }
        }
    }

    /// That many pigeons do not fit into one hole less.
    @Test(arguments: 2...7)
    func findsThatPigeonsDoNotFit(_ pigeons: Int) {
        let holes = pigeons - 1
        func sits(_ pigeon: Int, _ hole: Int) -> Literal { Literal(pigeon * holes + hole) }
        var formula: Formula = (0..<pigeons).map { pigeon in
            (0..<holes).map { sits(pigeon, $0) }
        }
        for hole in 0..<holes {
            for a in 0..<pigeons {
                for b in 0..<a { formula.append([!sits(a, hole), !sits(b, hole)]) }
            }
        }
        #expect(!Self.answer(pigeons * holes, formula))
        #expect(Self.answer(pigeons * holes, Array(formula.dropFirst())))
    }

    /// Near 4.26 clauses a variable random formulas are hardest; what is found must hold, and what
    /// is refuted must be refuted again with the clauses in another order.
    @Test(arguments: UInt64(21)...28)
    func copesWithHardRandomFormulas(_ seed: UInt64) {
        var entropy = SeededEntropy(seed)
        let formula = (0..<256).map { _ in
            Array((0..<60).shuffled(using: &entropy).prefix(3)).map {
                Literal($0, isNegated: Bool.random(using: &entropy))
            }
        }
        var solver = Self.solver(60, formula)
        solver.learntMax = 50
        let answer = solver.solve()
        if answer { #expect(Self.holds(formula) { solver.model[$0] }) }
        #expect(Self.answer(60, formula.shuffled(using: &entropy)) == answer)
    }

    @Test func repeatsItself() {
        var entropy = SeededEntropy(31)
        let formula = Self.random(50, clauses: 200, of: 3...3, &entropy)
        var (first, second) = (Self.solver(50, formula), Self.solver(50, formula))
        let answers = [first.solve(), second.solve()]
        #expect(answers[0] == answers[1])
        #expect(first.model == second.model)
        #expect(first.clauses.words == second.clauses.words)
    }

    @Test func triesThePreferredValueFirst() {
        var solver = Self.solver(3, [[Literal(0), Literal(1), Literal(2)]])
        for variable in 0..<3 { solver.prefer(Literal(variable)) }
        let answer = solver.solve()
        #expect(answer)
        #expect(solver.model == [true, true, true])
    }

    @Test func restartsFollowLuby() {
        #expect((1...15).map(SATSolver.luby) == [1, 1, 2, 1, 1, 2, 4, 1, 1, 2, 1, 1, 2, 4, 8])
    }

    @Test func emptyAndContradictoryClausesEndIt() {
        #expect(!Self.answer(1, [[Literal(0)], [!Literal(0)]]))
        #expect(Self.answer(0, []))
        #expect(!Self.answer(0, [[]]))
    }
}
