package import SelatCore

/// What this node brings further: a transfer of its own, one that it relays, or letters.
package enum Pursuit: Hashable, Sendable {
    case outbound(TransferID)
    case relayed(TransferID, from: NodeID)
    /// The letters that are owed to a node.
    case letters(to: NodeID)
}

/// Which transfers are pursued now: each by one task, whose pauses news can cut short.
actor Pursuits {
    private struct Running {
        var wake: AsyncStream<Void>.Continuation?
        /// News came while it was busy: its next pause is none.
        var isWoken = false
    }

    private var running: [Pursuit: Running] = [:]

    /// - Returns: whether the caller is the one to pursue it; else whoever does is woken.
    func begin(_ pursuit: Pursuit) -> Bool {
        if running[pursuit] != nil {
            wake(pursuit)
            return false
        }
        running[pursuit] = Running()
        return true
    }

    /// - Returns: whether news came that nobody has looked at: then the pursuit is not over.
    func end(_ pursuit: Pursuit) -> Bool {
        guard running[pursuit]?.isWoken == true else {
            running[pursuit] = nil
            return true
        }
        running[pursuit]?.isWoken = false
        return false
    }

    func wake(_ pursuit: Pursuit) {
        running[pursuit]?.isWoken = true
        running[pursuit]?.wake?.finish()
    }

    /// Sleeps until the time is over, or there is news.
    /// - Parameter end: what else ends it when it returns; ends itself when it is cancelled.
    /// - Returns: whether there is news, so that what is durable must be read again.
    /// - Throws: `CancellationError`.
    nonisolated func pause(
        _ pursuit: Pursuit, _ duration: Duration, until end: (@Sendable () async -> Void)? = nil
    ) async throws -> Bool {
        let news = await sleeping(pursuit)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await Task.sleep(for: duration) }
            group.addTask { for await _ in news {} }
            if let end { group.addTask { await end() } }
            try await group.next()
            group.cancelAll()
        }
        try Task.checkCancellation()
        return await takeNews(pursuit)
    }

    private func sleeping(_ pursuit: Pursuit) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        if running[pursuit]?.isWoken == true { continuation.finish() }
        running[pursuit]?.wake = continuation
        return stream
    }

    private func takeNews(_ pursuit: Pursuit) -> Bool {
        defer {
            running[pursuit]?.wake = nil
            running[pursuit]?.isWoken = false
        }
        return running[pursuit]?.isWoken ?? false
    }
}
