// One change, as its closure sees it: rows and audit entries that become durable together.

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
    package internal(set) var appended: Range<UInt64>

    init(database: Database, time: Timestamp, next: UInt64) {
        self.database = database
        self.time = time
        appended = next..<next
    }

    /// Appends an audit entry in this change's transaction.
    /// - Returns: its sequence, which is its index in the tree. Final only once the change is
    ///   committed.
    /// - Throws: `AuditError.detailsTooLarge`, and `StoreError` when SQLite fails.
    @discardableResult
    package func append(_ draft: EntryDraft) throws -> UInt64 { throw StoreError.closed }

    /// Keeps `bytes` under `key`, replacing what was there; nil removes it.
    package func setValue(_ key: String, _ bytes: [UInt8]?) throws { throw StoreError.closed }

    /// What is kept under `key`.
    package func value(_ key: String) throws -> [UInt8]? { throw StoreError.closed }
}

/// What a committed change has given.
package struct Committed<Value: Sendable>: Sendable {
    package let value: Value
    /// The sequences of this change's entries; empty when it appended none.
    package let entries: Range<UInt64>
    /// The tree's size after the batch; a signed checkpoint of this size exists.
    package let treeSize: UInt64
}
