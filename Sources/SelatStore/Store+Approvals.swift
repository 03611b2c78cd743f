import Foundation
import GRDB
package import SelatCore

/// An officer's signed approval or refusal of one transfer, as it was handed over.
package struct ApprovalRow: Hashable, Sendable {
    package let transfer: TransferID
    package let digest: Digest
    package let taken: Timestamp
    /// The CMS message.
    package let message: [UInt8]

    package init(transfer: TransferID, digest: Digest, taken: Timestamp, message: [UInt8]) {
        self.transfer = transfer
        self.digest = digest
        self.taken = taken
        self.message = message
    }
}

/// A report that is due because one officer released a transfer alone.
package struct BreakGlassRow: Hashable, Sendable {
    package let transfer: TransferID
    package let officer: OfficerID
    package let due: Timestamp
    /// Digest of the report; nil while it is owed.
    package var report: Digest?

    package init(transfer: TransferID, officer: OfficerID, due: Timestamp, report: Digest? = nil) {
        self.transfer = transfer
        self.officer = officer
        self.due = due
        self.report = report
    }
}

enum ApprovalSchema {
    static let sql = """
        CREATE TABLE approvals (
          transfer TEXT NOT NULL, digest BLOB NOT NULL CHECK (length(digest) = 32),
          taken INTEGER NOT NULL, message BLOB NOT NULL,
          PRIMARY KEY (transfer, digest)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE break_glass (
          transfer TEXT PRIMARY KEY NOT NULL, officer TEXT NOT NULL, due INTEGER NOT NULL,
          report BLOB CHECK (report IS NULL OR length(report) = 32)
        ) STRICT, WITHOUT ROWID;
        """
}

extension Transaction {
    /// Keeps an approval.
    /// - Returns: false where the very message is kept for this transfer already.
    package func keep(_ row: ApprovalRow) throws -> Bool {
        try database.cachedStatement(
            sql: """
                INSERT INTO approvals (transfer, digest, taken, message) VALUES (?, ?, ?, ?)
                ON CONFLICT (transfer, digest) DO NOTHING
                """
        ).execute(arguments: [
            row.transfer.text, Data(row.digest.bytes), row.taken.seconds, Data(row.message),
        ])
        return database.changesCount > 0
    }

    /// The approvals of a transfer as they are in this transaction, oldest first.
    package func approvals(of id: TransferID) throws -> [ApprovalRow] {
        try ApprovalRow.fetch(database, id)
    }

    /// Writes the row, new or changed. A report that was entered stays.
    package func save(_ row: BreakGlassRow) throws {
        try database.execute(
            sql: """
                INSERT INTO break_glass (transfer, officer, due, report) VALUES (?, ?, ?, ?)
                ON CONFLICT (transfer) DO UPDATE SET report = coalesce(report, excluded.report)
                """,
            arguments: [
                row.transfer.text, row.officer.text, row.due.seconds,
                row.report.map { Data($0.bytes) },
            ])
    }

    /// The row as it is in this transaction.
    package func breakGlass(of id: TransferID) throws -> BreakGlassRow? {
        try BreakGlassRow.fetch(database, "WHERE transfer = ?", [id.text]).first
    }
}

extension Snapshot {
    /// The approvals of a transfer, oldest first.
    package func approvals(of id: TransferID) throws -> [ApprovalRow] {
        try ApprovalRow.fetch(database, id)
    }

    package func breakGlass(of id: TransferID) throws -> BreakGlassRow? {
        try BreakGlassRow.fetch(database, "WHERE transfer = ?", [id.text]).first
    }

    /// The transfers sent from here in a state whose time is over.
    package func outboundDue(state: String, at time: Timestamp) throws -> [TransferID] {
        let sql = "SELECT id FROM outbound WHERE state = ? AND expires <= ? ORDER BY id"
        return try String.fetchAll(
            database.cachedStatement(sql: sql), arguments: [state, time.seconds]
        ).map { try TransferID($0) }
    }

    /// Emergency releases whose report is owed, the next due first.
    package func reportsOwed(limit: Int) throws -> [BreakGlassRow] {
        try BreakGlassRow.fetch(
            database, "WHERE report IS NULL ORDER BY due, transfer LIMIT ?", [limit])
    }
}

extension ApprovalRow {
    fileprivate static func fetch(_ database: Database, _ id: TransferID) throws -> [ApprovalRow] {
        let statement = try BorrowedStatement(
            """
            SELECT digest, taken, message FROM approvals WHERE transfer = ? ORDER BY taken, digest
            """, in: database)
        statement.bind(1, id.text)
        return try statement.rows { row in
            ApprovalRow(
                transfer: id, digest: try Digest(bytes: row.bytes(0)),
                taken: Timestamp(seconds: row.integer(1)), message: row.bytes(2))
        }
    }
}

extension BreakGlassRow {
    fileprivate static func fetch(
        _ database: Database, _ clause: String, _ arguments: StatementArguments
    ) throws -> [BreakGlassRow] {
        let sql = "SELECT transfer, officer, due, report FROM break_glass \(clause)"
        return try Row.fetchAll(database.cachedStatement(sql: sql), arguments: arguments).map {
            row throws in
            let report: Data? = row[3]
            return BreakGlassRow(
                transfer: try TransferID(row[0]), officer: try OfficerID(row[1]),
                due: Timestamp(seconds: row[2]),
                report: try report.map { try Digest(bytes: [UInt8]($0)) })
        }
    }
}
