import SelatTransport

/// One append at a time for each upload; a newer one fences off the older.
actor Uploads {
    private struct Running {
        let fence: AsyncStream<Void>.Continuation
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private var running: [UploadID: Running] = [:]

    /// Runs `work` alone. An older append to the same upload is cancelled and waited for; this one is
    /// cancelled when a newer one comes.
    /// - Throws: what `work` throws; a `uploadSuperseded` problem when a newer one came.
    nonisolated func append(
        _ upload: UploadID, _ work: @escaping @Sendable () async throws -> UploadState
    ) async throws -> UploadState {
        let fence = await enter(upload)
        do {
            let state = try await withThrowingTaskGroup(of: UploadState?.self) { group in
                group.addTask { try await work() }
                group.addTask {
                    for await _ in fence {}
                    return nil
                }
                defer { group.cancelAll() }
                return try await group.next() ?? nil
            }
            await leave(upload)
            guard let state else { throw ServiceProblem.superseded(upload) }
            return state
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
