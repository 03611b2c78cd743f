// The transfers tables: what a node sends and what it receives. Rows are plain values; the exchange
// gives them their meaning.

import Foundation
import GRDB
package import SelatCore

/// One transfer that this node sends.
package struct OutboundRow: Sendable, Hashable {
    package var id: TransferID
    package var to: NodeID
    package var created: Timestamp
    package var expires: Timestamp
    package var precedence: Precedence
    /// A word of the exchange's state machine.
    package var state: String
    package var handedOn: Bool
    package var attempt: UInt64
    package var cause: String?
    package var payloadSize: UInt64
    /// Wrapped by the node's storage key; nil before sealing, and once destroyed.
    package var contentKey: [UInt8]?
    /// The nodes of the newest attempt, both ends among them; empty before the first release.
    package var route: [NodeID] = []

    package init(
        id: TransferID, to: NodeID, created: Timestamp, expires: Timestamp, precedence: Precedence,
        state: String, payloadSize: UInt64
    ) {
        self.id = id
        self.to = to
        self.created = created
        self.expires = expires
        self.precedence = precedence
        self.state = state
        self.payloadSize = payloadSize
        handedOn = false
        attempt = 0
    }
}

/// One transfer that this node receives. Its key is (from, id): a sender owns its ids only.
package struct InboundRow: Sendable, Hashable {
    package var from: NodeID
    package var id: TransferID
    package var received: Timestamp
    package var expires: Timestamp
    /// A word of the exchange's state machine.
    package var state: String
    package var cause: String?
    package var payloadSize: UInt64
    /// Bytes of the payload that are in the spool for good.
    package var durable: UInt64
    /// Digest over what never changes between attempts.
    package var fixedParts: Digest
    /// Canonical JSON of the header.
    package var header: [UInt8]
    /// Wrapped by the node's storage key; nil once destroyed.
    package var contentKey: [UInt8]?
    /// This node's own signed statement.
    package var statement: [UInt8]?
    /// The audit entry that holds the statement's digest.
    package var statementEntry: UInt64?
    /// When a retention duty orders the dataset destroyed.
    package var destroyBy: Timestamp?
    /// The node that brings it: the sender, or the last relay.
    package var peer: NodeID

    package init(
        from: NodeID, id: TransferID, received: Timestamp, expires: Timestamp, state: String,
        payloadSize: UInt64, fixedParts: Digest, header: [UInt8], peer: NodeID? = nil
    ) {
        self.peer = peer ?? from
        self.from = from
        self.id = id
        self.received = received
        self.expires = expires
        self.state = state
        self.payloadSize = payloadSize
        self.fixedParts = fixedParts
        self.header = header
        durable = 0
    }
}

enum TransferSchema {
    static let sql = """
        CREATE TABLE outbound (
          id TEXT PRIMARY KEY NOT NULL, recipient TEXT NOT NULL,
          created INTEGER NOT NULL, expires INTEGER NOT NULL,
          precedence TEXT NOT NULL, state TEXT NOT NULL, handed_on INTEGER NOT NULL,
          attempt INTEGER NOT NULL, cause TEXT, payload_size INTEGER NOT NULL,
          request BLOB NOT NULL, sealed BLOB, content_key BLOB, receipt BLOB
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX outbound_by_state ON outbound (state);
        CREATE TABLE inbound (
          sender TEXT NOT NULL, id TEXT NOT NULL,
          received INTEGER NOT NULL, expires INTEGER NOT NULL,
          state TEXT NOT NULL, cause TEXT, payload_size INTEGER NOT NULL,
          durable INTEGER NOT NULL, fixed_parts BLOB NOT NULL, header BLOB NOT NULL,
          content_key BLOB, statement BLOB, statement_entry INTEGER, destroy_by INTEGER,
          PRIMARY KEY (id, sender)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX inbound_by_state ON inbound (state);
        """

    /// What a retention duty orders destroyed is looked for every minute, among all that was ever delivered.
    static let destruction = """
        CREATE INDEX inbound_by_destruction ON inbound (destroy_by) WHERE destroy_by NOTNULL;
        """

