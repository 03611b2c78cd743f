// The transfers that pass through this node: it holds them sealed, and has no key.

import Foundation
import GRDB
package import SelatCore

/// One transfer that this node relays. Its key is (from, id).
package struct RelayedRow: Sendable, Hashable {
    package var from: NodeID
    package var id: TransferID
    package var to: NodeID
    /// The node that brings it, and the node to which it goes, by the newest attempt's route.
    package var previous: NodeID
    package var next: NodeID
    package var received: Timestamp
    package var expires: Timestamp
    package var precedence: Precedence
    /// A word of the exchange's state machine.
    package var state: String
    package var handedOn: Bool
    package var attempt: UInt64
    package var cause: String?
    package var payloadSize: UInt64
    /// Bytes of the payload that are in the spool for good.
    package var durable: UInt64
    /// Digest over what never changes between attempts.
    package var fixedParts: Digest
    /// Canonical JSON of the newest attempt's header.
    package var header: [UInt8]
    /// This node's own signed statement that it holds the whole.
    package var statement: [UInt8]?
    /// The audit entry that holds the statement's digest.
    package var statementEntry: UInt64?
    /// The recipient's receipt.
    package var receipt: [UInt8]?

    package init(
        from: NodeID, id: TransferID, to: NodeID, previous: NodeID, next: NodeID,
        received: Timestamp, expires: Timestamp, precedence: Precedence, state: String,
        attempt: UInt64, payloadSize: UInt64, fixedParts: Digest, header: [UInt8]
    ) {
        self.from = from
        self.id = id
        self.to = to
        self.previous = previous
        self.next = next
        self.received = received
        self.expires = expires
        self.precedence = precedence
        self.state = state
        self.attempt = attempt
        self.payloadSize = payloadSize
        self.fixedParts = fixedParts
        self.header = header
        handedOn = false
        durable = 0
    }
}

enum RelaySchema {
    static let sql = """
        ALTER TABLE outbound ADD COLUMN route TEXT NOT NULL DEFAULT '';
        ALTER TABLE inbound ADD COLUMN peer TEXT;
        CREATE TABLE relayed (
          sender TEXT NOT NULL, id TEXT NOT NULL, recipient TEXT NOT NULL,
          previous TEXT NOT NULL, next TEXT NOT NULL,
          received INTEGER NOT NULL, expires INTEGER NOT NULL, precedence TEXT NOT NULL,
          state TEXT NOT NULL, handed_on INTEGER NOT NULL, attempt INTEGER NOT NULL, cause TEXT,
          payload_size INTEGER NOT NULL, durable INTEGER NOT NULL, fixed_parts BLOB NOT NULL,
          header BLOB NOT NULL, statement BLOB, statement_entry INTEGER, receipt BLOB,
          PRIMARY KEY (id, sender)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX relayed_by_state ON relayed (state);
        CREATE TABLE receipts (
          sender TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, signer TEXT NOT NULL,
          attempt INTEGER NOT NULL, taken INTEGER NOT NULL, document BLOB NOT NULL,
          PRIMARY KEY (id, sender, kind, signer, attempt)
        ) STRICT, WITHOUT ROWID;
        """

    /// What of each member's passes through here, kept by triggers, as `inbound_load` is.
    static let load = """
        CREATE TABLE relayed_load (
            member TEXT PRIMARY KEY,
            transfers INTEGER NOT NULL CHECK (transfers >= 0),
            bytes INTEGER NOT NULL CHECK (bytes >= 0)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO relayed_load SELECT substr(sender, 1, 2), count(*), sum(payload_size) FROM relayed
        WHERE state IN ('receiving', 'holding', 'forwarded', 'returned') GROUP BY 1;
        CREATE TRIGGER relayed_comes AFTER INSERT ON relayed
        WHEN NEW.state IN ('receiving', 'holding', 'forwarded', 'returned')
        BEGIN
            INSERT INTO relayed_load VALUES (substr(NEW.sender, 1, 2), 1, NEW.payload_size)
            ON CONFLICT (member) DO UPDATE
            SET transfers = transfers + 1, bytes = bytes + excluded.bytes;
        END;
        CREATE TRIGGER relayed_comes_again AFTER UPDATE OF state ON relayed
        WHEN OLD.state NOT IN ('receiving', 'holding', 'forwarded', 'returned')
            AND NEW.state IN ('receiving', 'holding', 'forwarded', 'returned')
        BEGIN
            INSERT INTO relayed_load VALUES (substr(NEW.sender, 1, 2), 1, NEW.payload_size)
            ON CONFLICT (member) DO UPDATE
            SET transfers = transfers + 1, bytes = bytes + excluded.bytes;
        END;
        CREATE TRIGGER relayed_goes AFTER UPDATE OF state ON relayed
        WHEN OLD.state IN ('receiving', 'holding', 'forwarded', 'returned')
            AND NEW.state NOT IN ('receiving', 'holding', 'forwarded', 'returned')
        BEGIN
            UPDATE relayed_load SET transfers = transfers - 1, bytes = bytes - OLD.payload_size
            WHERE member = substr(OLD.sender, 1, 2);
        END;
        """
}

