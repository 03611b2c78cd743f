import SelatCore
import Synchronization

/// Room for the large bodies of offers, from their first byte until they have been judged, so that memory does not grow
/// with the number of connections (Transport.docc, *Limits*): who comes first goes first, among those of its node.
final class OfferRoom: Sendable {
    fileprivate struct Waiting {
        let number: UInt64
        let node: NodeID
        let bytes: Int
        let turn: CheckedContinuation<Void, any Error>
    }

    fileprivate struct State {
        var taken = 0
        var byNode: [NodeID: Int] = [:]
        var waiting: [Waiting] = []
        var numbers: UInt64 = 0
    }

    /// A body of no more takes no room: the connection alone costs about as much.
    static let smallBytesMax = 64 << 10
    /// Of one node's: the largest head, and it alone.
    static let nodeBytesMax = Limits.envelopeHeadBytesMax
    /// Of all.
    static let bytesMax = 4 * nodeBytesMax

    private let state = Mutex(State())

    /// Gives what `use` gives, which may hold `bytes`.
    /// - Parameter bytes: at most `nodeBytesMax`.
    /// - Throws: what `use` throws, and `CancellationError`.
    func with<Value>(
        _ bytes: Int, of node: NodeID, _ use: () async throws -> Value
    ) async throws -> Value {
        guard bytes > Self.smallBytesMax else { return try await use() }
        try await enter(bytes, of: node)
        defer { leave(bytes, of: node) }
        return try await use()
    }

    private func enter(_ bytes: Int, of node: NodeID) async throws {
        let number = state.withLock { state in
            state.numbers += 1
            return state.numbers
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { turn in
                state.withLock { state in
                    state.waiting.append(
                        Waiting(number: number, node: node, bytes: bytes, turn: turn))
                }
                admit()
                // Cancelled before it stood among those who wait.
                if Task.isCancelled { withdraw(number) }
            }
        } onCancel: {
            withdraw(number)
        }
    }

    private func leave(_ bytes: Int, of node: NodeID) {
        state.withLock { state in
            state.taken -= bytes
            let left = state.byNode[node, default: 0] - bytes
            state.byNode[node] = left > 0 ? left : nil
        }
        admit()
    }

    private func withdraw(_ number: UInt64) {
        let left = state.withLock { state in
            state.waiting.firstIndex { $0.number == number }.map { state.waiting.remove(at: $0) }
        }
        left?.turn.resume(throwing: CancellationError())
        // It may have stood before smaller ones.
        if left != nil { admit() }
    }

    private func admit() {
        let entered = state.withLock { $0.admit() }
        for turn in entered { turn.resume() }
    }
}

extension OfferRoom.State {
    /// Lets in those for whom there is room, and hands out their turns.
    fileprivate mutating func admit() -> [CheckedContinuation<Void, any Error>] {
        var entered: [CheckedContinuation<Void, any Error>] = []
        var left: [OfferRoom.Waiting] = []
        var isFull = false
        // Who has no room of its node's keeps those of its node from overtaking; where there is none at all, everybody.
        var fullNodes: Set<NodeID> = []
        for next in waiting {
            let own = byNode[next.node, default: 0] + next.bytes
            if own > OfferRoom.nodeBytesMax { fullNodes.insert(next.node) }
            if taken + next.bytes > OfferRoom.bytesMax { isFull = true }
            guard !isFull, !fullNodes.contains(next.node) else {
                left.append(next)
                continue
            }
            taken += next.bytes
            byNode[next.node] = own
            entered.append(next.turn)
        }
        waiting = left
        return entered
    }
}
