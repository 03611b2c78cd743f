import SelatTransport

/// One at a time for each upload: offers that begin it, appends, its end. What is newer fences off
/// the older.
actor Uploads {
    private struct Running {
        let fence: AsyncStream<Void>.Continuation
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private var running: [UploadID: Running] = [:]

    /// Runs `work` alone. Older work on the same upload is cancelled and waited for; this is cancelled
    /// when newer work comes.
    /// - Throws: what `work` throws; a `uploadSuperseded` problem when a newer one came.
    nonisolated func alone<Value: Sendable>(
        _ upload: UploadID, _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let fence = await enter(upload)
        do {
            let value = try await withThrowingTaskGroup(of: Value?.self) { group in
                group.addTask { try await work() }
                group.addTask {
                    for await _ in fence {}
                    return nil
                }
                defer { group.cancelAll() }
                return try await group.next() ?? nil
            }
            await leave(upload)
            guard let value else { throw ServiceProblem.superseded(upload) }
            return value
        } catch {
            await leave(upload)
            throw error
        }
    }

    private func enter(_ upload: UploadID) async -> AsyncStream<Void> {
        while running[upload] != nil {
            running[upload]?.fence.finish()
            await withCheckedContinuation { running[upload]?.waiting.append($0) }
        }
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        running[upload] = Running(fence: continuation)
        return stream
    }

    private func leave(_ upload: UploadID) {
        guard let left = running.removeValue(forKey: upload) else { return }
        for waiting in left.waiting { waiting.resume() }
    }
}
