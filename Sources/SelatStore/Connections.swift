// How the database is opened, and what is asserted afterwards.

import CSQLite
import Dispatch
import GRDB

enum Connections {
    static let busyMilliseconds: Int32 = 5_000

    /// The one connection that writes.
    static func writer(path: String) throws -> DatabaseQueue {
        var configuration = configuration()
        configuration.prepareDatabase { database in
            // The default journal mode of a queue is left to us: in its own WAL mode GRDB would set
            // synchronous back to NORMAL.
            try database.execute(
                sql: """
                    PRAGMA journal_mode = WAL;
                    PRAGMA synchronous = FULL;
                    PRAGMA secure_delete = ON;
                    PRAGMA recursive_triggers = ON;
                    PRAGMA wal_autocheckpoint = 4000;
                    """)
        }
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    /// Connections that only read, each seeing one committed state at a time.
    static func readers(path: String) throws -> Readers {
        var configuration = configuration()
        configuration.readonly = true
        configuration.prepareDatabase { database in
            // There are several, each with its own: what is beyond the pages that are read over and over
            // comes from the system's cache.
            try database.execute(sql: "PRAGMA cache_size = -2048")
        }
        return try Readers(path: path, configuration: configuration)
    }

    private static func configuration() -> Configuration {
        var configuration = Configuration()
        // GRDB asks for more than a daemon may have, and libdispatch logs each refusal.
        configuration.qos = .default
        configuration.busyMode = .timeout(Double(busyMilliseconds) / 1_000)
        configuration.prepareDatabase { database in
            // What SQLite sets aside, such as for a savepoint, is pages of the database: they are not to lie in
            // files outside the state folder, and the calls would cost as much as the write-ahead log's.
            try database.execute(
                sql: """
                    PRAGMA trusted_schema = OFF;
                    PRAGMA cell_size_check = ON;
                    PRAGMA temp_store = MEMORY;
                    """)
            guard selat_sqlite_set_defensive(database.sqliteConnection) == SQLITE_OK else {
                throw StoreError.settingRefused("defensive", is: "off", needs: "on")
            }
        }
        return configuration
    }

    /// SQLite opens a file that it may not write without a word, for reading only.
    static func assertWritable(_ database: Database, path: String) throws {
        guard sqlite3_db_readonly(database.sqliteConnection, "main") == 0 else {
            throw StoreError.readOnly(path: path)
        }
    }

    /// Asserts what durability rests on, once everything that could change it has run.
    static func assertDurable(_ database: Database) throws {
        let needed = [
            ("journal_mode", "wal"), ("synchronous", "2"), ("secure_delete", "1"),
            ("trusted_schema", "0"), ("query_only", "0"), ("temp_store", "2"),
        ]
        for (setting, value) in needed {
            let found = try String.fetchOne(database, sql: "PRAGMA \(setting)") ?? "unknown"
            guard found == value else {
                throw StoreError.settingRefused(setting, is: found, needs: value)
            }
        }
    }
}

extension StoreError {
    /// The store's word for a failure of SQLite.
    init(_ operation: String, _ failure: SQLiteFailure, path: String) {
        switch failure.primaryCode {
        case SQLITE_FULL: self = .diskFull(path: path)
        case SQLITE_READONLY, SQLITE_PERM: self = .readOnly(path: path)
        case SQLITE_BUSY, SQLITE_LOCKED: self = .locked(path: path)
        case SQLITE_CORRUPT, SQLITE_NOTADB:
            self = .damaged(path: path, reason: failure.message)
        case SQLITE_CANTOPEN: self = .cannotOpen(path: path, reason: failure.message)
        default: self = .failed(operation, code: failure.code, reason: failure.message)
        }
    }

    /// Turns SQLite's errors, by whichever way they came, into the store's; others pass.
    static func mapped(_ operation: String, _ error: any Error, path: String) -> any Error {
        switch error {
        case let error as DatabaseError:
            StoreError(operation, SQLiteFailure(error), path: path)
        case let failure as SQLiteFailure: StoreError(operation, failure, path: path)
        default: error
        }
    }
}
