// The parts of small transfers: they lie in the database, and become durable with the rows that name them.
// A file for each would cost an fsync and a folder's entry for a kilobyte.

import GRDB
package import SelatCore

enum PartSchema {
    /// Parts go with the state in which they belong to a transfer: nothing else has to remember them. What comes
    /// in may have ended by the commit that takes it, so theirs are looked at from the first row on.
    static let sql = """
        CREATE TABLE parts (
            name TEXT NOT NULL,
            part TEXT NOT NULL CHECK (part IN ('head', 'leaves', 'payload')),
            bytes BLOB NOT NULL,
            PRIMARY KEY (name, part)
        ) STRICT, WITHOUT ROWID;
        CREATE TRIGGER outbound_parts_go AFTER UPDATE OF state ON outbound
        WHEN NEW.state NOT IN ('sealing', 'waiting', 'queued', 'sending', 'relayed')
        BEGIN DELETE FROM parts WHERE name = 'out.' || NEW.id; END;
        CREATE TRIGGER inbound_parts_go AFTER UPDATE OF state ON inbound
        WHEN NEW.state NOT IN ('receiving', 'delivered', 'opened', 'recalled')
        BEGIN
            DELETE FROM parts WHERE name = 'in.' || replace(NEW.sender, '/', '-') || '.' || NEW.id;
        END;
        CREATE TRIGGER inbound_parts_come AFTER INSERT ON inbound
        WHEN NEW.state NOT IN ('receiving', 'delivered', 'opened', 'recalled')
        BEGIN
            DELETE FROM parts WHERE name = 'in.' || replace(NEW.sender, '/', '-') || '.' || NEW.id;
        END;
        CREATE TRIGGER relayed_parts_come AFTER INSERT ON relayed
        WHEN NEW.state NOT IN ('receiving', 'holding', 'forwarded', 'returned')
        BEGIN
            DELETE FROM parts WHERE name = 'via.' || replace(NEW.sender, '/', '-') || '.' || NEW.id;
        END;
        CREATE TRIGGER relayed_parts_go AFTER UPDATE OF state ON relayed
        WHEN NEW.state NOT IN ('receiving', 'holding', 'forwarded', 'returned')
        BEGIN
            DELETE FROM parts WHERE name = 'via.' || replace(NEW.sender, '/', '-') || '.' || NEW.id;
        END;
        """
}

extension Transaction {
    /// Keeps a part of a small transfer, in place of what was there, for as long as the transfer is in a
    /// state that has parts. To be called before the row is saved.
    package func keep(_ bytes: [UInt8], as part: SpoolFolder.Name.Part, of name: SpoolFolder.Name)
        throws
    {
        let statement = try BorrowedStatement(
            """
            INSERT INTO parts (name, part, bytes) VALUES (?, ?, ?)
            ON CONFLICT (name, part) DO UPDATE SET bytes = excluded.bytes
            """, in: database)
        statement.bind(1, name.description)
        statement.bind(2, part.rawValue)
        statement.bind(3, bytes)
        try statement.run()
    }
}

extension Snapshot {
    /// A part of a small transfer; nil where it does not lie in the database.
    package func part(_ part: SpoolFolder.Name.Part, of name: SpoolFolder.Name) throws -> [UInt8]? {
        let statement = try BorrowedStatement(
            "SELECT bytes FROM parts WHERE name = ? AND part = ?", in: database)
        statement.bind(1, name.description)
        statement.bind(2, part.rawValue)
        return try statement.rows { $0.bytes(0) }.first
    }

    /// How many bytes a part of a small transfer has; nil where it does not lie in the database.
    package func partSize(
        _ part: SpoolFolder.Name.Part, of name: SpoolFolder.Name
    ) throws -> Int? {
        let statement = try BorrowedStatement(
            "SELECT length(bytes) FROM parts WHERE name = ? AND part = ?", in: database)
        statement.bind(1, name.description)
        statement.bind(2, part.rawValue)
        return try statement.rows { Int(clamping: $0.integer(0)) }.first
    }
}

/// A payload that lies in memory, to be read like one in the spool.
package final class StoredPayload: SegmentSource {
    private let name: SpoolFolder.Name
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8], of name: SpoolFolder.Name) {
        self.bytes = bytes
        self.name = name
    }

    package func read(
        _ range: Range<UInt64>, into memory: inout MutableRawSpan
    ) throws(FileFault) -> Int {
        guard range.upperBound <= UInt64(bytes.count) else {
            throw FileFault(
                "reading the payload of", "\(name)", code: 0,
                reason: "ends at byte \(bytes.count), before \(range.upperBound)")
        }
        let piece = bytes[Int(range.lowerBound)..<Int(range.upperBound)]
        memory.withUnsafeMutableBytes { memory in memory.copyBytes(from: piece) }
        return 0
    }
}