    /// The index of the same that what was destroyed leaves. The `+` has it take only questions that have it too
    /// (`destructionClause`).
    static let heldDestruction = """
        DROP INDEX inbound_by_destruction;
        CREATE INDEX inbound_by_destruction ON inbound (destroy_by)
        WHERE destroy_by NOTNULL AND +state IN ('delivered', 'opened', 'recalled');
        """

    /// What of each member's lies here, kept by triggers: an offer is not to wait for a sum over all that
    /// ever came. The states are those in which files belong to a transfer.
    static let load = """
        CREATE TABLE inbound_load (
            member TEXT PRIMARY KEY,
            transfers INTEGER NOT NULL CHECK (transfers >= 0),
            bytes INTEGER NOT NULL CHECK (bytes >= 0)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO inbound_load SELECT substr(sender, 1, 2), count(*), sum(payload_size) FROM inbound
        WHERE state IN ('receiving', 'delivered', 'opened', 'recalled') GROUP BY 1;
        CREATE TRIGGER inbound_comes AFTER INSERT ON inbound
        WHEN NEW.state IN ('receiving', 'delivered', 'opened', 'recalled')
        BEGIN
            INSERT INTO inbound_load VALUES (substr(NEW.sender, 1, 2), 1, NEW.payload_size)
            ON CONFLICT (member) DO UPDATE
            SET transfers = transfers + 1, bytes = bytes + excluded.bytes;
        END;
        CREATE TRIGGER inbound_comes_again AFTER UPDATE OF state ON inbound
        WHEN OLD.state NOT IN ('receiving', 'delivered', 'opened', 'recalled')
            AND NEW.state IN ('receiving', 'delivered', 'opened', 'recalled')
        BEGIN
            INSERT INTO inbound_load VALUES (substr(NEW.sender, 1, 2), 1, NEW.payload_size)
            ON CONFLICT (member) DO UPDATE
            SET transfers = transfers + 1, bytes = bytes + excluded.bytes;
        END;
        CREATE TRIGGER inbound_goes AFTER UPDATE OF state ON inbound
        WHEN OLD.state IN ('receiving', 'delivered', 'opened', 'recalled')
            AND NEW.state NOT IN ('receiving', 'delivered', 'opened', 'recalled')
        BEGIN
            UPDATE inbound_load SET transfers = transfers - 1, bytes = bytes - OLD.payload_size
            WHERE member = substr(OLD.sender, 1, 2);
        END;
        """

    /// What of this node's is under way to each recipient, kept by triggers: a send is not to wait for a sum over
    /// all that waits. The states are those that are no outcome.
    static let queue = """
        CREATE TABLE outbound_load (
            recipient TEXT PRIMARY KEY,
            transfers INTEGER NOT NULL CHECK (transfers >= 0),
            bytes INTEGER NOT NULL CHECK (bytes >= 0)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO outbound_load SELECT recipient, count(*), sum(payload_size) FROM outbound
        WHERE state IN ('sealing', 'waiting', 'queued', 'sending', 'relayed') GROUP BY 1;
        CREATE TRIGGER outbound_comes AFTER INSERT ON outbound
        WHEN NEW.state IN ('sealing', 'waiting', 'queued', 'sending', 'relayed')
        BEGIN
            INSERT INTO outbound_load VALUES (NEW.recipient, 1, NEW.payload_size)
            ON CONFLICT (recipient) DO UPDATE
            SET transfers = transfers + 1, bytes = bytes + excluded.bytes;
        END;
        CREATE TRIGGER outbound_comes_again AFTER UPDATE OF state ON outbound
        WHEN OLD.state NOT IN ('sealing', 'waiting', 'queued', 'sending', 'relayed')
            AND NEW.state IN ('sealing', 'waiting', 'queued', 'sending', 'relayed')
        BEGIN
            INSERT INTO outbound_load VALUES (NEW.recipient, 1, NEW.payload_size)
            ON CONFLICT (recipient) DO UPDATE
            SET transfers = transfers + 1, bytes = bytes + excluded.bytes;
        END;
        CREATE TRIGGER outbound_goes AFTER UPDATE OF state ON outbound
        WHEN OLD.state IN ('sealing', 'waiting', 'queued', 'sending', 'relayed')
            AND NEW.state NOT IN ('sealing', 'waiting', 'queued', 'sending', 'relayed')
        BEGIN
            UPDATE outbound_load SET transfers = transfers - 1, bytes = bytes - OLD.payload_size
            WHERE recipient = OLD.recipient;
        END;
        """
}

