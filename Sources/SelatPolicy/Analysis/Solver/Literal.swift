/// A Boolean variable of the solver, or its negation.
struct Literal: Hashable, Comparable, Sendable {
    /// Twice the variable, plus one where negated: a position in arrays.
    let code: Int32

    init(code: Int32) { self.code = code }

    init(_ variable: Int, isNegated: Bool = false) {
        code = Int32(variable << 1 | (isNegated ? 1 : 0))
    }

    var index: Int { Int(code) }
    var variable: Int { Int(code >> 1) }
    var isNegated: Bool { code & 1 == 1 }

    static prefix func ! (literal: Self) -> Self { Self(code: literal.code ^ 1) }
    static func < (a: Self, b: Self) -> Bool { a.code < b.code }
}
