// Policy editions: bytes and signatures of every one that was ever taken, and which are active.

import Foundation
import GRDB
package import SelatCore

/// One edition as the database keeps it.
package struct EditionRow: Sendable, Hashable {
    /// SHA-256 of the file's bytes.
    package let digest: Digest
    /// The file's name without `.yaml`.
    package let name: String
    package let number: UInt64
    package let inForce: Timestamp
    package let received: Timestamp
    /// Who brought it: an entry's actor.
    package let source: String
    package let bytes: [UInt8]
    /// DER of the detached message beside the file.
    package let signatures: [UInt8]

    package init(
        digest: Digest, name: String, number: UInt64, inForce: Timestamp, received: Timestamp,
        source: String, bytes: [UInt8], signatures: [UInt8]
    ) {
        self.digest = digest
        self.name = name
        self.number = number
        self.inForce = inForce
        self.received = received
        self.source = source
        self.bytes = bytes
        self.signatures = signatures
    }

    package var mark: EditionMark {
        EditionMark(
            digest: digest, name: name, number: number, inForce: inForce, received: received)
    }
}

/// What is known of an edition without its bytes.
package struct EditionMark: Sendable, Hashable {
    package let digest: Digest
    package let name: String
    package let number: UInt64
    package let inForce: Timestamp
    package let received: Timestamp

    package init(
        digest: Digest, name: String, number: UInt64, inForce: Timestamp, received: Timestamp
    ) {
        self.digest = digest
        self.name = name
        self.number = number
        self.inForce = inForce
        self.received = received
    }
}

enum EditionSchema {
    static let sql = """
        CREATE TABLE editions (
            digest BLOB PRIMARY KEY NOT NULL CHECK (length(digest) = 32),
            name TEXT NOT NULL, number INTEGER NOT NULL, in_force INTEGER NOT NULL,
            received INTEGER NOT NULL, source TEXT NOT NULL,
            bytes BLOB NOT NULL, signatures BLOB NOT NULL,
            UNIQUE (name, number)
        ) STRICT;
        CREATE TABLE active_editions (
            name TEXT PRIMARY KEY NOT NULL,
            digest BLOB NOT NULL REFERENCES editions (digest)
        ) STRICT, WITHOUT ROWID;
        CREATE TRIGGER editions_never_change
        BEFORE UPDATE OF digest, name, number, in_force, received, source, bytes ON editions
        BEGIN SELECT raise(ABORT, 'editions never change'); END;
        CREATE TRIGGER editions_are_kept BEFORE DELETE ON editions
        BEGIN SELECT raise(ABORT, 'editions are kept for good'); END;
        """
}

extension Transaction {
    package func edition(_ digest: Digest) throws -> EditionRow? {
        try EditionRow.fetch(database, digest)
    }

    /// Keeps a new edition for good.
    /// - Throws: SQLite's failure where another one has its name and number.
    package func keep(_ row: EditionRow) throws {
        try database.cachedStatement(
            sql: """
                INSERT INTO editions
                  (digest, name, number, in_force, received, source, bytes, signatures)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            Data(row.digest.bytes), row.name, Int64(row.number), row.inForce.seconds,
            row.received.seconds, row.source, Data(row.bytes), Data(row.signatures),
        ])
    }

    /// Puts other signatures beside an edition that is kept.
    package func replaceSignatures(of digest: Digest, by signatures: [UInt8]) throws {
        try database.cachedStatement(sql: "UPDATE editions SET signatures = ? WHERE digest = ?")
            .execute(arguments: [Data(signatures), Data(digest.bytes)])
    }

    package func activeEditions() throws -> [String: Digest] {
        try EditionMark.active(in: database)
    }

    /// Makes an edition that is kept the active one of its name.
    package func activate(_ digest: Digest, as name: String) throws {
        try database.cachedStatement(
            sql: """
                INSERT INTO active_editions (name, digest) VALUES (?, ?)
                ON CONFLICT (name) DO UPDATE SET digest = excluded.digest
                """
        ).execute(arguments: [name, Data(digest.bytes)])
    }
}

extension Snapshot {
    package func edition(_ digest: Digest) throws -> EditionRow? {
        try EditionRow.fetch(database, digest)
    }

    /// Every edition that is kept, by name and number.
    package func editionMarks() throws -> [EditionMark] {
        let sql = """
            SELECT digest, name, number, in_force, received FROM editions ORDER BY name, number
            """
        return try Row.fetchAll(database.cachedStatement(sql: sql)).map { row in
            EditionMark(
                digest: try Digest(bytes: try row.data(0)), name: row[1],
                number: UInt64(clamping: row[2] as Int64), inForce: Timestamp(seconds: row[3]),
                received: Timestamp(seconds: row[4]))
        }
    }

    package func activeEditions() throws -> [String: Digest] {
        try EditionMark.active(in: database)
    }
}

extension EditionMark {
    fileprivate static func active(in database: Database) throws -> [String: Digest] {
        let statement = try BorrowedStatement(
            "SELECT name, digest FROM active_editions", in: database)
        let rows = try statement.rows { ($0.text(0), try Digest(bytes: $0.bytes(1))) }
        return Dictionary(uniqueKeysWithValues: rows)
    }
}

extension EditionRow {
    fileprivate static func fetch(_ database: Database, _ digest: Digest) throws -> EditionRow? {
        let sql = """
            SELECT name, number, in_force, received, source, bytes, signatures
            FROM editions WHERE digest = ?
            """
        let statement = try database.cachedStatement(sql: sql)
        return try Row.fetchOne(statement, arguments: [Data(digest.bytes)]).map { row in
            EditionRow(
                digest: digest, name: row[0], number: UInt64(clamping: row[1] as Int64),
                inForce: Timestamp(seconds: row[2]), received: Timestamp(seconds: row[3]),
                source: row[4], bytes: try row.data(5), signatures: try row.data(6))
        }
    }
}

extension Row {
    fileprivate func data(_ index: Int) throws -> [UInt8] {
        try withUnsafeData(atIndex: index) { $0.map { [UInt8]($0) } ?? [] }
    }
}
