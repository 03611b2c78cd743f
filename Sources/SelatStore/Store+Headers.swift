// Signed headers, kept when the parts that they name are long destroyed: a receipt is about one.

import Foundation
import GRDB
package import SelatCore

enum HeaderSchema {
    static let sql = """
        CREATE TABLE headers (
            envelope BLOB PRIMARY KEY NOT NULL CHECK (length(envelope) = 32),
            cms BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        """

    /// A table with row numbers: on an index's pages most of each header lay on a page of its own.
    static let numbered = """
        CREATE TABLE numbered_headers (
            envelope BLOB PRIMARY KEY NOT NULL CHECK (length(envelope) = 32),
            cms BLOB NOT NULL
        ) STRICT;
        INSERT INTO numbered_headers SELECT envelope, cms FROM headers;
        DROP TABLE headers;
        ALTER TABLE numbered_headers RENAME TO headers;
        """
}

extension Transaction {
    /// Keeps a header for good.
    /// - Parameter envelope: the envelope's identity, which the header has alone.
    package func keep(header cms: [UInt8], of envelope: Digest) throws {
        let statement = try BorrowedStatement(
            "INSERT INTO headers (envelope, cms) VALUES (?, ?) ON CONFLICT DO NOTHING",
            in: database)
        statement.bind(1, envelope.bytes)
        statement.bind(2, cms)
        try statement.run()
    }
}

extension Transaction {
    /// Whether this node sent or took the envelope.
    package func holdsHeader(of envelope: Digest) throws -> Bool {
        try Row.fetchOne(
            database, sql: "SELECT 1 FROM headers WHERE envelope = ?",
            arguments: [Data(envelope.bytes)]) != nil
    }
}

extension Snapshot {
    /// The signed header (CMS) of an envelope that this node sent or took; nil for others.
    package func header(of envelope: Digest) throws -> [UInt8]? {
        try [UInt8].fetch(
            database, "SELECT cms FROM headers WHERE envelope = ?", [Data(envelope.bytes)])
    }
}
