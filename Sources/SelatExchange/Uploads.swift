import SelatTransport

/// One at a time for each upload: offers that begin it, appends, its end. What is newer fences off
/// the older.
actor Uploads {
    /// What wants to be alone.
    enum Work {
        /// Bytes that come over a link. Their sender tries again by itself, so they do not fence off what
        /// somebody brings by hand.
        case link
        /// Bytes that somebody brings by hand.
        case hand
        case other
    }

    private struct Running {
        let work: Work
        let fence: AsyncStream<Void>.Continuation
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private var running: [UploadID: Running] = [:]

    /// Runs `body` alone. Older work on the same upload is cancelled and waited for; this is cancelled
    /// when newer work comes.
    /// - Returns: what `body` returns, also where newer work came when it could not be stopped any more:
    ///   what was committed is true.
    /// - Throws: what `body` throws; a `uploadSuperseded` problem when a newer one came, or where bytes that
    ///   come over a link would fence off what is brought by hand.
    nonisolated func alone<Value: Sendable>(
        _ upload: UploadID, _ work: Work = .other,
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let fence = try await enter(upload, work)
        do {
            let value = try await Self.fenced(fence, body)
            await leave(upload)
            guard let value else { throw ServiceProblem.superseded(upload) }
            return value
        } catch {
            await leave(upload)
            throw error
        }
    }

    /// - Returns: nil where the fence came and `body` ended without a value.
    private static func fenced<Value: Sendable>(
        _ fence: AsyncStream<Void>, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value? {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                for await _ in fence {}
                return nil
            }
            defer { group.cancelAll() }
            if let value = try await group.next() ?? nil { return value }
            group.cancelAll()
            return try? await group.next() ?? nil
        }
    }

    private func enter(_ upload: UploadID, _ work: Work) async throws -> AsyncStream<Void> {
        while let older = running[upload] {
            if work == .link, older.work == .hand { throw ServiceProblem.superseded(upload) }
            older.fence.finish()
            await withCheckedContinuation { running[upload]?.waiting.append($0) }
        }
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        running[upload] = Running(work: work, fence: continuation)
        return stream
    }

    private func leave(_ upload: UploadID) {
        guard let left = running.removeValue(forKey: upload) else { return }
        for waiting in left.waiting { waiting.resume() }
    }
}
