// What a node does about its own log at a start: compares it with what witnesses have cosigned, shows
// it, or goes on as another epoch (Audit.docc/Witnesses.md, *Start*, *Epochs*).

import CSQLite
import GRDB
package import SelatAudit
package import SelatCore

extension Store {
    /// The epoch of the log in a database file; 1 where there is none yet.
    /// - Throws: `StoreError`.
    package static func epoch(path: String) throws -> UInt64 {
        guard Files.exists(path) else { return 1 }
        do {
            let connection = try ReadOnlyConnection(path: path)
            // A file that the first start left before it had tables.
            guard try connection.integer("SELECT count(*) FROM sqlite_schema") > 0 else { return 1 }
            let statement = try connection.prepare("SELECT value FROM settings WHERE key = ?")
            statement.bind(1, Settings.logEpoch)
            guard try statement.step() else { return 1 }
            guard let epoch = UInt64(String(decoding: statement.bytes(0), as: UTF8.self)),
                epoch > 0
            else { throw StoreError.damaged(path: path, reason: "its epoch is no number") }
            return epoch
        } catch let failure as SQLiteFailure {
            throw StoreError("reading database `\(path)`", failure, path: path)
        }
    }

    /// From now on what is committed is signed.
    package func showLog() async throws {
        latest.release(as: nil)
        // So that the writer stores a checkpoint of what it has committed meanwhile.
        _ = try await commit { _ in }
    }

    /// From now on nothing more is signed.
    package func holdLog() { latest.hold() }

    /// Goes on as the next epoch, whose first entry is `entry`; only while nothing is signed.
    /// - Parameter log: the same key under the new origin.
    /// - Throws: `StoreError`.
    package func beginEpoch(as log: LogIdentity, _ entry: EntryDraft) async throws {
        precondition(latest.isHeld, "a log that is being signed keeps its origin")
        let epoch = log.verifierKey.epoch ?? 1
        _ = try await commit { transaction in
            try transaction.setValue(Settings.logEpoch, Array("\(epoch)".utf8))
            try transaction.setValue(Settings.logKey, Array(log.verifierKey.text.utf8))
            try transaction.setValue(Settings.restored, nil)
            try transaction.setValue(Settings.contradiction, nil)
            try transaction.append(entry)
        }
        latest.release(as: log)
        _ = try await commit { _ in }
    }

    /// How many entries a backup had from which this database was restored, until it is known whether
    /// any were lost; nil where it was not restored.
    package func restoredSize() async throws -> UInt64? {
        try await read { try $0.value(Settings.restored) }
            .flatMap { UInt64(String(decoding: $0, as: UTF8.self)) }
    }

    /// A witness has confirmed that nothing was lost.
    package func forgetRestored() async throws {
        guard try await restoredSize() != nil else { return }
        _ = try await commit { try $0.setValue(Settings.restored, nil) }
    }

    /// What was kept of how this log is contradicted, as `Transaction.keep(contradiction:)` got it; nil where it is
    /// not.
    package func contradiction() async throws -> [UInt8]? {
        try await read { try $0.value(Settings.contradiction) }
    }

    /// How a checkpoint of this log that somebody else holds stands to what is here.
    package func compare(_ checkpoint: Checkpoint) async throws -> LogComparison {
        try await read { snapshot in
            let size = try snapshot.size()
            guard checkpoint.size <= size else { return .ahead(of: size) }
            let root = try snapshot.root(of: checkpoint.size)
            return root == checkpoint.root ? .prefix : .another
        }
    }
}

extension Transaction {
    /// Keeps how this log is contradicted, beyond the next start, until an epoch begins.
    package func keep(contradiction: [UInt8]) throws {
        try setValue(Settings.contradiction, contradiction)
    }
}

/// What a checkpoint is to a log.
package enum LogComparison: Hashable, Sendable {
    /// The log begins with it.
    case prefix
    /// It is of more entries than the log has.
    case ahead(of: UInt64)
    /// It is of other entries.
    case another
}

extension Snapshot {
    /// Entries in this state.
    package func size() throws -> UInt64 {
        let last = try Int64.fetchOne(database, sql: "SELECT max(sequence) FROM entries")
        return last.map { UInt64($0) + 1 } ?? 0
    }

    /// The root over the first `size` entries.
    /// - Throws: `StoreError.damaged` when a node is missing.
    package func root(of size: UInt64) throws -> Digest {
        try TreeProof.root(of: size, node: StoredTree.reader(of: database))
    }

    /// The hashes of a tile, one after the other; nil when the tree of `size` entries does not fill
    /// it.
    /// - Throws: `StoreError.damaged` when a node is missing.
    package func tile(_ tile: TilePath, in size: UInt64) throws -> [UInt8]? {
        let node = try StoredTree.reader(of: database)
        return try tile.places(in: size)?.flatMap { try node($0).bytes }
    }
}

extension Settings {
    /// The number of the log's epoch, where it is above 1.
    static let logEpoch = "log-epoch"
    /// Entries of the log in the backup from which the database was restored.
    static let restored = "log-restored"
    /// How the log is contradicted, until an epoch begins.
    static let contradiction = "log-contradiction"
}
