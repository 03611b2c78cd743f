/// A fact as conditions can tell its values apart, each distinction one wire.
struct FactVariables: Sendable {
    enum Values: Sendable {
        case flag(Signal)
        /// Whether the number is at least each bound, bounds rising.
        case number([(bound: UInt64, isReached: Signal)])
        /// Exactly one holds, unless the fact is missing.
        case one([(terms: TermClass, holds: Signal)])
        /// Whether some term of the class is in the set.
        case set([(terms: TermClass, holds: Signal)])
    }

    let name: String
    let values: Values
    /// Whether a fact that the sender has to state is not stated; `no` where that cannot be.
    let missing: Signal
    /// For `safeguard`: classes of which a term may be in the set, besides those that are.
    let maybe: [Signal]

    /// Every wire in it.
    var signals: [Signal] {
        let own: [Signal] =
            switch values {
            case .flag(let signal): [signal]
            case .number(let bounds): bounds.map(\.isReached)
            case .one(let classes), .set(let classes): classes.map(\.holds)
            }
        return own + maybe + (missing == .no ? [] : [missing])
    }
}
