// Recalls: at the sender whose officer asks, at the recipient who is asked, at a relay between them.

import Foundation
import GRDB
package import SelatCore

/// A recall of one transfer, of which there is one: another takes its place once it counts no more.
package struct RecallRow: Hashable, Sendable {
    package let from: NodeID
    package let id: TransferID
    package let digest: Digest
    /// The CMS message.
    package let message: [UInt8]
    /// `SG/csa/lee`.
    package let officer: String
    package let reason: String
    package let taken: Timestamp
    /// When the dataset may be destroyed at the earliest; nil but at the recipient of one that lies
    /// there.
    package var holdUntil: Timestamp?
    /// Whether duties order the destruction, so that no officer need agree.
    package var isOrdered = false
    /// The recipient's state before.
    package var before: String?
    /// The own officer's answer: the CMS message, and its decision.
    package var answer: [UInt8]?
    package var decision: String?

    package init(
        from: NodeID, id: TransferID, digest: Digest, message: [UInt8], officer: String,
        reason: String, taken: Timestamp
    ) {
        self.from = from
        self.id = id
        self.digest = digest
        self.message = message
        self.officer = officer
        self.reason = reason
        self.taken = taken
    }
}

enum RecallSchema {
    static let sql = """
        CREATE TABLE recalls (
          sender TEXT NOT NULL, id TEXT NOT NULL,
          digest BLOB NOT NULL CHECK (length(digest) = 32), message BLOB NOT NULL,
          officer TEXT NOT NULL, reason TEXT NOT NULL, taken INTEGER NOT NULL,
          hold_until INTEGER, is_ordered INTEGER NOT NULL, before TEXT,
          answer BLOB, decision TEXT CHECK ((answer IS NULL) = (decision IS NULL)),
          PRIMARY KEY (id, sender)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX recalls_by_hold ON recalls (hold_until) WHERE hold_until NOTNULL;
        """

    /// A hold stays in its row for good: what is due is found by the datasets that lie closed here.
    static let byTime = """
        DROP INDEX recalls_by_hold;
        CREATE INDEX recalls_by_time ON recalls (taken, id);
        """
}

extension Transaction {
    /// The row as it is in this transaction.
    package func recall(of id: TransferID, from: NodeID) throws -> RecallRow? {
        try RecallRow.fetch(database, "WHERE id = ? AND sender = ?", [id.text, from.text]).first
    }

    /// Writes the row, new or changed.
    package func save(_ row: RecallRow) throws {
        try database.execute(
            sql: """
                INSERT INTO recalls (sender, id, digest, message, officer, reason, taken,
                  hold_until, is_ordered, before, answer, decision)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (id, sender) DO UPDATE SET digest = excluded.digest,
                  message = excluded.message, officer = excluded.officer,
                  reason = excluded.reason, taken = excluded.taken,
                  hold_until = excluded.hold_until, answer = excluded.answer,
                  decision = excluded.decision
                """,
            arguments: [
                row.from.text, row.id.text, Data(row.digest.bytes), Data(row.message),
                row.officer, row.reason, row.taken.seconds, row.holdUntil?.seconds,
                row.isOrdered, row.before, row.answer.map { Data($0) }, row.decision,
            ])
    }
}

extension Snapshot {
    package func recall(of id: TransferID, from: NodeID) throws -> RecallRow? {
        try RecallRow.fetch(database, "WHERE id = ? AND sender = ?", [id.text, from.text]).first
    }

    /// Newest first.
    package func recalls(limit: Int) throws -> [RecallRow] {
        try RecallRow.fetch(database, Self.newestRecallsClause, [limit])
    }

    static let newestRecallsClause = "ORDER BY taken DESC, id DESC LIMIT ?"

    /// Recalls whose hold is over, of datasets in `state` whose destruction duties order or an own
    /// officer has agreed to; at most a thousand.
    package func recallsDue(state: String, agreed: String, at now: Timestamp) throws -> [RecallRow]
    {
        try RecallRow.fetch(database, Self.dueClause, [state, now.seconds, agreed])
    }

    static let dueClause = """
        WHERE (id, sender) IN (SELECT id, sender FROM inbound WHERE state = ?)
          AND hold_until <= ? AND (is_ordered OR decision = ?) LIMIT 1000
        """
}

extension RecallRow {
    fileprivate static func fetch(
        _ database: Database, _ clause: String, _ arguments: StatementArguments
    ) throws -> [RecallRow] {
        let sql = """
            SELECT sender, id, digest, message, officer, reason, taken, hold_until, is_ordered,
              before, answer, decision FROM recalls \(clause)
            """
        return try Row.fetchAll(database.cachedStatement(sql: sql), arguments: arguments).map {
            row throws in
            var value = RecallRow(
                from: try NodeID(row[0]), id: try TransferID(row[1]),
                digest: try Digest(bytes: try row.bytes(2) ?? []),
                message: try row.bytes(3) ?? [], officer: row[4], reason: row[5],
                taken: Timestamp(seconds: row[6]))
            value.holdUntil = (row[7] as Int64?).map { Timestamp(seconds: $0) }
            value.isOrdered = row[8]
            value.before = row[9]
            value.answer = try row.bytes(10)
            value.decision = row[11]
            return value
        }
    }
}
