// The documents of transfers that this node sends, each written once. They are many times as long as the
// row, which is written again at each step of its transfer.

import GRDB
package import SelatCore

/// A document of a transfer that this node sends.
package enum OutboundDocument: String, CaseIterable, Sendable {
    /// Canonical JSON of what was asked: description, facts, label, verdict.
    case request
    /// Canonical JSON of what sealing gave.
    case sealed
    /// The recipient's receipt; one with a newer proof takes its place.
    case receipt
}

enum OutboundDocumentSchema {
    /// A table with row numbers: its pages take documents that an index's would put on pages of their own.
    static let sql = """
        CREATE TABLE outbound_documents (
            id TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('request', 'sealed', 'receipt')),
            document BLOB NOT NULL,
            PRIMARY KEY (id, kind)
        ) STRICT;
        INSERT INTO outbound_documents SELECT id, 'request', request FROM outbound ORDER BY id;
        INSERT INTO outbound_documents SELECT id, 'sealed', sealed FROM outbound
        WHERE sealed NOTNULL ORDER BY id;
        INSERT INTO outbound_documents SELECT id, 'receipt', receipt FROM outbound
        WHERE receipt NOTNULL ORDER BY id;
        ALTER TABLE outbound DROP COLUMN receipt;
        ALTER TABLE outbound DROP COLUMN request;
        ALTER TABLE outbound DROP COLUMN sealed;
        """
}

extension Transaction {
    /// Keeps a document of a transfer for good, in place of an older one.
    package func keep(
        _ document: [UInt8], as kind: OutboundDocument, of id: TransferID
    ) throws {
        let statement = try BorrowedStatement(
            """
            INSERT INTO outbound_documents (id, kind, document) VALUES (?, ?, ?)
            ON CONFLICT (id, kind) DO UPDATE SET document = excluded.document
            """, in: database)
        statement.bind(1, id.text)
        statement.bind(2, kind.rawValue)
        try document.withUnsafeBytes { document in
            statement.bindBorrowed(3, document)
            try statement.run()
        }
    }
}

extension Snapshot {
    /// A document of a transfer; nil where there is none, or not yet.
    package func document(_ kind: OutboundDocument, of id: TransferID) throws -> [UInt8]? {
        let statement = try BorrowedStatement(
            "SELECT document FROM outbound_documents WHERE id = ? AND kind = ?", in: database)
        statement.bind(1, id.text)
        statement.bind(2, kind.rawValue)
        return try statement.rows { $0.bytes(0) }.first
    }

    /// How many bytes a document of a transfer has; nil where there is none, or not yet.
    package func documentSize(_ kind: OutboundDocument, of id: TransferID) throws -> Int? {
        let statement = try BorrowedStatement(
            "SELECT length(document) FROM outbound_documents WHERE id = ? AND kind = ?",
            in: database)
        statement.bind(1, id.text)
        statement.bind(2, kind.rawValue)
        return try statement.rows { Int(clamping: $0.integer(0)) }.first
    }
}
