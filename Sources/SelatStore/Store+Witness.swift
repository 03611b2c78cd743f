// What witnesses said about this log, what this node saw of others' logs, and which receipts still
// lack a quorum. None of it is an entry: two logs that entered each other's checkpoints would never
// rest.

import Foundation
import GRDB
package import SelatCore

enum WitnessSchema {
    static let sql = """
        CREATE TABLE witnessed (
          origin TEXT PRIMARY KEY, node TEXT NOT NULL, size INTEGER NOT NULL,
          root BLOB NOT NULL CHECK (length(root) = 32), note BLOB NOT NULL, time INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE seen (
          origin TEXT PRIMARY KEY, node TEXT NOT NULL, note BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE cosigned (
          origin TEXT NOT NULL, size INTEGER NOT NULL, note BLOB NOT NULL,
          quorum INTEGER NOT NULL CHECK (quorum IN (0, 1)),
          PRIMARY KEY (origin, size)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE findings (
          node TEXT NOT NULL, finding TEXT NOT NULL, time INTEGER NOT NULL, detail TEXT NOT NULL,
          PRIMARY KEY (node, finding)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE unwitnessed_receipts (
          id TEXT PRIMARY KEY, peer TEXT NOT NULL, since INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """

    /// Receipts beside the outcome's wait for witnesses too: since when, by signer, in an index of those alone.
    /// What is kept of an own transfer already was never renewed, and is late a day after the upgrade. Another sender,
    /// whose transfer this node relays, may have chosen the id of an own one.
    static let keptReceipts = """
        ALTER TABLE receipts ADD COLUMN unwitnessed INTEGER;
        UPDATE receipts SET unwitnessed = CAST(strftime('%s', 'now') AS INTEGER)
        WHERE id IN (SELECT id FROM outbound) AND NOT EXISTS (
          SELECT 1 FROM relayed WHERE relayed.id = receipts.id AND relayed.sender = receipts.sender
        );
        CREATE INDEX receipts_unwitnessed ON receipts (signer, unwitnessed)
        WHERE unwitnessed NOTNULL;
        """

    /// From when on a receipt is asked for again, of which a proof was asked for in vain: it must not stand before
    /// newer ones for ever. 0 where none was.
    static let byTurn = """
        ALTER TABLE unwitnessed_receipts ADD COLUMN again INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX unwitnessed_receipts_by_turn ON unwitnessed_receipts (peer, again, since);
        ALTER TABLE receipts ADD COLUMN again INTEGER NOT NULL DEFAULT 0;
        DROP INDEX receipts_unwitnessed;
        CREATE INDEX receipts_unwitnessed ON receipts (signer, again, unwitnessed)
        WHERE unwitnessed NOTNULL;
        """
}

/// What this node, as a witness, cosigned last of one log.
package struct WitnessedRow: Sendable, Hashable {
    package let origin: String
    package let node: NodeID
    package let size: UInt64
    package let root: Digest
    /// The checkpoint with this witness's line.
    package let note: [UInt8]
    package let time: Timestamp

    package init(
        origin: String, node: NodeID, size: UInt64, root: Digest, note: [UInt8], time: Timestamp
    ) {
        self.origin = origin
        self.node = node
        self.size = size
        self.root = root
        self.note = note
        self.time = time
    }
}

/// A checkpoint of the own log that witnesses have cosigned.
package struct CosignedRow: Sendable, Hashable {
    package let size: UInt64
    package let note: [UInt8]
    /// Whether the quorum was met.
    package let isWitnessed: Bool

    package init(size: UInt64, note: [UInt8], isWitnessed: Bool) {
        self.size = size
        self.note = note
        self.isWitnessed = isWitnessed
    }
}

/// Something wrong with another node's log, which stands until it is cleared.
package struct FindingRow: Sendable, Hashable {
    package let node: NodeID
    /// One word: `forked`, `behind`.
    package let finding: String
    package let time: Timestamp
    package let detail: String
}

