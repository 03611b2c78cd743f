/// A wire of a circuit: a node's value, or its negation.
struct Signal: Hashable, Sendable {
    fileprivate let code: Int32

    static let no = Signal(code: 0)
    static let yes = Signal(code: 1)

    init(_ flag: Bool) { self = flag ? .yes : .no }

    fileprivate init(code: Int32) { self.code = code }

    fileprivate init(node: Int) { code = Int32(node << 1) }

    var node: Int { Int(code >> 1) }
    var isNegated: Bool { code & 1 == 1 }

    static prefix func ! (signal: Self) -> Self { Self(code: signal.code ^ 1) }
}

/// Boolean functions as one graph of two-sided *and* gates with negated wires. Equal gates are one
/// node, so that what two editions have in common is there once.
struct Circuit: Sendable {
    /// The two sides of each gate; inputs, and the constant at node 0, have none.
    private var gates: [(Signal, Signal)?] = [nil]
    private var index: [UInt64: Signal] = [:]

    mutating func input() -> Signal {
        gates.append(nil)
        return Signal(node: gates.count - 1)
    }

    /// The two sides of a gate; nil for inputs.
    func gate(_ node: Int) -> (Signal, Signal)? { gates[node] }

    mutating func and(_ a: Signal, _ b: Signal) -> Signal {
        let (low, high) = a.code <= b.code ? (a, b) : (b, a)
        if low == .no || low == !high { return .no }
        if low == .yes || low == high { return high }
        let key = UInt64(UInt32(bitPattern: low.code)) << 32 | UInt64(UInt32(bitPattern: high.code))
        if let known = index[key] { return known }
        gates.append((low, high))
        let gate = Signal(node: gates.count - 1)
        index[key] = gate
        return gate
    }

    mutating func or(_ a: Signal, _ b: Signal) -> Signal { !and(!a, !b) }

    mutating func differ(_ a: Signal, _ b: Signal) -> Signal {
        if a == b { return .no }
        return or(and(a, !b), and(!a, b))
    }

    mutating func implies(_ a: Signal, _ b: Signal) -> Signal { !and(a, !b) }

    /// All of some; yes of none. The order does not matter to which node comes out.
    mutating func all(_ signals: [Signal]) -> Signal {
        var layer = Set(signals).sorted { $0.code < $1.code }
        guard !layer.isEmpty else { return .yes }
        while layer.count > 1 {
            var next: [Signal] = []
            for start in stride(from: 0, to: layer.count, by: 2) {
                let isPair = start + 1 < layer.count
                next.append(isPair ? and(layer[start], layer[start + 1]) : layer[start])
            }
            layer = next
        }
        return layer[0]
    }

    mutating func any(_ signals: [Signal]) -> Signal { !all(signals.map { !$0 }) }

    /// Exactly one of some.
    mutating func exactlyOne(_ signals: [Signal]) -> Signal {
        var pairs: [Signal] = []
        for (position, signal) in signals.enumerated() {
            pairs += signals[..<position].map { !and(signal, $0) }
        }
        return and(any(signals), all(pairs))
    }
}