extension Transaction {
    /// The row as it is in this transaction.
    package func relayed(_ id: TransferID, from: NodeID) throws -> RelayedRow? {
        try RelayedRow.fetch(database, "WHERE id = ? AND sender = ?", [id.text, from.text]).first
    }

    /// Writes the row, new or changed.
    package func save(_ row: RelayedRow) throws {
        try database.cachedStatement(
            sql: """
                INSERT INTO relayed (sender, id, recipient, previous, next, received, expires,
                  precedence, state, handed_on, attempt, cause, payload_size, durable, fixed_parts,
                  header, statement, statement_entry, receipt)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (id, sender) DO UPDATE SET previous = excluded.previous,
                  received = excluded.received,
                  next = excluded.next, precedence = excluded.precedence, state = excluded.state,
                  handed_on = excluded.handed_on, attempt = excluded.attempt,
                  cause = excluded.cause, durable = excluded.durable, header = excluded.header,
                  statement = excluded.statement, statement_entry = excluded.statement_entry,
                  receipt = excluded.receipt
                """
        ).execute(arguments: [
            row.from.text, row.id.text, row.to.text, row.previous.text, row.next.text,
            row.received.seconds, row.expires.seconds, row.precedence.rawValue, row.state,
            row.handedOn, Int64(row.attempt), row.cause, Int64(row.payloadSize),
            Int64(row.durable), Data(row.fixedParts.bytes), Data(row.header),
            row.statement.map { Data($0) }, row.statementEntry.map { Int64($0) },
            row.receipt.map { Data($0) },
        ])
    }
}

extension Snapshot {
    package func relayed(_ id: TransferID, from: NodeID) throws -> RelayedRow? {
        try RelayedRow.fetch(database, "WHERE id = ? AND sender = ?", [id.text, from.text]).first
    }

    /// All that senders gave this id.
    package func relayed(_ id: TransferID) throws -> [RelayedRow] {
        try RelayedRow.fetch(database, "WHERE id = ?", [id.text])
    }

    /// Newest first: ids sort by time.
    package func relayed(_ filter: TransferFilter) throws -> [RelayedRow] {
        try RelayedRow.fetch(database, filter.clause, filter.arguments)
    }

    /// Those in any of `states` whose time is over; at most a thousand.
    package func relayedDue(states: [String], at now: Timestamp) throws -> [RelayedRow] {
        let marks = repeatElement("?", count: states.count).joined(separator: ", ")
        return try RelayedRow.fetch(
            database, "WHERE state IN (\(marks)) AND expires <= ? LIMIT 1000",
            StatementArguments(states) + [now.seconds])
    }

    /// What of a member's lies here for others and has not ended: transfers, and bytes of their sealed payloads.
    package func relayedLoad(of country: Country) throws -> (transfers: Int, bytes: UInt64) {
        let statement = try BorrowedStatement(
            "SELECT transfers, bytes FROM relayed_load WHERE member = ?", in: database)
        statement.bind(1, country.code)
        return try statement.rows { (Int($0.integer(0)), try $0.unsigned(1)) }.first ?? (0, 0)
    }

    /// The same of every member, in order.
    package func relayedLoads() throws -> [(member: String, held: (transfers: Int, bytes: UInt64))]
    {
        let sql = "SELECT transfers, bytes, member FROM relayed_load ORDER BY member"
        return try Row.fetchAll(database.cachedStatement(sql: sql)).map { row in
            (row[2], (row[0], try row.unsigned(1)))
        }
    }
}

extension RelayedRow {
    fileprivate static func fetch(
        _ database: Database, _ clause: String, _ arguments: StatementArguments
    ) throws -> [RelayedRow] {
        let sql = """
            SELECT sender, id, recipient, previous, next, received, expires, precedence, state,
              attempt, payload_size, fixed_parts, header, handed_on, cause, durable, statement,
              statement_entry, receipt FROM relayed \(clause)
            """
        return try Row.fetchAll(database.cachedStatement(sql: sql), arguments: arguments).map {
            row throws in
            guard let precedence = Precedence(rawValue: row[7]) else {
                throw CoreError.malformed("precedence", row[7], expected: "a known precedence")
            }
            var value = RelayedRow(
                from: try NodeID(row[0]), id: try TransferID(row[1]), to: try NodeID(row[2]),
                previous: try NodeID(row[3]), next: try NodeID(row[4]),
                received: Timestamp(seconds: row[5]), expires: Timestamp(seconds: row[6]),
                precedence: precedence, state: row[8], attempt: try row.unsigned(9),
                payloadSize: try row.unsigned(10),
                fixedParts: try Digest(bytes: try row.bytes(11) ?? []),
                header: try row.bytes(12) ?? [])
            value.handedOn = row[13]
            value.cause = row[14]
            value.durable = try row.unsigned(15)
            value.statement = try row.bytes(16)
            value.statementEntry = (row[17] as Int64?).flatMap { UInt64(exactly: $0) }
            value.receipt = try row.bytes(18)
            return value
        }
    }
}
