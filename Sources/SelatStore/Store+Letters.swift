// Letters: small signed documents that this node owes another node until that has taken them. And what
// this node has stated about what it received.

import Foundation
import GRDB
package import SelatCore

/// One statement of this node's about a transfer that it received, beside the receipt of its outcome.
package struct StatedRow: Hashable, Sendable {
    package let from: NodeID
    package let id: TransferID
    /// A word of the exchange.
    package let kind: String
    /// The audit entry that holds the statement's digest.
    package let entry: UInt64
    /// The CMS message.
    package let statement: [UInt8]
    /// When the sender took it; nil while it is owed, or where it never did.
    package let taken: Timestamp?

    package init(
        from: NodeID, id: TransferID, kind: String, entry: UInt64, statement: [UInt8],
        taken: Timestamp? = nil
    ) {
        self.from = from
        self.id = id
        self.kind = kind
        self.entry = entry
        self.statement = statement
        self.taken = taken
    }
}

/// A document that is owed to a node.
package struct LetterRow: Hashable, Sendable {
    /// Letters are brought in this order.
    package let number: Int64
    /// Who is to have it in the end.
    package let addressee: NodeID
    package let from: NodeID
    package let id: TransferID
    /// A word of the exchange: what the document is.
    package let kind: String
    /// The entry of an own statement, of which the receipt is made when it leaves; nil for others'
    /// documents.
    package let entry: UInt64?
    /// From then on nobody brings it any more.
    package let until: Timestamp
}

enum LetterSchema {
    static let sql = """
        CREATE TABLE stated (
          sender TEXT NOT NULL, id TEXT NOT NULL, entry INTEGER NOT NULL, kind TEXT NOT NULL,
          statement BLOB NOT NULL, taken INTEGER,
          PRIMARY KEY (id, sender, entry)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE letters (
          number INTEGER PRIMARY KEY AUTOINCREMENT, addressee TEXT NOT NULL,
          sender TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, entry INTEGER,
          until INTEGER NOT NULL, document BLOB CHECK ((document IS NULL) = (entry IS NOT NULL))
        ) STRICT;
        CREATE INDEX letters_by_addressee ON letters (addressee, number);
        CREATE INDEX letters_by_transfer ON letters (id, sender);
        CREATE TABLE derived (
          part TEXT NOT NULL, transfer TEXT NOT NULL, PRIMARY KEY (part, transfer)
        ) STRICT, WITHOUT ROWID;
        """

    /// Documents lie in the rows: what is counted, and whose time is over, is found without them.
    static let bySender = """
        CREATE INDEX letters_by_sender ON letters (sender, kind);
        CREATE INDEX letters_by_end ON letters (until);
        """
}

