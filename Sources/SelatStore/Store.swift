// The one SQLite database of a node: one writer that commits changes in groups, many readers.

import GRDB
package import SelatAudit
package import SelatCore

/// The node's database.
package final class Store: Sendable {
    package let path: String

    private init(path: String) { self.path = path }

    /// Opens the database, makes it if there is none, and brings its schema up to date.
    ///
    /// Blocks on the disk. One process at a time: a lock file beside the database says so.
    /// - Parameters:
    ///   - path: the database file, in a folder that only the daemon's user can enter.
    ///   - log: the log's origin and signing key.
    ///   - fatal: called when it is uncertain what the disk holds; must end the process, which then
    ///     recovers by opening.
    /// - Throws: `StoreError`.
    package static func open(
        path: String, log: LogIdentity, clock: any WallClock, entropy: any Entropy,
        fatal: @escaping @Sendable (StoreError) -> Never
    ) throws -> Store { throw StoreError.closed }

    /// Applies one change, durable when this returns.
    ///
    /// The closure runs on the writer's thread in its own savepoint; what it throws is thrown here,
    /// and then nothing of it was applied. Changes are applied in the order of their calls.
    /// - Throws: what `change` throws; `StoreError` when the batch could not be committed.
    package func commit<Value: Sendable>(
        _ change: @escaping @Sendable (Transaction) throws -> Value
    ) async throws -> Committed<Value> { throw StoreError.closed }

    /// Reads one committed state, beside the writer.
    package func read<Value: Sendable>(
        _ query: @escaping @Sendable (Snapshot) throws -> Value
    ) async throws -> Value { throw StoreError.closed }

    /// The newest checkpoint that the log's key has signed.
    package func latestCheckpoint() throws -> SignedCheckpoint { throw StoreError.closed }

    /// The proof that an entry is in the tree of the newest checkpoint.
    /// - Throws: `StoreError.noSuchEntry` when that checkpoint does not cover it.
    package func proof(of sequence: UInt64) async throws -> TLogProof { throw StoreError.closed }

    /// Takes no more changes, commits those that wait, and closes the database.
    package func close() async {}
}
