// Membership documents: every list, record and revocation list that was ever taken, for good.

import Foundation
import GRDB
package import SelatCore

/// One document as the database keeps it.
package struct MembershipRow: Sendable, Hashable {
    package enum Kind: String, Sendable {
        case list
        case record
        /// PEM, one list or more.
        case revocationLists = "crl"
        /// Another valid list of a serial that is held: two lists, and so a broken promise.
        case fork
    }

    package let kind: Kind
    /// Nil for lists.
    package let country: Country?
    /// Of a list or record; 0 for revocation lists, which have numbers of their own.
    package let serial: UInt64
    /// SHA-256 of the bytes.
    package let digest: Digest
    package let taken: Timestamp
    /// Who brought it: an entry's actor.
    package let source: String
    package let bytes: [UInt8]

    package init(
        kind: Kind, country: Country?, serial: UInt64, digest: Digest, taken: Timestamp,
        source: String, bytes: [UInt8]
    ) {
        self.kind = kind
        self.country = country
        self.serial = serial
        self.digest = digest
        self.taken = taken
        self.source = source
        self.bytes = bytes
    }
}

enum MembershipSchema {
    static let sql = """
        CREATE TABLE membership_documents (
            number INTEGER PRIMARY KEY,
            kind TEXT NOT NULL CHECK (kind IN ('list', 'record', 'crl', 'fork')),
            country TEXT, serial INTEGER NOT NULL,
            digest BLOB NOT NULL CHECK (length(digest) = 32),
            taken INTEGER NOT NULL, source TEXT NOT NULL, bytes BLOB NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX membership_lists ON membership_documents (serial)
        WHERE kind = 'list';
        CREATE UNIQUE INDEX membership_records ON membership_documents (country, serial)
        WHERE kind = 'record';
        CREATE INDEX membership_by_time ON membership_documents (kind, country, taken);
        CREATE TRIGGER membership_never_changes BEFORE UPDATE ON membership_documents
        BEGIN SELECT raise(ABORT, 'membership documents never change'); END;
        CREATE TRIGGER membership_is_kept BEFORE DELETE ON membership_documents
        BEGIN SELECT raise(ABORT, 'membership documents are kept for good'); END;
        """

    /// A member whose record fell with a list, or that has left and comes back, begins anew: with
    /// serials that its records of then had.
    static let serialsAgain = "DROP INDEX membership_records;"
}

extension Transaction {
    /// Keeps a document for good.
    /// - Throws: SQLite's failure for a second list of one serial.
    package func keep(_ row: MembershipRow) throws {
        try database.cachedStatement(
            sql: """
                INSERT INTO membership_documents
                  (kind, country, serial, digest, taken, source, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            row.kind.rawValue, row.country?.code, Int64(row.serial), Data(row.digest.bytes),
            row.taken.seconds, row.source, Data(row.bytes),
        ])
    }

    /// The serial of the list in force; 0 before the first.
    package func newestListSerial() throws -> UInt64 {
        let statement = try BorrowedStatement(
            "SELECT coalesce(max(serial), 0) FROM membership_documents WHERE kind = 'list'",
            in: database)
        return try statement.rows { try $0.unsigned(0) }.first ?? 0
    }
}

extension Snapshot {
    /// The lists, oldest first, and of each country the newest record and revocation lists.
    /// - Parameter time: leaves out what was taken later; nil for all.
    package func membership(asOf time: Timestamp? = nil) throws -> [MembershipRow] {
        let sql = """
            SELECT kind, country, serial, digest, taken, source, bytes FROM membership_documents
            WHERE kind = 'list' AND taken <= :time OR number IN (
              SELECT max(number) FROM membership_documents
              WHERE kind IN ('record', 'crl') AND taken <= :time GROUP BY kind, country)
            ORDER BY number
            """
        return try MembershipRow.fetch(database, sql, ["time": time?.seconds ?? .max])
    }

    /// The record of a country that was taken last, as a CMS message; nil where none was.
    /// - Parameter time: leaves out what was taken later.
    package func memberRecord(of country: Country, asOf time: Timestamp) throws -> [UInt8]? {
        let sql = """
            SELECT kind, country, serial, digest, taken, source, bytes FROM membership_documents
            WHERE kind = 'record' AND country = :country AND taken <= :time
            ORDER BY number DESC LIMIT 1
            """
        return try MembershipRow.fetch(
            database, sql, ["country": country.code, "time": time.seconds]
        ).first?.bytes
    }

    /// The list of a serial.
    package func membershipList(_ serial: UInt64) throws -> MembershipRow? {
        guard let serial = Int64(exactly: serial) else { return nil }
        let sql = """
            SELECT kind, country, serial, digest, taken, source, bytes FROM membership_documents
            WHERE kind = 'list' AND serial = :serial
            """
        return try MembershipRow.fetch(database, sql, ["serial": serial]).first
    }

    /// Valid lists that contradict one that is held.
    package func membershipForks() throws -> [MembershipRow] {
        let sql = """
            SELECT kind, country, serial, digest, taken, source, bytes FROM membership_documents
            WHERE kind = 'fork' ORDER BY number
            """
        return try MembershipRow.fetch(database, sql, [:])
    }
}

extension MembershipRow {
    fileprivate static func fetch(
        _ database: Database, _ sql: String, _ arguments: StatementArguments
    ) throws -> [MembershipRow] {
        try Row.fetchAll(database.cachedStatement(sql: sql), arguments: arguments).map {
            row throws in
            let (digest, bytes): (Data, Data) = (row[3], row[6])
            guard let kind = Kind(rawValue: row[0]) else {
                throw CoreError.malformed("kind", row[0], expected: "a kind of document")
            }
            return MembershipRow(
                kind: kind, country: try (row[1] as String?).map { try Country($0) },
                serial: UInt64(clamping: row[2] as Int64),
                digest: try Digest(bytes: [UInt8](digest)), taken: Timestamp(seconds: row[4]),
                source: row[5], bytes: [UInt8](bytes))
        }
    }
}
