import SelatCore
import Synchronization

/// What was read last of transfers: of what never changes once it is stored, and is wanted at each step.
final class RecentlyRead<Value: Sendable>: Sendable {
    private struct State {
        var values: [TransferID: Value] = [:]
        /// In the order in which they were read first.
        var order: [TransferID] = []
    }

    private let state = Mutex(State())

    /// So many, and at most twice as many, are kept.
    private let countMax = 64
    /// What is stored in more bytes is read each time: with what it is read to, some MiB at most lie here.
    private let bytesMax = 16 << 10

    subscript(id: TransferID) -> Value? { state.withLock { $0.values[id] } }

    /// - Parameter count: the bytes in which it is stored.
    func keep(_ value: Value, of id: TransferID, storedBytes count: Int) {
        guard count <= bytesMax else { return forget(id) }
        state.withLock { state in
            guard state.values.updateValue(value, forKey: id) == nil else { return }
            state.order.append(id)
            guard state.order.count >= 2 * countMax else { return }
            for id in state.order.prefix(countMax) { state.values[id] = nil }
            state.order.removeFirst(countMax)
        }
    }

    /// What was kept is not stored.
    func forget(_ id: TransferID) { state.withLock { $0.values[id] = nil } }
}
