import Foundation
import GRDB
package import SelatCore

/// What others have stated about a transfer on its way: not its outcome, which the transfer's own row
/// holds.
package struct ReceiptRow: Hashable, Sendable {
    package let from: NodeID
    package let id: TransferID
    /// A word of the exchange.
    package let kind: String
    package let signer: NodeID
    package let attempt: UInt64
    package let taken: Timestamp
    /// The receipt as it came.
    package let document: [UInt8]

    package init(
        from: NodeID, id: TransferID, kind: String, signer: NodeID, attempt: UInt64,
        taken: Timestamp, document: [UInt8]
    ) {
        self.from = from
        self.id = id
        self.kind = kind
        self.signer = signer
        self.attempt = attempt
        self.taken = taken
        self.document = document
    }
}

extension Transaction {
    /// Keeps a receipt; the first one of a kind, signer and attempt stays.
    /// - Parameter isUnwitnessed: whether a newer proof is to be asked for, since its signer's log alone has
    ///   signed it.
    package func keep(_ row: ReceiptRow, isUnwitnessed: Bool = false) throws {
        let since: Int64? = isUnwitnessed ? row.taken.seconds : nil
        try database.cachedStatement(
            sql: """
                INSERT INTO receipts
                  (sender, id, kind, signer, attempt, taken, document, unwitnessed)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """
        ).execute(arguments: [
            row.from.text, row.id.text, row.kind, row.signer.text, Int64(row.attempt),
            row.taken.seconds, Data(row.document), since,
        ])
    }
}

extension Snapshot {
    /// Whether a transfer has a receipt of this kind, signer and attempt.
    package func holdsReceipt(_ row: ReceiptRow) throws -> Bool {
        let sql = """
            SELECT 1 FROM receipts
            WHERE id = ? AND sender = ? AND kind = ? AND signer = ? AND attempt = ?
            """
        return try Row.fetchOne(
            database.cachedStatement(sql: sql),
            arguments: [
                row.id.text, row.from.text, row.kind, row.signer.text, Int64(row.attempt),
            ]) != nil
    }

    /// Whether a receipt is held as this very document.
    package func holdsDocument(_ row: ReceiptRow) throws -> Bool {
        let sql = """
            SELECT 1 FROM receipts
            WHERE id = ? AND sender = ? AND kind = ? AND signer = ? AND attempt = ? AND document = ?
            """
        return try Row.fetchOne(
            database.cachedStatement(sql: sql),
            arguments: [
                row.id.text, row.from.text, row.kind, row.signer.text, Int64(row.attempt),
                Data(row.document),
            ]) != nil
    }

    /// The receipts of a transfer, oldest first.
    package func receipts(of id: TransferID, from: NodeID) throws -> [ReceiptRow] {
        let sql = """
            SELECT kind, signer, attempt, taken, document FROM receipts
            WHERE id = ? AND sender = ? ORDER BY taken, attempt, kind, signer
            """
        return try Row.fetchAll(
            database.cachedStatement(sql: sql), arguments: [id.text, from.text]
        ).map { row in
            ReceiptRow(
                from: from, id: id, kind: row[0], signer: try NodeID(row[1]),
                attempt: try row.unsigned(2), taken: Timestamp(seconds: row[3]),
                document: try row.bytes(4) ?? [])
        }
    }
}
