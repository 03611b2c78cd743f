import SelatCore

/// One node of each member at a time, so that memory does not grow with the number of a member's nodes.
/// No member waits for another.
actor MemberTurns {
    private struct Waiting {
        let number: UInt64
        let turn: CheckedContinuation<Void, any Error>
    }

    /// By each member of which a node has its turn: those that wait, who came first at the front.
    private var queues: [Country: [Waiting]] = [:]
    private var numbers: UInt64 = 0

    /// Runs `work` once no other node of the country has its turn.
    /// - Throws: what `work` throws; `CancellationError` where the wait is cancelled.
    nonisolated func take<Value: Sendable>(
        of country: Country, _ work: @Sendable () async throws -> Value
    ) async throws -> Value {
        try await enter(country)
        do {
            let value = try await work()
            await leave(country)
            return value
        } catch {
            await leave(country)
            throw error
        }
    }

    /// Waits for a turn; each is given back with `leave`.
    /// - Throws: `CancellationError` where the wait is cancelled.
    func enter(_ country: Country) async throws {
        guard queues[country] != nil else {
            queues[country] = []
            return
        }
        numbers += 1
        let number = numbers
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { turn in
                queues[country, default: []].append(Waiting(number: number, turn: turn))
            }
        } onCancel: {
            Task { await self.withdraw(number, of: country) }
        }
    }

    func leave(_ country: Country) {
        guard var queue = queues[country], !queue.isEmpty else {
            queues[country] = nil
            return
        }
        let next = queue.removeFirst()
        queues[country] = queue
        next.turn.resume()
    }

    /// How many wait.
    var waiting: Int { queues.values.reduce(0) { $0 + $1.count } }

    private func withdraw(_ number: UInt64, of country: Country) {
        guard var queue = queues[country],
            let index = queue.firstIndex(where: { $0.number == number })
        else { return }
        let gone = queue.remove(at: index)
        queues[country] = queue
        gone.turn.resume(throwing: CancellationError())
    }
}
