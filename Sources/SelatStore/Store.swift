// The one SQLite database of a node: one writer that commits changes in groups, many readers.

import Dispatch
import Foundation
import GRDB
package import SelatAudit
package import SelatCore

/// The node's database.
package final class Store: Sendable {
    package let path: String
    private let queue = ChangeQueue()
    private let readers: Readers
    private let readings = DispatchQueue(label: "selat-store-readings", attributes: .concurrent)
    let latest: LatestCheckpoint

    /// Opens the database, makes it if there is none, and brings its schema up to date.
    ///
    /// Blocks on the disk. One process at a time: a lock file beside the database says so.
    /// - Parameters:
    ///   - path: the database file, in a folder that only the daemon's user can enter.
    ///   - log: the log's origin and signing key.
    ///   - awaitsProof: whether nothing is signed before `showLog`.
    ///   - fatal: called when it is uncertain what the disk holds; must end the process, which then
    ///     recovers by opening.
    /// - Throws: `StoreError`.
    package static func open(
        path: String, log: LogIdentity, clock: any WallClock, entropy: any Entropy,
        awaitsProof: Bool = false, fatal: @escaping @Sendable (StoreError) -> Never
    ) throws -> Store {
        try open(
            path: path, log: log, clock: clock, entropy: entropy, awaitsProof: awaitsProof,
            fatal: fatal, migrations: Schema.migrations)
    }

    /// - Parameter migrations: the schema; tests give others.
    static func open(
        path: String, log: LogIdentity, clock: any WallClock, entropy: any Entropy,
        awaitsProof: Bool = false, fatal: @escaping @Sendable (StoreError) -> Never,
        migrations: [Migration]
    ) throws -> Store {
        do {
            return try Store(
                path: path, log: log, clock: clock, entropy: entropy, awaitsProof: awaitsProof,
                fatal: fatal, migrations: migrations)
        } catch {
            throw StoreError.mapped("opening database `\(path)`", error, path: path)
        }
    }

    private init(
        path: String, log: LogIdentity, clock: any WallClock, entropy: any Entropy,
        awaitsProof: Bool, fatal: @escaping @Sendable (StoreError) -> Never,
        migrations: [Migration]
    ) throws {
        self.path = path
        let lock = try ProcessLock(for: path)
        let isNew = !Files.exists(path)
        if isNew {
            try Files.create(path)
            try Files.synchronizeFolder(of: path)
        }
        let connection = try Connections.writer(path: path)
        let end = try connection.writeWithoutTransaction { database in
            try Connections.assertWritable(database, path: path)
            try Migrator(path: path, migrations: migrations).run(on: database)
            try Connections.assertDurable(database)
            let end = try LogEnd(database, log: log, path: path)
            try Self.note(log.verifierKey, in: database)
            return end
        }
        readers = try Connections.readers(path: path)
        let held = awaitsProof ? try end.shown(by: log) : nil
        latest = LatestCheckpoint(end.tree, log: log, held: held, fatal: fatal)
        let setting = WriterSetting(
            path: path, clock: clock, entropy: entropy, latest: latest, fatal: fatal)
        Self.startWriter(connection, setting, end, queue, readers, lock)
    }

    deinit { queue.close {} }

    /// Writes the log's key down beside the log.
    static func note(_ key: VerifierKey, in database: Database) throws {
        let text = Array(key.text.utf8)
        guard try Settings.value(Settings.logKey, in: database) != text else { return }
        try Settings.setValue(Settings.logKey, text, in: database)
    }

    /// The writer has a thread of its own: it blocks on the disk, which a thread of the cooperative
    /// pool must not.
    private static func startWriter(
        _ connection: DatabaseQueue, _ setting: WriterSetting, _ end: LogEnd, _ queue: ChangeQueue,
        _ readers: Readers, _ lock: ProcessLock
    ) {
        let thread = Thread {
            do {
                try connection.writeWithoutTransaction { database in
                    let writer = try Writer(
                        database: database, setting: setting, tree: end.tree,
                        isStored: end.isStored)
                    writer.run(queue)
                }
                try readers.close()
                try connection.close()
            } catch {
                setting.fatal(.failed("running the writer", code: 0, reason: "\(error)"))
            }
            lock.release()
            queue.end()
        }
        thread.name = "selat-store"
        thread.start()
    }

    /// Applies one change, durable when this returns.
    ///
    /// The closure runs on the writer's thread in its own savepoint; what it throws is thrown here,
    /// and then nothing of it was applied. Changes are applied in the order of their calls.
    /// - Throws: what `change` throws; `StoreError` when the batch could not be committed.
    package func commit<Value: Sendable>(
        _ change: @escaping @Sendable (Transaction) throws -> Value
    ) async throws -> Committed<Value> {
        try await withCheckedThrowingContinuation { continuation in
            let pending = PendingChange(
                apply: { transaction in
                    let value = try change(transaction)
                    let entries = transaction.appended
                    return { treeSize in
                        continuation.resume(
                            returning: Committed(
                                value: value, entries: entries, treeSize: treeSize))
                    }
                },
                fail: { continuation.resume(throwing: $0) })
            do {
                try queue.add(pending)
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    /// Reads one committed state, beside the writer.
    /// - Throws: what `query` throws, and `StoreError`.
    package func read<Value: Sendable>(
        _ query: @escaping @Sendable (Snapshot) throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            // Not by GRDB's own `await`, which keeps the connection until a thread of the cooperative pool
            // is free; those may be waiting in `lookUp` for just that connection.
            readings.async {
                continuation.resume(with: Result { try self.lookUp(query) })
            }
        }
    }

    /// Reads a few rows by their keys, beside the writer, without leaving the thread: a switch there and
    /// back costs several times what such rows do. What may go through many rows is `read`'s.
    /// - Throws: what `query` throws, and `StoreError`.
    package func lookUp<Value>(_ query: (Snapshot) throws -> Value) throws -> Value {
        do {
            return try readers.read { database in
                try database.inOneState { try query(Snapshot(database: database)) }
            }
        } catch {
            throw StoreError.mapped("reading", error, path: path)
        }
    }

    /// The checkpoint of everything committed, signed by the log's key.
    package var latestCheckpoint: SignedCheckpoint { latest.signed }

    /// The proof that an entry is in the tree of the newest checkpoint.
    /// - Throws: `StoreError.noSuchEntry` when that checkpoint does not cover it.
    /// - Parameter checkpoint: another one of this log to prove it against.
    package func proof(
        of sequence: UInt64, in checkpoint: SignedCheckpoint? = nil
    ) throws -> TLogProof {
        let signed = checkpoint ?? latest.signed
        guard sequence < signed.checkpoint.size else { throw StoreError.noSuchEntry(sequence) }
        let path = try lookUp {
            try $0.inclusionProof(of: sequence, in: signed.checkpoint.size)
        }
        return TLogProof(index: sequence, path: path, checkpoint: signed.note)
    }

    /// The proofs of several entries, all against the same checkpoint.
    /// - Throws: `StoreError.noSuchEntry` when the newest one does not cover them all.
    package func proofs(
        of sequences: [UInt64], in checkpoint: SignedCheckpoint? = nil
    ) async throws -> [TLogProof] {
        let signed = checkpoint ?? latest.signed
        if let uncovered = sequences.first(where: { $0 >= signed.checkpoint.size }) {
            throw StoreError.noSuchEntry(uncovered)
        }
        return try await read { snapshot in
            try sequences.map { sequence in
                TLogProof(
                    index: sequence,
                    path: try snapshot.inclusionProof(of: sequence, in: signed.checkpoint.size),
                    checkpoint: signed.note)
            }
        }
    }

    /// The entries that `filter` names, oldest first.
    package func entries(_ filter: EntryFilter = EntryFilter()) async throws -> [EntryRow] {
        try await read { try $0.entries(filter) }
    }

    /// Takes no more changes, commits those that wait, and closes the database.
    package func close() async {
        await withCheckedContinuation { continuation in
            queue.close { continuation.resume() }
        }
    }
}

/// The log as it was found: its tree, checked against the last checkpoint that was stored.
struct LogEnd: Sendable {
    let tree: LogTree
    /// The last checkpoint in the database.
    let stored: SignedCheckpoint?
    /// Whether it is one of the whole tree.
    var isStored: Bool { stored?.checkpoint.size ?? 0 == tree.size }

    /// - Throws: `StoreError.damaged` when the tree is not the one that was signed.
    init(_ database: Database, log: LogIdentity, path: String) throws {
        tree = try StoredTree.load(from: database)
        guard let note = try StoredTree.lastCheckpoint(in: database) else {
            stored = nil
            return
        }
        do {
            let last = try SignedCheckpoint(note: note, anyEpochOf: log.verifierKey)
            try Self.check(last.checkpoint, tree, database, path)
            stored = last
        } catch let error as AuditError {
            throw StoreError.damaged(path: path, reason: "last checkpoint: \(error)")
        }
    }

    /// What stands for the log while nothing is signed: the last that was, or the empty tree.
    func shown(by log: LogIdentity) throws -> SignedCheckpoint {
        try stored ?? log.sign(size: 0, root: LogTree().root)
    }

    private static func check(
        _ stored: Checkpoint, _ tree: LogTree, _ database: Database, _ path: String
    ) throws {
        guard stored.size <= tree.size else {
            throw StoreError.damaged(
                path: path, reason: "\(stored.size) entries were signed, \(tree.size) are there")
        }
        let root = try TreeProof.root(
            of: stored.size, node: StoredTree.reader(of: database))
        guard root == stored.root else {
            throw StoreError.damaged(
                path: path, reason: "entries before \(stored.size) are not those that were signed")
        }
    }
}
