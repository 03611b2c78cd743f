/// A three-valued function of the facts, as two Boolean ones: certainly so, and certainly not so.
struct Kleene: Hashable, Sendable {
    let certain: Signal
    let excluded: Signal

    static let yes = Kleene(certain: .yes, excluded: .no)
    static let no = Kleene(certain: .no, excluded: .yes)
    static let maybe = Kleene(certain: .no, excluded: .no)

    var possible: Signal { !excluded }

    static prefix func ! (truth: Self) -> Self {
        Kleene(certain: truth.excluded, excluded: truth.certain)
    }

    /// A function whose value is known wherever it is asked for.
    static func known(_ signal: Signal) -> Kleene { Kleene(certain: signal, excluded: !signal) }
}

extension Circuit {
    mutating func all(_ truths: [Kleene]) -> Kleene {
        Kleene(certain: all(truths.map(\.certain)), excluded: any(truths.map(\.excluded)))
    }

    mutating func any(_ truths: [Kleene]) -> Kleene {
        Kleene(certain: any(truths.map(\.certain)), excluded: all(truths.map(\.excluded)))
    }
}
