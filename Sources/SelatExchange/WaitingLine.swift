import SelatCore

/// Those who wait for the same: the most urgent go first, of those that are as urgent who came first. No step takes longer
/// the more they are.
struct WaitingLine: Sendable {
    /// Those of one precedence.
    private struct Row: Sendable {
        var turns: [UInt64: AsyncStream<Void>.Continuation] = [:]
        /// Their numbers as they came, from `next` on; some have left since.
        var numbers: [UInt64] = []
        var next = 0

        mutating func popFirst() -> AsyncStream<Void>.Continuation? {
            while next < numbers.count {
                next += 1
                guard let turn = turns.removeValue(forKey: numbers[next - 1]) else { continue }
                forgetGone()
                return turn
            }
            return nil
        }

        mutating func remove(_ number: UInt64) {
            turns[number] = nil
            forgetGone()
        }

        /// Seldom enough that each number is looked at a few times in all.
        private mutating func forgetGone() {
            guard numbers.count > 2 * turns.count + 32 else { return }
            numbers = numbers[next...].filter { turns[$0] != nil }
            next = 0
        }
    }

    /// None of them is empty.
    private var rows: [Precedence: Row] = [:]

    init() {}

    var isEmpty: Bool { rows.isEmpty }
    var count: Int { rows.values.reduce(0) { $0 + $1.turns.count } }
    /// Of all who wait.
    var numbers: [UInt64] { rows.values.flatMap { $0.turns.keys } }
    /// That of the most urgent; nil where nobody waits.
    var precedence: Precedence? { rows.keys.min() }

    /// - Parameter number: greater than those of all who came before.
    mutating func append(
        _ turn: AsyncStream<Void>.Continuation, as number: UInt64, _ precedence: Precedence
    ) {
        rows[precedence, default: Row()].turns[number] = turn
        rows[precedence]?.numbers.append(number)
    }

    /// Whoever waits no longer leaves, also where its turn has come.
    mutating func remove(_ number: UInt64, _ precedence: Precedence) {
        rows[precedence]?.remove(number)
        removeIfEmpty(precedence)
    }

    /// Takes out whose turn it is.
    mutating func popFirst() -> AsyncStream<Void>.Continuation? {
        guard let precedence else { return nil }
        defer { removeIfEmpty(precedence) }
        return rows[precedence]?.popFirst()
    }

    private mutating func removeIfEmpty(_ precedence: Precedence) {
        if rows[precedence]?.turns.isEmpty == true { rows[precedence] = nil }
    }
}