extension Transaction {
    /// The row as it is in this transaction.
    package func outbound(_ id: TransferID) throws -> OutboundRow? {
        try OutboundRow.fetch(database, id)
    }

    /// Writes the row, new or changed.
    package func save(_ row: OutboundRow) throws {
        let statement = try BorrowedStatement(
            """
            INSERT INTO outbound (id, recipient, created, expires, precedence, state, handed_on,
              attempt, cause, payload_size, content_key, route)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET state = excluded.state,
              handed_on = excluded.handed_on, attempt = excluded.attempt,
              cause = excluded.cause, content_key = excluded.content_key,
              route = excluded.route
            """, in: database)
        statement.bind(1, row.id.text)
        statement.bind(2, row.to.text)
        statement.bind(3, row.created.seconds)
        statement.bind(4, row.expires.seconds)
        statement.bind(5, row.precedence.rawValue)
        statement.bind(6, row.state)
        statement.bind(7, row.handedOn ? 1 : 0)
        statement.bind(8, Int64(row.attempt))
        statement.bind(9, row.cause)
        statement.bind(10, Int64(row.payloadSize))
        statement.bind(11, row.contentKey)
        statement.bind(12, row.route.map(\.text).joined(separator: " "))
        try statement.run()
    }

    /// The row as it is in this transaction.
    package func inbound(_ id: TransferID, from: NodeID) throws -> InboundRow? {
        try InboundRow.fetch(database, id, from: from)
    }

    /// Writes the row, new or changed.
    package func save(_ row: InboundRow) throws {
        let statement = try BorrowedStatement(
            """
            INSERT INTO inbound (sender, id, received, expires, state, cause, payload_size,
              durable, fixed_parts, header, content_key, statement, statement_entry, destroy_by,
              peer)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id, sender) DO UPDATE SET received = excluded.received,
              state = excluded.state, cause = excluded.cause, durable = excluded.durable, header = excluded.header,
              content_key = excluded.content_key, statement = excluded.statement,
              statement_entry = excluded.statement_entry, destroy_by = excluded.destroy_by,
              peer = excluded.peer
            """, in: database)
        statement.bind(1, row.from.text)
        statement.bind(2, row.id.text)
        statement.bind(3, row.received.seconds)
        statement.bind(4, row.expires.seconds)
        statement.bind(5, row.state)
        statement.bind(6, row.cause)
        statement.bind(7, Int64(row.payloadSize))
        statement.bind(8, Int64(row.durable))
        statement.bind(9, row.fixedParts.bytes)
        statement.bind(10, row.header)
        statement.bind(11, row.contentKey)
        statement.bind(12, row.statement)
        statement.bind(13, row.statementEntry.map { Int64($0) })
        statement.bind(14, row.destroyBy?.seconds)
        statement.bind(15, row.peer.text)
        try statement.run()
    }
}

/// Which transfers, newest first.
package struct TransferFilter: Sendable {
    /// Any of these states; empty means all.
    package var states: Set<String>
    package var limit: Int

    package init(states: Set<String> = [], limit: Int = 1_000) {
        self.states = states
        self.limit = limit
    }
}

extension Snapshot {
    package func outbound(_ id: TransferID) throws -> OutboundRow? {
        try OutboundRow.fetch(database, id)
    }

    /// Newest first: ids sort by time.
    package func outbound(_ filter: TransferFilter) throws -> [OutboundRow] {
        try OutboundRow.fetch(database, filter.clause, filter.arguments)
    }

    /// All that senders gave this id; ids are random, so more than one only if somebody tries.
    package func inbound(_ id: TransferID) throws -> [InboundRow] {
        try InboundRow.fetch(database, "WHERE id = ?", [id.text])
    }

    package func inbound(_ id: TransferID, from: NodeID) throws -> InboundRow? {
        try InboundRow.fetch(database, id, from: from)
    }

    /// Newest first: ids sort by time.
    package func inbound(_ filter: TransferFilter) throws -> [InboundRow] {
        try InboundRow.fetch(database, filter.clause, filter.arguments)
    }

