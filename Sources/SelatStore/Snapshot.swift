// Reading: one consistent state, beside the writer.

import GRDB
package import SelatAudit
package import SelatCore

/// One committed state of the database, valid only while the closure that got it runs.
package struct Snapshot {
    /// For the store's own files only: all SQL lives in this module.
    let database: Database

    /// What is kept under `key`.
    package func value(_ key: String) throws -> [UInt8]? {
        try Settings.value(key, in: database)
    }

    /// The entries that `filter` names, oldest first.
    /// - Throws: `StoreError.damaged` for a row that is no entry.
    package func entries(_ filter: EntryFilter) throws -> [EntryRow] {
        let (sql, arguments) = filter.query
        let statement = try database.cachedStatement(sql: sql)
        try statement.setArguments(arguments)
        let entries = try BorrowedStatement(statement).rows { try EntryRow($0) }
        return filter.newest ? entries.reversed() : entries
    }

    /// One entry, nil when there is none of this sequence.
    package func entry(_ sequence: UInt64) throws -> EntryRow? {
        guard let key = Int64(exactly: sequence) else { return nil }
        let statement = try BorrowedStatement(
            EntryFilter.selection + " WHERE sequence = ?", in: database)
        statement.bind(1, key)
        return try statement.rows { try EntryRow($0) }.first
    }

    /// The hashes that lead from an entry to the root of a tree of `size` entries.
    /// - Throws: `AuditError.outsideTree`; `StoreError.damaged` when a node is missing.
    package func inclusionProof(of sequence: UInt64, in size: UInt64) throws -> [Digest] {
        try TreeProof.inclusion(of: sequence, in: size, node: StoredTree.reader(of: database))
    }

    /// The hashes that prove the tree of `old` entries a prefix of that of `size`.
    /// - Throws: `AuditError.outsideTree`; `StoreError.damaged` when a node is missing.
    package func consistencyProof(from old: UInt64, to size: UInt64) throws -> [Digest] {
        try TreeProof.consistency(from: old, to: size, node: StoredTree.reader(of: database))
    }
}

/// One entry as it lies in the database.
package struct EntryRow: Sendable, Hashable {
    package let entry: Entry
    /// 32 bytes; nil once erased.
    package let salt: [UInt8]?
    /// Canonical JSON; nil once erased.
    package let details: [UInt8]?

    /// - Throws: `StoreError.damaged`: what was written was valid, so a row that is not any more
    ///   was tampered with.
    fileprivate init(_ row: some RawStatement) throws {
        let sequence = row.integer(0)
        do {
            entry = Entry(
                sequence: UInt64(sequence), time: Timestamp(seconds: row.integer(1)),
                kind: try EntryKind(row.text(2)),
                transfer: try row.optionalText(3).map { try TransferID($0) },
                actor: try EntryActor(row.text(4)),
                commitment: try Digest(bytes: row.bytes(5)))
            salt = row.optionalBytes(6)
            details = row.optionalBytes(7)
        } catch {
            throw StoreError.damagedEntry(sequence, reason: "\(error)")
        }
    }
}
