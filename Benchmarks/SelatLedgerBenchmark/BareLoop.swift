// The limit: the same rows and index in a loop over SQLite, without a log around them.

import CSQLite
import Foundation
import SelatCore

/// Entries a second of a loop with no trigger, no tree, no signature and no queue.
/// - Parameter writers: how many transfers go on side by side, eight entries each.
func bareLoop(_ count: Int, perCommit: Int, writers: Int, _ folder: String) -> Double {
    let path = folder + "/bare-bench-\(getpid()).sqlite"
    defer { for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) } }
    var connection: OpaquePointer?
    sqlite3_open(path, &connection)
    defer { sqlite3_close(connection) }
    sqlite3_exec(
        connection,
        """
        PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;
        CREATE TABLE entries (sequence INTEGER PRIMARY KEY, time INTEGER, kind TEXT,
          transfer TEXT, actor TEXT, commitment BLOB, nodes BLOB);
        CREATE INDEX by_transfer ON entries (transfer);
        CREATE TABLE details (sequence INTEGER PRIMARY KEY, salt BLOB, details BLOB);
        """, nil, nil, nil)
    var entry: OpaquePointer?
    var details: OpaquePointer?
    sqlite3_prepare_v2(
        connection, "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", -1, &entry, nil)
    sqlite3_prepare_v2(connection, "INSERT INTO details VALUES (?, ?, ?)", -1, &details, nil)
    defer {
        sqlite3_finalize(entry)
        sqlite3_finalize(details)
    }
    let (hash, nodes, text) = (
        [UInt8](repeating: 1, count: 32), [UInt8](repeating: 2, count: 64),
        [UInt8](repeating: 0x61, count: 110)
    )
    var transfers = (0..<writers).map { _ in Array(newTransfer().text.utf8) }
    let start = ContinuousClock.now
    for index in 0..<count {
        let writer = index % writers
        if index / writers % 8 == 0 { transfers[writer] = Array(newTransfer().text.utf8) }
        if index % perCommit == 0 { sqlite3_exec(connection, "BEGIN IMMEDIATE", nil, nil, nil) }
        sqlite3_bind_int64(entry, 1, Int64(index))
        sqlite3_bind_int64(entry, 2, 1_788_220_800)
        _ = selat_sqlite_bind_text(entry, 3, Array("transfer.sealed".utf8), 15)
        _ = selat_sqlite_bind_text(entry, 4, transfers[writer], 36)
        _ = selat_sqlite_bind_text(entry, 5, Array("uid:1000".utf8), 8)
        _ = selat_sqlite_bind_blob(entry, 6, hash, 32)
        _ = selat_sqlite_bind_blob(entry, 7, nodes, 64)
        sqlite3_step(entry)
        sqlite3_reset(entry)
        sqlite3_bind_int64(details, 1, Int64(index))
        _ = selat_sqlite_bind_blob(details, 2, hash, 32)
        _ = selat_sqlite_bind_blob(details, 3, text, 110)
        sqlite3_step(details)
        sqlite3_reset(details)
        if index % perCommit == perCommit - 1 || index == count - 1 {
            sqlite3_exec(connection, "COMMIT", nil, nil, nil)
        }
    }
    return Double(count) / ((ContinuousClock.now - start) / .seconds(1))
}