    /// Transfers in state `open` that have expired, and received ones that lie here and are to be
    /// destroyed by now; at most a thousand of each, so that neither keeps the other waiting.
    package func inboundDue(open: String, at now: Timestamp) throws -> [InboundRow] {
        try InboundRow.fetch(database, Self.expiredClause, [open, now.seconds])
            + InboundRow.fetch(database, Self.destructionClause, [now.seconds])
    }

    static let expiredClause = "WHERE state = ? AND expires <= ? LIMIT 1000"

    /// The `+` keeps it from going through every delivered row by its state.
    static let destructionClause = """
        WHERE +state IN ('delivered', 'opened', 'recalled') AND destroy_by <= ? LIMIT 1000
        """

    /// How many transfers of one sender stand in a state.
    package func inboundCount(from: NodeID, state: String) throws -> Int {
        let statement = try BorrowedStatement(
            "SELECT count(*) FROM inbound WHERE state = ? AND sender = ?", in: database)
        statement.bind(1, state)
        statement.bind(2, from.text)
        return try statement.rows { Int($0.integer(0)) }.first ?? 0
    }

    /// What of a member's lies here, arriving or received: transfers, and bytes of their sealed payloads.
    package func inboundLoad(of country: Country) throws -> (transfers: Int, bytes: UInt64) {
        let statement = try BorrowedStatement(
            "SELECT transfers, bytes FROM inbound_load WHERE member = ?", in: database)
        statement.bind(1, country.code)
        return try statement.rows { (Int($0.integer(0)), try $0.unsigned(1)) }.first ?? (0, 0)
    }

    /// The same of every member, in order.
    package func inboundLoads() throws -> [(member: String, held: (transfers: Int, bytes: UInt64))]
    {
        let sql = "SELECT transfers, bytes, member FROM inbound_load ORDER BY member"
        return try Row.fetchAll(database.cachedStatement(sql: sql)).map { row in
            (row[2], (row[0], try row.unsigned(1)))
        }
    }

    /// What of this node's is under way to a recipient, from its verdict to its outcome: transfers, and bytes of
    /// their datasets.
    package func outboundLoad(to recipient: NodeID) throws -> (transfers: Int, bytes: UInt64) {
        let statement = try BorrowedStatement(
            "SELECT transfers, bytes FROM outbound_load WHERE recipient = ?", in: database)
        statement.bind(1, recipient.text)
        return try statement.rows { (Int($0.integer(0)), try $0.unsigned(1)) }.first ?? (0, 0)
    }

    /// The same to all of them together.
    package func outboundLoad() throws -> (transfers: Int, bytes: UInt64) {
        let statement = try BorrowedStatement(
            "SELECT coalesce(sum(transfers), 0), coalesce(sum(bytes), 0) FROM outbound_load",
            in: database)
        return try statement.rows { (Int($0.integer(0)), try $0.unsigned(1)) }.first ?? (0, 0)
    }

    /// The same to each, in order.
    package func outboundLoads() throws
        -> [(recipient: String, held: (transfers: Int, bytes: UInt64))]
    {
        let sql = "SELECT transfers, bytes, recipient FROM outbound_load ORDER BY recipient"
        return try Row.fetchAll(database.cachedStatement(sql: sql)).map { row in
            (row[2], (row[0], try row.unsigned(1)))
        }
    }

    /// How many transfers stand in each state.
    package func transferCounts() throws -> TransferCounts {
        func counts(_ table: String) throws -> [String: Int] {
            let rows = try Row.fetchAll(
                database, sql: "SELECT state, count(*) FROM \(table) GROUP BY state")
            return Dictionary(uniqueKeysWithValues: rows.map { ($0[0], $0[1]) })
        }
        return TransferCounts(
            outbound: try counts("outbound"), inbound: try counts("inbound"),
            relayed: try counts("relayed"))
    }
}

/// How many transfers stand in each state.
package struct TransferCounts: Sendable {
    package let outbound: [String: Int]
    package let inbound: [String: Int]
    package let relayed: [String: Int]
}

extension TransferFilter {
    var clause: String {
        let marks = repeatElement("?", count: states.count).joined(separator: ", ")
        return (states.isEmpty ? "" : "WHERE state IN (\(marks)) ") + "ORDER BY id DESC LIMIT ?"
    }

