import Foundation
import GRDB
package import SelatCore

/// An officer's statement as it was handed over.
package struct StatementRow: Hashable, Sendable {
    package let digest: Digest
    /// `attestation` or `declaration`.
    package let kind: String
    package let from: NodeID
    package let taken: Timestamp
    /// The CMS message.
    package let message: [UInt8]

    package init(
        digest: Digest, kind: String, from: NodeID, taken: Timestamp, message: [UInt8]
    ) {
        self.digest = digest
        self.kind = kind
        self.from = from
        self.taken = taken
        self.message = message
    }
}

enum StatementSchema {
    static let sql = """
        CREATE TABLE statements (
          digest BLOB PRIMARY KEY NOT NULL CHECK (length(digest) = 32),
          kind TEXT NOT NULL, source TEXT NOT NULL, taken INTEGER NOT NULL, message BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX statements_by_time ON statements (taken);
        """
}

extension Transaction {
    /// Keeps a statement.
    /// - Returns: false where the very message is kept already.
    package func keep(_ row: StatementRow) throws -> Bool {
        try database.cachedStatement(
            sql: """
                INSERT INTO statements (digest, kind, source, taken, message) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (digest) DO NOTHING
                """
        ).execute(arguments: [
            Data(row.digest.bytes), row.kind, row.from.text, row.taken.seconds, Data(row.message),
        ])
        return database.changesCount > 0
    }
}

extension Snapshot {
    /// The newest statements, newest first.
    package func statements(limit: Int) throws -> [StatementRow] {
        try StatementRow.fetch(database, "ORDER BY taken DESC, digest LIMIT ?", [limit])
    }

    /// The statement of this digest.
    package func statement(_ digest: Digest) throws -> StatementRow? {
        try StatementRow.fetch(database, "WHERE digest = ?", [Data(digest.bytes)]).first
    }
}

extension StatementRow {
    fileprivate static func fetch(
        _ database: Database, _ clause: String, _ arguments: StatementArguments
    ) throws -> [StatementRow] {
        let sql = "SELECT digest, kind, source, taken, message FROM statements \(clause)"
        return try Row.fetchAll(database.cachedStatement(sql: sql), arguments: arguments).map {
            row throws in
            let (digest, message): (Data, Data) = (row[0], row[4])
            return StatementRow(
                digest: try Digest(bytes: [UInt8](digest)), kind: row[1],
                from: try NodeID(row[2]), taken: Timestamp(seconds: row[3]),
                message: [UInt8](message))
        }
    }
}
