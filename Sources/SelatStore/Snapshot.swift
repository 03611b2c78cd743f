// Reading: one consistent state, beside the writer.

import GRDB
package import SelatAudit
package import SelatCore

/// One committed state of the database, valid only while the closure that got it runs.
package struct Snapshot {
    /// For the store's own files only: all SQL lives in this module.
    let database: Database

    /// What is kept under `key`.
    package func value(_ key: String) throws -> [UInt8]? { throw StoreError.closed }

    /// The entries that `filter` names, oldest first.
    package func entries(_ filter: EntryFilter) throws -> [EntryRow] { throw StoreError.closed }
}

/// Which entries, oldest first.
package struct EntryFilter: Sendable {
    package var transfer: TransferID?
    package var kind: EntryKind?
    /// Only entries behind this sequence.
    package var after: UInt64?
    /// Only the newest `limit` of what matches, when `newest`; else the oldest.
    package var newest = false
    package var limit = 1_000

    package init(
        transfer: TransferID? = nil, kind: EntryKind? = nil, after: UInt64? = nil,
        newest: Bool = false, limit: Int = 1_000
    ) {
        self.transfer = transfer
        self.kind = kind
        self.after = after
        self.newest = newest
        self.limit = limit
    }
}

/// One entry as it lies in the database.
package struct EntryRow: Sendable, Hashable {
    package let entry: Entry
    /// Nil once erased.
    package let salt: [UInt8]?
    /// Canonical JSON; nil once erased.
    package let details: [UInt8]?
}