    var arguments: StatementArguments {
        StatementArguments(states.sorted()) + [limit]
    }
}

extension OutboundRow {
    static let columns = """
        SELECT id, recipient, created, expires, precedence, state, payload_size, handed_on,
          attempt, cause, content_key, route FROM outbound
        """

    /// The row of an id.
    static func fetch(_ database: Database, _ id: TransferID) throws -> OutboundRow? {
        let statement = try BorrowedStatement("\(columns) WHERE id = ?", in: database)
        statement.bind(1, id.text)
        return try statement.rows { try OutboundRow($0) }.first
    }

    static func fetch(
        _ database: Database, _ clause: String, _ arguments: StatementArguments
    ) throws -> [OutboundRow] {
        let statement = try database.cachedStatement(sql: "\(columns) \(clause)")
        try statement.setArguments(arguments)
        return try BorrowedStatement(statement).rows { try OutboundRow($0) }
    }

    private init(_ row: some RawStatement) throws {
        // What was written was valid; a row that is not any more was tampered with.
        guard let precedence = Precedence(rawValue: row.text(4)) else {
            throw CoreError.malformed("precedence", row.text(4), expected: "a known precedence")
        }
        self.init(
            id: try TransferID(row.text(0)), to: try NodeID(row.text(1)),
            created: Timestamp(seconds: row.integer(2)),
            expires: Timestamp(seconds: row.integer(3)),
            precedence: precedence, state: row.text(5), payloadSize: try row.unsigned(6))
        handedOn = row.integer(7) != 0
        attempt = try row.unsigned(8)
        cause = row.optionalText(9)
        contentKey = row.optionalBytes(10)
        route = try row.text(11).split(separator: " ").map { try NodeID(String($0)) }
    }
}

extension InboundRow {
    private static let columns = """
        SELECT sender, id, received, expires, state, payload_size, fixed_parts, header,
          cause, durable, content_key, statement, statement_entry, destroy_by, peer FROM inbound
        """

    /// The row of a sender's id.
    fileprivate static func fetch(
        _ database: Database, _ id: TransferID, from: NodeID
    ) throws -> InboundRow? {
        let statement = try BorrowedStatement(
            "\(columns) WHERE id = ? AND sender = ?", in: database)
        statement.bind(1, id.text)
        statement.bind(2, from.text)
        return try statement.rows { try InboundRow($0) }.first
    }

    fileprivate static func fetch(
        _ database: Database, _ clause: String, _ arguments: StatementArguments
    ) throws -> [InboundRow] {
        let statement = try database.cachedStatement(sql: "\(columns) \(clause)")
        try statement.setArguments(arguments)
        return try BorrowedStatement(statement).rows { try InboundRow($0) }
    }

    private init(_ row: some RawStatement) throws {
        self.init(
            from: try NodeID(row.text(0)), id: try TransferID(row.text(1)),
            received: Timestamp(seconds: row.integer(2)),
            expires: Timestamp(seconds: row.integer(3)),
            state: row.text(4), payloadSize: try row.unsigned(5),
            fixedParts: try Digest(bytes: row.bytes(6)), header: row.bytes(7))
        cause = row.optionalText(8)
        durable = try row.unsigned(9)
        contentKey = row.optionalBytes(10)
        statement = row.optionalBytes(11)
        statementEntry = row.optionalInteger(12).flatMap { UInt64(exactly: $0) }
        destroyBy = row.optionalInteger(13).map { Timestamp(seconds: $0) }
        // Rows from before there were relays have none.
        if let peer = row.optionalText(14) { self.peer = try NodeID(peer) }
    }
}

extension Row {
    func bytes(_ index: Int) throws -> [UInt8]? {
        try withUnsafeData(atIndex: index) { $0.map { [UInt8]($0) } }
    }

    /// - Throws: `CoreError` for a negative number.
    func unsigned(_ index: Int) throws -> UInt64 {
        let number: Int64 = self[index]
        guard let value = UInt64(exactly: number) else {
            throw CoreError.malformed("column", "\(number)", expected: "a number from 0")
        }
        return value
    }
}
