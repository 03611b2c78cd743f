// The connections that only read. They are handed out here and not by GRDB's pool, which asks the database for its
// schema's version before each read: that costs a sixth of reading a few rows by their keys, and SQLite sees by
// itself where a schema has changed.

import Dispatch
import GRDB
import Glibc
import Synchronization

/// At most `countMax` connections, opened when they are first needed, each for one reading at a time.
final class Readers: Sendable {
    private struct State {
        var idle: [DatabaseQueue] = []
        var isClosed = false
    }

    private static let countMax = 4

    private let path: String
    private let configuration: Configuration
    private let state = Mutex(State())
    private let permits = DispatchSemaphore(value: countMax)
    #if DEBUG
        private let reading = Mutex<Set<pthread_t>>([])
    #endif

    /// Opens the first one, so that what keeps all of them from being opened is known at the start.
    init(path: String, configuration: Configuration) throws {
        self.path = path
        self.configuration = configuration
        let first = try DatabaseQueue(path: path, configuration: configuration)
        state.withLock { $0.idle.append(first) }
    }

    /// Gives a connection to `body`; waits for one while all are in use. So `body` must not read by itself: it might
    /// wait for what it has.
    /// - Throws: what `body` throws, `StoreError.closed`, and what opening a connection throws.
    func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        #if DEBUG
            let isNew = reading.withLock { $0.insert(pthread_self()).inserted }
            precondition(isNew, "a reading within a reading")
            defer { _ = reading.withLock { $0.remove(pthread_self()) } }
        #endif
        permits.wait()
        defer { permits.signal() }
        let connection = try state.withLock { state in
            guard !state.isClosed else { throw StoreError.closed }
            return state.idle.popLast()
        }
        let reader = try connection ?? DatabaseQueue(path: path, configuration: configuration)
        defer { state.withLock { $0.idle.append(reader) } }
        return try reader.unsafeRead(body)
    }

    /// Closes all connections, once what is being read has been.
    func close() throws {
        for _ in 0..<Self.countMax { permits.wait() }
        defer { for _ in 0..<Self.countMax { permits.signal() } }
        let connections = state.withLock { state in
            defer { state.idle = [] }
            state.isClosed = true
            return state.idle
        }
        for connection in connections { try connection.close() }
    }
}
