// One change, as its closure sees it: rows and audit entries that become durable together.

import Foundation
import GRDB
package import SelatAudit
package import SelatCore

/// The inside of one change, valid only while its closure runs, on the writer's thread.
///
/// Whatever the closure reads is the newest committed state and what earlier changes of the same
/// batch did: a change checks here the state it was decided on.
package final class Transaction {
    /// For the store's own files only: all SQL lives in this module.
    let database: Database
    /// One moment for everything that this change writes.
    package let time: Timestamp
    /// The sequences that this change has appended so far.
    package private(set) var appended: Range<UInt64>
    /// Whether what this change removes must leave the files too, and not wait in the write-ahead log.
    var erases = false
    private let log: LogAppender
    private let path: String

    init(database: Database, log: LogAppender, time: Timestamp, path: String) {
        self.database = database
        self.log = log
        self.time = time
        self.path = path
        appended = log.tree.size..<log.tree.size
    }

    /// What there is, with what this change has written so far.
    package var snapshot: Snapshot { Snapshot(database: database) }

    /// Appends an audit entry in this change's transaction.
    /// - Returns: its sequence, which is its index in the tree. Final only once the change is
    ///   committed.
    /// - Throws: `AuditError.detailsTooLarge`, and SQLite's failures, which the change must let
    ///   through.
    @discardableResult
    package func append(_ draft: EntryDraft) throws -> UInt64 {
        try append(draft) { _ in }
    }

    /// Entries that the log has, those of this change among them.
    var logSize: UInt64 { log.tree.size }

    /// - Parameter beforeDetails: runs when the entry's row is there and its details' is not.
    func append(_ draft: EntryDraft, beforeDetails: (UInt64) throws -> Void) throws -> UInt64 {
        let sequence = try log.append(draft, at: time, beforeDetails: beforeDetails)
        appended = appended.lowerBound..<sequence + 1
        return sequence
    }

    /// What this change removes leaves the files too: copies that migrations made are removed before it
    /// is durable, and the write-ahead log is emptied after it.
    package func leaveNoTrace() { erases = true }

    /// Keeps `bytes` under `key`, replacing what was there; nil removes it.
    package func setValue(_ key: String, _ bytes: [UInt8]?) throws {
        try Settings.setValue(key, bytes, in: database)
    }

    /// What is kept under `key`.
    package func value(_ key: String) throws -> [UInt8]? {
        try Settings.value(key, in: database)
    }
}

enum Settings {
    /// Where the log's own verifier key stands, for whoever reads a copy of the database.
    static let logKey = "log.key"

    static func value(_ key: String, in database: Database) throws -> [UInt8]? {
        try [UInt8].fetch(database, "SELECT value FROM settings WHERE key = ?", [key])
    }

    static func setValue(_ key: String, _ bytes: [UInt8]?, in database: Database) throws {
        guard let bytes else {
            let delete = try database.cachedStatement(sql: "DELETE FROM settings WHERE key = ?")
            return try delete.execute(arguments: [key])
        }
        try database.cachedStatement(
            sql: """
                INSERT INTO settings (key, value) VALUES (?, ?)
                ON CONFLICT (key) DO UPDATE SET value = excluded.value
                """
        ).execute(arguments: [key, Data(bytes)])
    }
}

/// What a committed change has given.
package struct Committed<Value: Sendable>: Sendable {
    package let value: Value
    /// The sequences of this change's entries; empty when it appended none.
    package let entries: Range<UInt64>
    /// The tree's size after the batch; a signed checkpoint covers it.
    package let treeSize: UInt64
}
