/// The solver's clauses, one behind another in one array.
///
/// A clause is its length, its quality (0 as given; for a learnt one the number of decision levels
/// that it joins), then the codes of its literals. The first two literals are watched.
struct Clauses: Sendable {
    /// Where a clause begins.
    typealias Reference = Int32

    static let none: Reference = -1
    private static let head = 2

    private(set) var words: [Int32] = []
    private(set) var given: [Reference] = []
    private(set) var learnt: [Reference] = []

    mutating func add(_ literals: [Literal], quality: Int) -> Reference {
        let reference = Reference(words.count)
        words.append(Int32(literals.count))
        words.append(Int32(quality))
        for literal in literals { words.append(literal.code) }
        if quality == 0 { given.append(reference) } else { learnt.append(reference) }
        return reference
    }

    func count(_ clause: Reference) -> Int { Int(words[Int(clause)]) }
    func quality(_ clause: Reference) -> Int { Int(words[Int(clause) + 1]) }

    subscript(clause: Reference, position: Int) -> Literal {
        Literal(code: words[Int(clause) + Self.head + position])
    }

    func literals(_ clause: Reference) -> [Literal] {
        (0..<count(clause)).map { self[clause, $0] }
    }

    mutating func swap(_ clause: Reference, _ a: Int, _ b: Int) {
        words.swapAt(Int(clause) + Self.head + a, Int(clause) + Self.head + b)
    }
}
