// A connection that cannot write, to a database that nobody vouches for.

import CSQLite
import SelatAudit
import SelatCore

/// One read transaction on a database file. Not Sendable.
final class ReadOnlyConnection {
    private let connection: OpaquePointer

    /// Opens the file and begins to read.
    ///
    /// On a disk that cannot be written SQLite may be unable to make the shared index of a database
    /// in WAL mode; a database whose log is empty is then read as it lies.
    /// - Throws: `StoreError`.
    init(path: String) throws {
        guard Files.exists(path) else {
            throw StoreError.cannotOpen(path: path, reason: "no such file")
        }
        do {
            connection = try Self.open("file:\(Self.escaped(path))?mode=ro")
        } catch let failure as SQLiteFailure {
            let isLocation = [SQLITE_CANTOPEN, SQLITE_READONLY].contains(failure.primaryCode)
            guard isLocation, !Files.exists(path + "-wal") || Files.isEmpty(path + "-wal") else {
                throw StoreError("opening database `\(path)`", failure, path: path)
            }
            do {
                connection = try Self.open("file:\(Self.escaped(path))?immutable=1")
            } catch let failure as SQLiteFailure {
                throw StoreError("opening database `\(path)`", failure, path: path)
            }
        }
    }

    private init(_ connection: OpaquePointer) { self.connection = connection }

    deinit { sqlite3_close_v2(connection) }

    /// A database in memory that holds `schema` and nothing else.
    static func fresh(schema: String) throws -> ReadOnlyConnection {
        ReadOnlyConnection(try open("file::memory:", SQLITE_OPEN_READWRITE, then: schema))
    }

    func prepare(_ sql: String) throws -> PreparedStatement {
        try PreparedStatement(sql, on: connection)
    }

    /// The number that a query gives.
    func integer(_ sql: String) throws -> Int64 {
        let statement = try prepare(sql)
        return try statement.step() ? statement.integer(0) : 0
    }

    /// Copies the state that is being read into a new file, whatever is written meanwhile.
    ///
    /// The copy needs no log beside it, and is not durable.
    func copy(to path: String) throws {
        try Files.create(path)
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX
        guard sqlite3_open_v2(path, &opened, flags, nil) == SQLITE_OK, let copy = opened else {
            defer { sqlite3_close_v2(opened) }
            throw SQLiteFailure(opened)
        }
        defer { sqlite3_close_v2(copy) }
        guard sqlite3_exec(copy, "PRAGMA synchronous = OFF", nil, nil, nil) == SQLITE_OK,
            let backup = sqlite3_backup_init(copy, "main", connection, "main")
        else { throw SQLiteFailure(copy) }
        // In one go: the read transaction holds still what is copied, and waits for nobody.
        let stepped = sqlite3_backup_step(backup, -1)
        guard sqlite3_backup_finish(backup) == SQLITE_OK, stepped == SQLITE_DONE,
            sqlite3_exec(copy, "PRAGMA journal_mode = DELETE", nil, nil, nil) == SQLITE_OK
        else { throw SQLiteFailure(copy) }
    }

    /// The entries whose details were erased, as their table has them; none before there was one.
    func erasures() throws -> SequenceSet {
        guard try logSchema()["erasures"] != nil else { return SequenceSet() }
        let statement = try prepare("SELECT first, last FROM erasures")
        var ranges: [ClosedRange<UInt64>] = []
        while try statement.step() {
            guard let first = UInt64(exactly: statement.integer(0)),
                let last = UInt64(exactly: statement.integer(1)), first <= last
            else { continue }
            ranges.append(first...last)
        }
        // The order of the file would be that of texts, or of damaged pages.
        return SequenceSet(ranges)
    }

    /// The text of the log's tables, their indices and triggers, by name.
    func logSchema() throws -> [String: String] {
        let statement = try prepare(
            """
            SELECT name, sql FROM sqlite_schema
            WHERE tbl_name IN ('entries', 'details', 'checkpoints', 'erasures') AND sql IS NOT NULL
            """)
        var schema: [String: String] = [:]
        while try statement.step() {
            schema[String(decoding: statement.bytes(0), as: UTF8.self)] = String(
                decoding: statement.bytes(1), as: UTF8.self)
        }
        return schema
    }

    /// Opens, and reads once, so that what is wrong with the file shows here.
    private static func open(
        _ uri: String, _ mode: Int32 = SQLITE_OPEN_READONLY,
        then sql: String = """
        PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA query_only = ON;
        BEGIN; SELECT count(*) FROM sqlite_schema
        """
    ) throws -> OpaquePointer {
        var connection: OpaquePointer?
        let flags = mode | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX
        let code = sqlite3_open_v2(uri, &connection, flags, nil)
        guard code == SQLITE_OK, let opened = connection else {
            defer { sqlite3_close_v2(connection) }
            throw SQLiteFailure(connection)
        }
        sqlite3_busy_timeout(opened, 5_000)
        guard selat_sqlite_set_defensive(opened) == SQLITE_OK,
            sqlite3_exec(opened, sql, nil, nil, nil) == SQLITE_OK
        else {
            defer { sqlite3_close_v2(opened) }
            throw SQLiteFailure(opened)
        }
        return opened
    }

    /// A path as it stands in a URI.
    private static func escaped(_ path: String) -> String {
        let bytes = path.utf8.flatMap { byte -> [UInt8] in
            switch byte {
            case UInt8(ascii: "%"), UInt8(ascii: "?"), UInt8(ascii: "#"):
                Array("%\(Hex.encode([byte]))".utf8)
            default: [byte]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
