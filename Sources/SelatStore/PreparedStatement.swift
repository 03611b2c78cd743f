// The statements of the hot path, prepared once. Everything else goes through GRDB.

import CSQLite
import GRDB

/// A failure of SQLite, with its extended result code.
struct SQLiteFailure: Error {
    let code: Int32
    let message: String

    init(_ connection: OpaquePointer?) {
        code = sqlite3_extended_errcode(connection)
        message = String(cString: sqlite3_errmsg(connection))
    }

    init(_ error: DatabaseError) {
        code = error.extendedResultCode.rawValue
        message = error.message ?? "no message"
    }

    /// The class of the failure: the low byte of the extended code.
    var primaryCode: Int32 { code & 0xFF }
}

/// One prepared statement, for the thread that owns its connection. Not Sendable.
final class PreparedStatement {
    private let connection: OpaquePointer
    private let statement: OpaquePointer

    init(_ sql: String, on connection: OpaquePointer) throws {
        var statement: OpaquePointer?
        let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
        guard sqlite3_prepare_v3(connection, sql, -1, flags, &statement, nil) == SQLITE_OK,
            let statement
        else { throw SQLiteFailure(connection) }
        self.connection = connection
        self.statement = statement
    }

    deinit { sqlite3_finalize(statement) }

    /// Runs to the end, for statements that give no rows.
    func run() throws {
        defer { sqlite3_reset(statement) }
        guard sqlite3_step(statement) == SQLITE_DONE else { throw SQLiteFailure(connection) }
    }

    /// - Returns: whether there is a row to be read.
    func step() throws -> Bool {
        switch sqlite3_step(statement) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default:
            let failure = SQLiteFailure(connection)
            sqlite3_reset(statement)
            throw failure
        }
    }

    func reset() { sqlite3_reset(statement) }

    // SQLite fails here only for an index out of range, which no statement of ours has, or without
    // memory; the step would then meet a NULL that the schema refuses.

    func bind(_ index: Int32, _ value: Int64) { sqlite3_bind_int64(statement, index, value) }

    func bind(_ index: Int32, _ bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes {
            selat_sqlite_bind_blob(statement, index, $0.baseAddress, Int32($0.count))
        }
    }

    func bind(_ index: Int32, _ bytes: UnsafeRawBufferPointer) {
        _ = selat_sqlite_bind_blob(statement, index, bytes.baseAddress, Int32(bytes.count))
    }

    /// Binds bytes that SQLite does not copy: they must stay until the statement has run.
    func bindBorrowed(_ index: Int32, _ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return bind(index, bytes) }
        sqlite3_bind_blob(statement, index, bytes.baseAddress, Int32(bytes.count), nil)
    }

    func bind(_ index: Int32, _ text: String?) {
        guard var text else {
            sqlite3_bind_null(statement, index)
            return
        }
        text.withUTF8 {
            _ = selat_sqlite_bind_text(statement, index, $0.baseAddress, Int32($0.count))
        }
    }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }

    func isNull(_ column: Int32) -> Bool {
        sqlite3_column_type(statement, column) == SQLITE_NULL
    }

    /// The bytes of a text or blob; empty for NULL.
    func bytes(_ column: Int32) -> [UInt8] { withBytes(column) { Array($0) } }

    /// The bytes of a text or blob where SQLite has them, until the next step.
    func withBytes<Result>(_ column: Int32, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        // The pointer first: asking for it may convert, and the count is of the converted value.
        let start = sqlite3_column_blob(statement, column)
        let count = Int(sqlite3_column_bytes(statement, column))
        return body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
    }
}

/// A statement that GRDB owns, for a query that runs many times on one connection.
struct BorrowedStatement {
    private let statement: Statement

    init(_ statement: Statement) { self.statement = statement }

    /// The blob of the one row that a key names; `body` gets nothing when there is no row.
    func withBlob<Result>(
        of key: Int64, _ body: (UnsafeRawBufferPointer) -> Result?
    ) throws -> Result? {
        let pointer = statement.sqliteStatement
        sqlite3_bind_int64(pointer, 1, key)
        defer { sqlite3_reset(pointer) }
        switch sqlite3_step(pointer) {
        case SQLITE_ROW:
            let start = sqlite3_column_blob(pointer, 0)
            let count = Int(sqlite3_column_bytes(pointer, 0))
            return body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
        case SQLITE_DONE: return nil
        default: throw SQLiteFailure(sqlite3_db_handle(pointer))
        }
    }
}