extension Transaction {
    /// Keeps an own statement, and the letter that brings it to the sender, or to another node.
    package func state(
        _ row: StatedRow, to addressee: NodeID? = nil, until: Timestamp
    ) throws {
        try database.cachedStatement(
            sql: """
                INSERT INTO stated (sender, id, entry, kind, statement) VALUES (?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            row.from.text, row.id.text, Int64(row.entry), row.kind, Data(row.statement),
        ])
        try post(
            row.kind, about: row.id, from: row.from, to: addressee ?? row.from, entry: row.entry,
            document: nil, until: until)
    }

    /// Owes a node a document of another's.
    package func post(
        _ kind: String, _ document: [UInt8], about id: TransferID, from: NodeID,
        to addressee: NodeID, until: Timestamp
    ) throws {
        try post(
            kind, about: id, from: from, to: addressee, entry: nil, document: document,
            until: until)
    }

    private func post(
        _ kind: String, about id: TransferID, from: NodeID, to addressee: NodeID, entry: UInt64?,
        document: [UInt8]?, until: Timestamp
    ) throws {
        try database.cachedStatement(
            sql: """
                INSERT INTO letters (addressee, sender, id, kind, entry, until, document)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            addressee.text, from.text, id.text, kind, entry.map { Int64($0) }, until.seconds,
            document.map { Data($0) },
        ])
    }

    /// The addressee has taken a letter.
    package func letterWasTaken(_ letter: LetterRow) throws {
        try end(letter)
        guard let entry = letter.entry else { return }
        try database.cachedStatement(
            sql: "UPDATE stated SET taken = ? WHERE id = ? AND sender = ? AND entry = ?"
        ).execute(arguments: [time.seconds, letter.id.text, letter.from.text, Int64(entry)])
    }

    /// Nobody owes a letter any more.
    package func end(_ letter: LetterRow) throws {
        try database.cachedStatement(sql: "DELETE FROM letters WHERE number = ?")
            .execute(arguments: [letter.number])
    }

    /// Nobody owes a node any letter of this kind about a transfer any more.
    package func endLetters(
        _ kind: String, about id: TransferID, from: NodeID, to addressee: NodeID
    ) throws {
        let sql = "DELETE FROM letters WHERE id = ? AND sender = ? AND kind = ? AND addressee = ?"
        try database.cachedStatement(sql: sql)
            .execute(arguments: [id.text, from.text, kind, addressee.text])
    }

    /// A dataset that is sent derives from these transfers, which were received here, each from the
    /// sender that it names.
    package func derive(_ id: TransferID, from parts: [TransferReference]) throws {
        for part in parts {
            try database.cachedStatement(
                sql: "INSERT INTO derived (part, transfer) VALUES (?, ?) ON CONFLICT DO NOTHING"
            ).execute(arguments: [part.text, id.text])
        }
    }

    /// The newest entry about a transfer: what was read of its entries is all there is as long as it
    /// stays the same.
    package func lastEntry(of id: TransferID) throws -> UInt64? {
        try LetterRow.lastEntry(of: id, database)
    }

    /// How many receipts of this kind a transfer has, of all attempts.
    package func receiptCount(_ kind: String, of id: TransferID, from: NodeID) throws -> Int {
        let sql = "SELECT count(*) FROM receipts WHERE id = ? AND sender = ? AND kind = ?"
        return try Int.fetchOne(
            database.cachedStatement(sql: sql), arguments: [id.text, from.text, kind]) ?? 0
    }
}

extension Snapshot {
    /// What this node stated about a transfer that it received, oldest first.
    package func stated(of id: TransferID, from: NodeID) throws -> [StatedRow] {
        try StatedRow.fetch(
            database, "WHERE id = ? AND sender = ? ORDER BY entry", [id.text, from.text])
    }

    /// One of the own statements.
    package func stated(_ letter: LetterRow) throws -> StatedRow? {
        guard let entry = letter.entry else { return nil }
        return try StatedRow.fetch(
            database, "WHERE id = ? AND sender = ? AND entry = ?",
            [letter.id.text, letter.from.text, Int64(entry)]
        ).first
    }

    /// Nodes to which letters are owed.
    package func addressees() throws -> [NodeID] {
        try String.fetchAll(database, sql: "SELECT DISTINCT addressee FROM letters ORDER BY 1")
            .map { try NodeID($0) }
    }

    /// Letters for a node, in their order.
    package func letters(
        to addressee: NodeID, after number: Int64, limit: Int
    ) throws -> [LetterRow] {
        try LetterRow.fetch(
            database, "WHERE addressee = ? AND number > ? ORDER BY number LIMIT ?",
            [addressee.text, number, limit])
    }

    /// One letter; nil where it is owed no more.
    package func letter(_ number: Int64) throws -> LetterRow? {
        try LetterRow.fetch(database, "WHERE number = ?", [number]).first
    }

    /// Whether a letter of this kind about a transfer is still owed to a node.
    package func owes(
        _ kind: String, about id: TransferID, from: NodeID, to addressee: NodeID
    ) throws -> Bool {
        let sql = """
            SELECT 1 FROM letters WHERE id = ? AND sender = ? AND kind = ? AND addressee = ?
            """
        return try Row.fetchOne(
            database.cachedStatement(sql: sql),
            arguments: [id.text, from.text, kind, addressee.text]) != nil
    }

