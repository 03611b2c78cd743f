// Measures the log beside a bare SQLite loop on the same disk, in one run, and prints ratios.
//
//     SelatLedgerBenchmark FOLDER [ENTRIES]

import CSQLite
import Foundation
import SelatAudit
import SelatCore
import SelatCrypto
import SelatStore

@main struct LedgerBenchmark {
    static func main() async throws {
        let arguments = CommandLine.arguments
        let folder = arguments.count > 1 ? arguments[1] : FileManager.default.currentDirectoryPath
        let entries = arguments.count > 2 ? Int(arguments[2]) ?? 200_000 : 200_000
        let path = folder + "/selat-bench-\(getpid()).sqlite"
        defer {
            for suffix in ["", "-wal", "-shm", "-lock"] { unlink(path + suffix) }
        }
        let log = try LogIdentity(
            origin: "selat/bench/SG/csa/1", key: try PrivateKey.generate(.ed25519))
        let (grouped, commits) = try await append(entries, writers: 64, path, log)
        let bare = try bareLoop(entries, perCommit: max(1, entries / commits), folder)
        row("append, 64 writers", grouped, "bare loop, \(entries / commits) a commit", bare)
        try verify(path, log)
        try await prove(path, log)
        let single = min(entries, 5_000)
        let (alone, _) = try await append(single, writers: 1, path, log)
        row(
            "append, 1 writer", alone, "bare loop, 1 a commit",
            try bareLoop(single, perCommit: 1, folder))
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        print("bytes on disk an entry: \(size / (entries + single))")
    }

    /// - Returns: entries a second, and how many commits they took.
    static func append(
        _ count: Int, writers: Int, _ path: String, _ log: LogIdentity
    ) async throws -> (Double, Int) {
        let opening = ContinuousClock.now
        let store = try Store.open(
            path: path, log: log, clock: SystemClock(), entropy: SystemEntropy(),
            fatal: { error in
                print(error)
                exit(70)
            })
        print("opened in \(ContinuousClock.now - opening)")
        let start = ContinuousClock.now
        let sizes = try await withThrowingTaskGroup(of: Set<UInt64>.self) { group in
            for _ in 0..<writers {
                group.addTask {
                    var sizes: Set<UInt64> = []
                    let transfer = TransferID(
                        milliseconds: 1, entropy: SystemEntropy().bytes(10))
                    for index in 0..<count / writers {
                        let draft = EntryDraft(
                            kind: "transfer.sealed", transfer: transfer, actor: .user(1_000),
                            details: [
                                "state": "sealed", "size": .integer(Int64(index)),
                                "digest": .string(String(repeating: "0", count: 64)),
                            ])
                        sizes.insert(try await store.commit { try $0.append(draft) }.treeSize)
                    }
                    return sizes
                }
            }
            return try await group.reduce(into: Set<UInt64>()) { $0.formUnion($1) }
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        await store.close()
        return (Double(count) / seconds, sizes.count)
    }

    /// The same rows without a log around them: no trigger, no tree, no signature.
    static func bareLoop(_ count: Int, perCommit: Int, _ folder: String) throws -> Double {
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
        let transfer = Array("0198f0a0-1111-7222-8333-444455556666".utf8)
        let start = ContinuousClock.now
        for index in 0..<count {
            if index % perCommit == 0 { sqlite3_exec(connection, "BEGIN IMMEDIATE", nil, nil, nil) }
            sqlite3_bind_int64(entry, 1, Int64(index))
            sqlite3_bind_int64(entry, 2, 1_788_220_800)
            _ = selat_sqlite_bind_text(entry, 3, Array("transfer.sealed".utf8), 15)
            _ = selat_sqlite_bind_text(entry, 4, transfer, 36)
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

    static func verify(_ path: String, _ log: LogIdentity) throws {
        let start = ContinuousClock.now
        let report = try LogFile.verify(path: path, key: log.verifierKey)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        print(
            "verify: \(Int(Double(report.entries) / seconds)) entries/s, "
                + "\(report.checkpoints) checkpoints, \(report.failureCount) failures")
    }

    static func prove(_ path: String, _ log: LogIdentity) async throws {
        let store = try Store.open(
            path: path, log: log, clock: SystemClock(), entropy: SystemEntropy(),
            fatal: { error in
                print(error)
                exit(70)
            })
        let size = store.latestCheckpoint.checkpoint.size
        let start = ContinuousClock.now
        for step in 0..<1_000 {
            _ = try await store.proof(of: (UInt64(step) &* 2_654_435_761) % size)
        }
        print("inclusion proof: \((ContinuousClock.now - start) / 1_000) each")
        await store.close()
    }

    static func row(_ name: String, _ ours: Double, _ peer: String, _ theirs: Double) {
        print("\(name): \(Int(ours))/s; \(peer): \(Int(theirs))/s; ratio \(ours / theirs)")
    }
}
