/// Work that must not overlap: each begins when the one before it has ended.
actor Turn {
    private var last: Task<Void, Never>?

    /// Runs `work` after everything that asked before.
    func take<Value: Sendable>(
        _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let before = last
        let task = Task {
            await before?.value
            return try await work()
        }
        last = Task { _ = await task.result }
        return try await task.value
    }
}
