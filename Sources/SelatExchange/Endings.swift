import SelatCore

/// Who waits for a transfer to end.
actor Endings {
    private var waiting: [TransferID: [Int: AsyncStream<Void>.Continuation]] = [:]
    private var next = 0
    private var isStopping = false

    /// Returns when the transfer has ended, when `seconds` are over, when the task is cancelled, or when the
    /// daemon stops.
    /// - Parameter hasEnded: asked once after the wait is set up, so that no ending is missed.
    func wait(
        for id: TransferID, seconds: Int, unless hasEnded: @Sendable () async throws -> Bool
    ) async throws {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        let key = next
        next += 1
        waiting[id, default: [:]][key] = continuation
        defer { forget(id, key) }
        if try await hasEnded() || isStopping { return }
        await withTaskGroup { group in
            group.addTask { for await _ in stream {} }
            group.addTask { try? await Task.sleep(for: .seconds(seconds)) }
            await group.next()
            group.cancelAll()
        }
    }

    func tell(_ id: TransferID) {
        for continuation in (waiting.removeValue(forKey: id) ?? [:]).values {
            continuation.finish()
        }
    }

    /// From now on nobody waits: whoever does hears how it stands.
    func stop() {
        isStopping = true
        for id in Array(waiting.keys) { tell(id) }
    }

    private func forget(_ id: TransferID, _ key: Int) {
        waiting[id]?[key] = nil
        if waiting[id]?.isEmpty == true { waiting[id] = nil }
    }
}
