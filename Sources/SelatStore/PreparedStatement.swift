// The statements of the hot path, prepared once. Everything else goes through GRDB.

import CSQLite
import GRDB
import SelatCore

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

/// What a statement is given and gives, without the database layer's own values in between.
protocol RawStatement {
    var pointer: OpaquePointer { get }
}

/// One prepared statement, for the thread that owns its connection. Not Sendable.
final class PreparedStatement: RawStatement {
    let pointer: OpaquePointer

    init(_ sql: String, on connection: OpaquePointer) throws {
        var statement: OpaquePointer?
        let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
        guard sqlite3_prepare_v3(connection, sql, -1, flags, &statement, nil) == SQLITE_OK,
            let statement
        else { throw SQLiteFailure(connection) }
        pointer = statement
    }

    deinit { sqlite3_finalize(pointer) }
}

/// A statement that GRDB owns and keeps prepared, run without GRDB. Valid as long as its `Database`.
struct BorrowedStatement: RawStatement {
    private let statement: Statement
    let pointer: OpaquePointer

    init(_ sql: String, in database: Database) throws {
        self.init(try database.cachedStatement(sql: sql))
    }

    init(_ statement: Statement) {
        self.statement = statement
        pointer = statement.sqliteStatement
    }

    /// The blob of the one row that a key names; `body` gets nothing when there is no row.
    func withBlob<Result>(
        of key: Int64, _ body: (UnsafeRawBufferPointer) -> Result?
    ) throws -> Result? {
        bind(1, key)
        defer { reset() }
        return try step() ? withBytes(0, body) : nil
    }
}

extension RawStatement {
    /// Runs to the end, for statements that give no rows.
    func run() throws {
        defer { sqlite3_reset(pointer) }
        guard sqlite3_step(pointer) == SQLITE_DONE else { throw failure }
    }

    /// - Returns: whether there is a row to be read.
    func step() throws -> Bool {
        switch sqlite3_step(pointer) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default:
            let failure = failure
            sqlite3_reset(pointer)
            throw failure
        }
    }

    /// What `read` makes of each row.
    func rows<Value>(_ read: (Self) throws -> Value) throws -> [Value] {
        defer { reset() }
        var values: [Value] = []
        while try step() { values.append(try read(self)) }
        return values
    }

    func reset() { sqlite3_reset(pointer) }

    private var failure: SQLiteFailure { SQLiteFailure(sqlite3_db_handle(pointer)) }

    // SQLite fails here only for an index out of range, which no statement of ours has, or without
    // memory; the step would then meet a NULL that the schema refuses.

    func bind(_ index: Int32, _ value: Int64) { sqlite3_bind_int64(pointer, index, value) }

    func bind(_ index: Int32, _ value: Int64?) {
        guard let value else { return bindNull(index) }
        bind(index, value)
    }

    func bind(_ index: Int32, _ bytes: [UInt8]) {
        bytes.withUnsafeBytes { bind(index, $0) }
    }

    func bind(_ index: Int32, _ bytes: [UInt8]?) {
        guard let bytes else { return bindNull(index) }
        bind(index, bytes)
    }

    func bind(_ index: Int32, _ bytes: UnsafeRawBufferPointer) {
        _ = selat_sqlite_bind_blob(pointer, index, bytes.baseAddress, Int32(bytes.count))
    }

    /// Binds bytes that SQLite does not copy: they must stay until the statement has run.
    func bindBorrowed(_ index: Int32, _ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return bind(index, bytes) }
        sqlite3_bind_blob(pointer, index, bytes.baseAddress, Int32(bytes.count), nil)
    }

    func bind(_ index: Int32, _ text: String?) {
        guard var text else { return bindNull(index) }
        text.withUTF8 {
            _ = selat_sqlite_bind_text(pointer, index, $0.baseAddress, Int32($0.count))
        }
    }

    func bindNull(_ index: Int32) { sqlite3_bind_null(pointer, index) }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(pointer, column) }

    func optionalInteger(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }

    /// - Throws: `CoreError` for a negative number.
    func unsigned(_ column: Int32) throws -> UInt64 {
        let number = integer(column)
        guard let value = UInt64(exactly: number) else {
            throw CoreError.malformed("column", "\(number)", expected: "a number from 0")
        }
        return value
    }

    func isNull(_ column: Int32) -> Bool {
        sqlite3_column_type(pointer, column) == SQLITE_NULL
    }

    func text(_ column: Int32) -> String {
        withBytes(column) { String(decoding: $0, as: UTF8.self) }
    }

    func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

    /// The bytes of a text or blob; empty for NULL.
    func bytes(_ column: Int32) -> [UInt8] { withBytes(column) { Array($0) } }

    func optionalBytes(_ column: Int32) -> [UInt8]? { isNull(column) ? nil : bytes(column) }

    /// The bytes of a text or blob where SQLite has them, until the next step.
    func withBytes<Result>(_ column: Int32, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        // The pointer first: asking for it may convert, and the count is of the converted value.
        let start = sqlite3_column_blob(pointer, column)
        let count = Int(sqlite3_column_bytes(pointer, column))
        return body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
    }
}

extension Database {
    /// Runs `body` on one committed state. As GRDB's own does, with statements that stay prepared.
    func inOneState<Value>(_ body: () throws -> Value) throws -> Value {
        let end = try BorrowedStatement("COMMIT", in: self)
        try BorrowedStatement("BEGIN", in: self).run()
        do {
            let value = try body()
            try end.run()
            return value
        } catch {
            // A reader has nothing to lose; some failures have ended the transaction already.
            if sqlite3_get_autocommit(sqliteConnection) == 0 {
                sqlite3_exec(sqliteConnection, "ROLLBACK", nil, nil, nil)
            }
            throw error
        }
    }
}