    /// What is still owed to anybody about a transfer.
    package func letters(about id: TransferID, from: NodeID) throws -> [LetterRow] {
        try LetterRow.fetch(
            database, "WHERE id = ? AND sender = ? ORDER BY number", [id.text, from.text])
    }

    /// The document of a letter that is another's; nil where there is none any more.
    package func document(of letter: LetterRow) throws -> [UInt8]? {
        try [UInt8].fetch(
            database, "SELECT document FROM letters WHERE number = ? AND document NOTNULL",
            [letter.number])
    }

    /// Letters whose time is over, at most a thousand.
    package func lettersOver(at now: Timestamp) throws -> [LetterRow] {
        try LetterRow.fetch(database, Self.overClause, [now.seconds])
    }

    static let overClause = "WHERE until <= ? LIMIT 1000"

    /// How many letters of one kind are owed for transfers of a country's nodes.
    package func letterCount(of country: Country, as kind: String) throws -> Int {
        try letterCount("kind = ?", kind, country)
    }

    /// The same of all kinds but one.
    package func letterCount(of country: Country, besides kind: String) throws -> Int {
        try letterCount("kind <> ?", kind, country)
    }

    private func letterCount(
        _ condition: String, _ kind: String, _ country: Country
    ) throws -> Int {
        // The nodes of `SG` are those between `SG/` and `SG0`, the character behind the slash.
        try Int.fetchOne(
            database.cachedStatement(sql: Self.letterCountOfMember(condition)),
            arguments: ["\(country.code)/", "\(country.code)0", kind]) ?? 0
    }

    static func letterCountOfMember(_ condition: String) -> String {
        "SELECT count(*) FROM letters WHERE sender > ? AND sender < ? AND \(condition)"
    }

    /// The newest entry about a transfer.
    package func lastEntry(of id: TransferID) throws -> UInt64? {
        try LetterRow.lastEntry(of: id, database)
    }

    /// What was sent on of a transfer that was received here from that sender.
    package func derived(from part: TransferID, of sender: NodeID) throws -> [OutboundRow] {
        // Rows of earlier versions name the id alone: of each sender's that is, or too little was asked back.
        try String.fetchAll(
            database,
            sql: "SELECT DISTINCT transfer FROM derived WHERE part IN (?, ?) ORDER BY transfer",
            arguments: [TransferReference(part, from: sender).text, part.text]
        ).compactMap { try outbound(try TransferID($0)) }
    }
}

extension LetterRow {
    fileprivate static func fetch(
        _ database: Database, _ clause: String, _ arguments: StatementArguments
    ) throws -> [LetterRow] {
        let sql = """
            SELECT number, addressee, sender, id, kind, entry, until FROM letters \(clause)
            """
        return try Row.fetchAll(database.cachedStatement(sql: sql), arguments: arguments).map {
            row throws in
            LetterRow(
                number: row[0], addressee: try NodeID(row[1]), from: try NodeID(row[2]),
                id: try TransferID(row[3]), kind: row[4],
                entry: (row[5] as Int64?).flatMap { UInt64(exactly: $0) },
                until: Timestamp(seconds: row[6]))
        }
    }

    fileprivate static func lastEntry(of id: TransferID, _ database: Database) throws -> UInt64? {
        let sql = "SELECT max(sequence) FROM entries WHERE transfer = ?"
        return try Int64.fetchOne(database.cachedStatement(sql: sql), arguments: [id.text])
            .flatMap { UInt64(exactly: $0) }
    }
}

extension StatedRow {
    fileprivate static func fetch(
        _ database: Database, _ clause: String, _ arguments: StatementArguments
    ) throws -> [StatedRow] {
        let sql = "SELECT sender, id, kind, entry, statement, taken FROM stated \(clause)"
        return try Row.fetchAll(database.cachedStatement(sql: sql), arguments: arguments).map {
            row throws in
            StatedRow(
                from: try NodeID(row[0]), id: try TransferID(row[1]), kind: row[2],
                entry: try row.unsigned(3), statement: try row.bytes(4) ?? [],
                taken: (row[5] as Int64?).map { Timestamp(seconds: $0) })
        }
    }
}
