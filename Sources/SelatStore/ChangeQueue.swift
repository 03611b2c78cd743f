// Where changes wait for the writer.

import SelatCore

/// One change, without the type of its value.
struct PendingChange: Sendable {
    /// Applies the change; what it returns resumes the caller, once the batch is durable.
    let apply: @Sendable (Transaction) throws -> @Sendable (_ treeSize: UInt64) -> Void
    let fail: @Sendable (any Error) -> Void
}

/// Changes in the order of their calls, taken by the one writer.
// SAFETY: every access to the variables holds the condition's lock.
final class ChangeQueue: @unchecked Sendable {
    enum Batch {
        case changes([PendingChange])
        /// Nothing came within the time given.
        case idle
        /// Nothing is left, and nothing will come.
        case closed
    }

    private let condition = SteadyCondition()
    private var waiting: [PendingChange] = []
    private var isClosed = false
    private var hasEnded = false
    private var atEnd: [@Sendable () -> Void] = []

    /// - Throws: `StoreError.closed`, `StoreError.overloaded`.
    func add(_ change: PendingChange) throws(StoreError) {
        condition.lock()
        defer { condition.unlock() }
        guard !isClosed else { throw .closed }
        guard waiting.count < Limits.changesWaitingMax else {
            throw .overloaded(waiting: waiting.count)
        }
        waiting.append(change)
        if waiting.count == 1 { condition.signal() }
    }

    /// Takes what waits, at most `Limits.changesPerCommitMax`; blocks until there is something.
    /// - Parameter patience: seconds until `idle`; nil waits for ever.
    func take(patience: Double?) -> Batch {
        condition.lock()
        defer { condition.unlock() }
        let deadline = patience.map { ContinuousClock.now + .seconds($0) }
        while waiting.isEmpty {
            if isClosed { return .closed }
            guard let deadline else {
                condition.wait()
                continue
            }
            if !condition.wait(until: deadline) && waiting.isEmpty && !isClosed { return .idle }
        }
        let batch = waiting.prefix(Limits.changesPerCommitMax)
        waiting.removeFirst(batch.count)
        return .changes(Array(batch))
    }

    /// Lets nothing more in; the writer ends after what waits.
    /// - Parameter ended: called once the writer has ended.
    func close(_ ended: @escaping @Sendable () -> Void) {
        condition.lock()
        isClosed = true
        let already = hasEnded
        if !already { atEnd.append(ended) }
        condition.broadcast()
        condition.unlock()
        if already { ended() }
    }

    /// The writer's last word.
    func end() {
        condition.lock()
        hasEnded = true
        let calls = atEnd
        atEnd = []
        condition.unlock()
        for call in calls { call() }
    }
}