/// A receipt that is held and not witnessed yet.
package struct UnwitnessedReceipt: Sendable, Hashable {
    package let id: TransferID
    /// Who signed it.
    package let peer: NodeID
    package let since: Timestamp
    /// Which of those beside the outcome's; nil for the outcome's.
    fileprivate let kept: Kept?

    /// What is never proven is asked for less and less often, and at least once an hour: after a day it is late.
    fileprivate static let pauseSecondsMax: Int64 = 3_600
    /// The same of what no witnessed checkpoint holds so far.
    fileprivate static let pauseSecondsMaxAhead: Int64 = 60

    fileprivate struct Kept: Sendable, Hashable {
        let from: NodeID
        let kind: String
        let attempt: UInt64

        /// - Returns: nil for an outcome's receipt.
        init?(_ row: Row) throws {
            guard let from: String = row[3] else { return nil }
            self.from = try NodeID(from)
            kind = row[4]
            attempt = try row.unsigned(5)
        }
    }
}

extension Transaction {
    /// What this node cosigned last of a log.
    package func witnessed(_ origin: String) throws -> WitnessedRow? {
        try WitnessedRow.fetch(database, "WHERE origin = ?", [origin]).first
    }

    /// The same of every log that a node has had.
    package func witnessed(of node: NodeID) throws -> [WitnessedRow] {
        try WitnessedRow.fetch(database, "WHERE node = ?", [node.text])
    }

    package func save(_ row: WitnessedRow) throws {
        try database.cachedStatement(
            sql: """
                INSERT INTO witnessed (origin, node, size, root, note, time)
                VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root,
                  note = excluded.note, time = excluded.time
                """
        ).execute(arguments: [
            row.origin, row.node.text, Int64(row.size), Data(row.root.bytes), Data(row.note),
            row.time.seconds,
        ])
    }

    /// Keeps the newest checkpoint that is known of another node's log.
    package func saveSeen(_ origin: String, node: NodeID, note: [UInt8]) throws {
        try database.cachedStatement(
            sql: """
                INSERT INTO seen (origin, node, note) VALUES (?, ?, ?)
                ON CONFLICT (origin) DO UPDATE SET note = excluded.note
                """
        ).execute(arguments: [origin, node.text, Data(note)])
    }

    /// Keeps a checkpoint of the own log. Those before it that met no quorum prove nothing more; one that
    /// met it stays as it is, for the sooner it was cosigned, the more it proves.
    package func save(_ row: CosignedRow, origin: String) throws {
        try database.cachedStatement(
            sql: "DELETE FROM cosigned WHERE origin = ? AND size < ? AND quorum = 0"
        ).execute(arguments: [origin, Int64(row.size)])
        try database.cachedStatement(
            sql: """
                INSERT INTO cosigned (origin, size, note, quorum) VALUES (?, ?, ?, ?)
                ON CONFLICT (origin, size) DO UPDATE SET note = excluded.note,
                  quorum = excluded.quorum WHERE cosigned.quorum = 0
                """
        ).execute(arguments: [origin, Int64(row.size), Data(row.note), row.isWitnessed])
    }

    /// Keeps a finding about a node's log.
    /// - Returns: whether it is new.
    package func find(_ finding: String, of node: NodeID, _ detail: String) throws -> Bool {
        let known = try database.cachedStatement(
            sql: "SELECT 1 FROM findings WHERE node = ? AND finding = ?")
        guard try Row.fetchOne(known, arguments: [node.text, finding]) == nil else { return false }
        try database.cachedStatement(
            sql: "INSERT INTO findings (node, finding, time, detail) VALUES (?, ?, ?, ?)"
        ).execute(arguments: [node.text, finding, time.seconds, detail])
        return true
    }

    /// - Returns: whether there was such a finding.
    package func clear(_ finding: String, of node: NodeID) throws -> Bool {
        try database.cachedStatement(
            sql: "DELETE FROM findings WHERE node = ? AND finding = ?"
        ).execute(arguments: [node.text, finding])
        return database.changesCount > 0
    }

    /// The outcome's receipt of a transfer is held, and signed by its maker's log alone.
    package func awaitWitnesses(_ id: TransferID, of peer: NodeID) throws {
        try database.cachedStatement(
            sql: """
                INSERT INTO unwitnessed_receipts (id, peer, since) VALUES (?, ?, ?)
                ON CONFLICT (id) DO NOTHING
                """
        ).execute(arguments: [id.text, peer.text, time.seconds])
    }

