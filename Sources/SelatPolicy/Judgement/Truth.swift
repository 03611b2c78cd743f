/// Kleene's three values: where facts are missing or broad, a rule neither applies nor does not.
enum Truth: Int, Comparable, Sendable {
    case no, maybe, yes

    init(_ flag: Bool) { self = flag ? .yes : .no }

    static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    static prefix func ! (truth: Self) -> Self {
        switch truth {
        case .no: .yes
        case .maybe: .maybe
        case .yes: .no
        }
    }
}