    /// Puts the same receipt with a witnessed proof in the place of one that waits for it.
    package func renew(_ receipt: UnwitnessedReceipt, with document: [UInt8]) throws {
        guard let kept = receipt.kept else {
            try keep(document, as: .receipt, of: receipt.id)
            return try database.cachedStatement(
                sql: "DELETE FROM unwitnessed_receipts WHERE id = ?"
            ).execute(arguments: [receipt.id.text])
        }
        try database.cachedStatement(
            sql: """
                UPDATE receipts SET document = ?, unwitnessed = NULL
                WHERE id = ? AND sender = ? AND kind = ? AND signer = ? AND attempt = ?
                """
        ).execute(arguments: [
            Data(document), receipt.id.text, kept.from.text, kept.kind, receipt.peer.text,
            Int64(kept.attempt),
        ])
    }

    /// No proof of a receipt could be had: it is asked for again once it has waited twice as long as by now.
    /// - Parameter isAhead: whether its signer's witnessed checkpoint does not reach to it, as while a quorum is out. It
    ///   is put off all the same, and for less: of a log that went on without it, it must not stand before newer ones.
    package func putOff(_ receipt: UnwitnessedReceipt, isAhead: Bool) throws {
        let waited = max(0, time - receipt.since)
        let most =
            isAhead ? UnwitnessedReceipt.pauseSecondsMaxAhead : UnwitnessedReceipt.pauseSecondsMax
        let again = time.seconds + min(waited, most)
        guard let kept = receipt.kept else {
            return try database.cachedStatement(
                sql: "UPDATE unwitnessed_receipts SET again = ? WHERE id = ?"
            ).execute(arguments: [again, receipt.id.text])
        }
        try database.cachedStatement(
            sql: """
                UPDATE receipts SET again = ?
                WHERE id = ? AND sender = ? AND kind = ? AND signer = ? AND attempt = ?
                """
        ).execute(arguments: [
            again, receipt.id.text, kept.from.text, kept.kind, receipt.peer.text,
            Int64(kept.attempt),
        ])
    }
}

extension Snapshot {
    /// What this node cosigned last, of every log.
    package func witnessed() throws -> [WitnessedRow] {
        try WitnessedRow.fetch(database, "ORDER BY origin", [])
    }

    /// The newest checkpoint that is known of a log.
    package func seen(_ origin: String) throws -> [UInt8]? {
        try [UInt8].fetch(database, "SELECT note FROM seen WHERE origin = ?", [origin])
    }

    /// Origins of a node's logs that checkpoints are known of.
    package func origins(of node: NodeID) throws -> [String] {
        try String.fetchAll(
            database, sql: "SELECT origin FROM seen WHERE node = ?", arguments: [node.text])
    }

    /// The newest checkpoint of the own log that witnesses have cosigned.
    /// - Parameter isWitnessed: only those that met the quorum.
    package func cosigned(_ origin: String, isWitnessed: Bool) throws -> CosignedRow? {
        let statement = try database.cachedStatement(
            sql: """
                SELECT size, note, quorum FROM cosigned WHERE origin = ? AND quorum >= ?
                ORDER BY size DESC LIMIT 1
                """)
        return try CosignedRow(statement, [origin, isWitnessed])
    }

    /// The smallest checkpoint of the own log that met the quorum and holds an entry.
    package func cosigned(_ origin: String, covering sequence: UInt64) throws -> CosignedRow? {
        let statement = try database.cachedStatement(
            sql: """
                SELECT size, note, quorum FROM cosigned WHERE origin = ? AND quorum = 1 AND size > ?
                ORDER BY size LIMIT 1
                """)
        return try CosignedRow(statement, [origin, Int64(sequence)])
    }

    /// What is wrong with others' logs.
    package func findings() throws -> [FindingRow] {
        try Row.fetchAll(
            database, sql: "SELECT node, finding, time, detail FROM findings ORDER BY node, finding"
        ).map {
            FindingRow(
                node: try NodeID($0[0]), finding: $0[1], time: Timestamp(seconds: $0[2]),
                detail: $0[3])
        }
    }

    /// How many receipts of each signer are held and not witnessed.
    /// - Parameter time: those since then or before are `late`.
    package func unwitnessedReceipts(
        lateSince time: Timestamp
    ) throws -> [(peer: NodeID, all: Int, late: Int)] {
        let sql = """
            SELECT peer, sum(held), sum(late) FROM (
              SELECT peer, count(*) AS held, count(*) FILTER (WHERE since <= ?1) AS late
              FROM unwitnessed_receipts GROUP BY peer
              UNION ALL
              SELECT signer, count(*), count(*) FILTER (WHERE unwitnessed <= ?1)
              FROM receipts WHERE unwitnessed NOTNULL GROUP BY signer
            ) GROUP BY peer ORDER BY peer
            """
        return try Row.fetchAll(
            database.cachedStatement(sql: sql), arguments: [time.seconds]
        ).map { row in
            (peer: try NodeID(row[0]), all: row[1], late: row[2])
        }
    }

    /// Those of a signer that may be asked for now: so many outcomes, and as many of its other receipts, first
    /// those that were never asked for in vain, the oldest before the others.
    package func unwitnessedReceipts(
        of peer: NodeID, dueAt now: Timestamp, limit: Int
    ) throws -> [UnwitnessedReceipt] {
        // What waits longer than the longest pause was put off by a clock that was ahead.
        let due: [(first: Int64, last: Int64)] = [
            (0, now.seconds), (now.seconds + UnwitnessedReceipt.pauseSecondsMax + 1, .max),
        ]
        return try due.flatMap { first, last in
            let arguments: StatementArguments = [peer.text, first, last, limit]
            return try UnwitnessedReceipt.fetch(database, Self.unwitnessedOutcomes, arguments)
                + UnwitnessedReceipt.fetch(database, Self.unwitnessedBesideOutcomes, arguments)
        }
    }

    /// In the order of their indexes, which hold all of it: no table is read, and nothing sorted.
    static let unwitnessedOutcomes = """
        SELECT id, peer, since, NULL, NULL, NULL FROM unwitnessed_receipts
        WHERE peer = ? AND again BETWEEN ? AND ? ORDER BY again, since LIMIT ?
        """
    static let unwitnessedBesideOutcomes = """
        SELECT id, signer, unwitnessed, sender, kind, attempt FROM receipts
        WHERE unwitnessed NOTNULL AND signer = ? AND again BETWEEN ? AND ?
        ORDER BY again, unwitnessed LIMIT ?
        """

    /// A receipt as it is held; nil where it is gone.
    package func document(of receipt: UnwitnessedReceipt) throws -> [UInt8]? {
        guard let kept = receipt.kept else { return try document(.receipt, of: receipt.id) }
        return try [UInt8].fetch(
            database,
            """
            SELECT document FROM receipts
            WHERE id = ? AND sender = ? AND kind = ? AND signer = ? AND attempt = ?
            """,
            [
                receipt.id.text, kept.from.text, kept.kind, receipt.peer.text,
                Int64(kept.attempt),
            ])
    }
}

extension CosignedRow {
    /// - Returns: nil where the statement finds none.
    fileprivate init?(_ statement: Statement, _ arguments: StatementArguments) throws {
        guard let row = try Row.fetchOne(statement, arguments: arguments) else { return nil }
        self.init(size: try row.number(0), note: try row.octets(1) ?? [], isWitnessed: row[2])
    }
}

extension UnwitnessedReceipt {
    fileprivate static func fetch(
        _ database: Database, _ sql: String, _ arguments: StatementArguments
    ) throws -> [UnwitnessedReceipt] {
        try Row.fetchAll(database.cachedStatement(sql: sql), arguments: arguments).map {
            row throws in
            UnwitnessedReceipt(
                id: try TransferID(row[0]), peer: try NodeID(row[1]),
                since: Timestamp(seconds: row[2]), kept: try Kept(row))
        }
    }
}

extension WitnessedRow {
    fileprivate static func fetch(
        _ database: Database, _ clause: String, _ arguments: StatementArguments
    ) throws -> [WitnessedRow] {
        let sql = "SELECT origin, node, size, root, note, time FROM witnessed \(clause)"
        return try Row.fetchAll(database.cachedStatement(sql: sql), arguments: arguments).map {
            row throws in
            WitnessedRow(
                origin: row[0], node: try NodeID(row[1]), size: try row.number(2),
                root: try Digest(bytes: try row.octets(3) ?? []), note: try row.octets(4) ?? [],
                time: Timestamp(seconds: row[5]))
        }
    }
}

extension Row {
    fileprivate func octets(_ index: Int) throws -> [UInt8]? {
        try withUnsafeData(atIndex: index) { $0.map { [UInt8]($0) } }
    }

    /// - Throws: `CoreError` for a negative number.
    fileprivate func number(_ index: Int) throws -> UInt64 {
        let number: Int64 = self[index]
        guard let value = UInt64(exactly: number) else {
            throw CoreError.malformed("column", "\(number)", expected: "a number from 0")
        }
        return value
    }
}
