// The audit log as the daemon uses it, beside a bare SQLite loop with the same rows and the same batch
// size, in one run, and prints ratios.
//
//     SelatLedgerBenchmark FOLDER [ENTRIES] [PART...]
//
// Parts: append, single, verify, open, prove; all of them without a word. ENTRIES is for the first
// three; `open` makes a log of a million entries, and `prove` one of ten.

import Foundation
import SelatAudit
import SelatCore
import SelatCrypto
import SelatStore

@main struct LedgerBenchmark {
    let folder: String
    let log: LogIdentity

    static func main() async throws {
        let arguments = CommandLine.arguments
        let folder = arguments.count > 1 ? arguments[1] : FileManager.default.currentDirectoryPath
        let entries = arguments.count > 2 ? Int(arguments[2]) ?? 200_000 : 200_000
        let parts = arguments.count > 3 ? Set(arguments[3...]) : all
        let benchmark = LedgerBenchmark(
            folder: folder,
            log: try LogIdentity(
                origin: "selat/bench/SG/csa/1", key: try PrivateKey.generate(.ed25519)))
        if parts.contains("append") { try await benchmark.append(entries) }
        if parts.contains("single") { try await benchmark.single(min(entries, 5_000)) }
        if parts.contains("verify") { try await benchmark.verify(max(entries, 1_000_000)) }
        if parts.contains("open") { try await benchmark.open(1_000_000) }
        if parts.contains("prove") { try await benchmark.prove(10_000_000) }
    }

    private static let all: Set<String> = ["append", "single", "verify", "open", "prove"]
}

extension LedgerBenchmark {
    private func append(_ count: Int) async throws {
        try await withDatabase { path in
            let (ours, commits) = try await append(count, writers: 64, path)
            let perCommit = max(1, count / commits)
            let bare = bareLoop(count, perCommit: perCommit, writers: 64, folder)
            print(
                "append, 64 writers: \(Int(ours))/s; bare loop, \(perCommit) a commit: "
                    + "\(Int(bare))/s; ratio \(ours / bare)")
            let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
            print("bytes on disk an entry: \(size / count), with details of 96 bytes and salt")
        }
    }

    private func single(_ count: Int) async throws {
        try await withDatabase { path in
            let (ours, _) = try await append(count, writers: 1, path)
            let bare = bareLoop(count, perCommit: 1, writers: 1, folder)
            print(
                "append, 1 writer: \(Int(ours))/s; bare loop, 1 a commit: \(Int(bare))/s; "
                    + "ratio \(ours / bare)")
        }
    }

    private func verify(_ count: Int) async throws {
        try await withDatabase { path in
            try await fill(path, count)
            let before = peakMemory()
            let start = ContinuousClock.now
            let report = try LogFile.verify(path: path, key: log.verifierKey)
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            print(
                "verify: \(Int(Double(report.entries) / seconds)) entries/s, "
                    + "\(report.checkpoints) checkpoints, \(report.failureCount) failures; "
                    + "peak memory grew by \(peakMemory() - before) KiB")
        }
    }

    private func open(_ count: Int) async throws {
        try await withDatabase { path in
            try await fill(path, count)
            let start = ContinuousClock.now
            let store = try store(path)
            print("open with \(count) entries: \(ContinuousClock.now - start)")
            await store.close()
        }
    }

    private func prove(_ count: Int) async throws {
        try await withDatabase { path in
            try await fill(path, count)
            let store = try store(path)
            let rounds = 2_000
            let start = ContinuousClock.now
            for step in 0..<rounds {
                _ = try store.proof(of: (UInt64(step) &* 2_654_435_761) % UInt64(count))
            }
            print(
                "inclusion proof from \(count) entries: "
                    + "\((ContinuousClock.now - start) / rounds) each")
            await store.close()
        }
    }
}

extension LedgerBenchmark {
    /// - Returns: entries a second, and how many commits they took.
    private func append(
        _ count: Int, writers: Int, _ path: String
    ) async throws -> (Double, commits: Int) {
        let store = try store(path)
        let start = ContinuousClock.now
        let sizes = try await withThrowingTaskGroup(of: Set<UInt64>.self) { group in
            for _ in 0..<writers {
                group.addTask {
                    var sizes: Set<UInt64> = []
                    var transfer = newTransfer()
                    for index in 0..<count / writers {
                        if index % 8 == 0 { transfer = newTransfer() }
                        let draft = Self.draft(transfer, index)
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

    /// Makes a log of `count` entries, eight to a transfer, many to a commit.
    private func fill(_ path: String, _ count: Int) async throws {
        let store = try store(path)
        for first in stride(from: 0, to: count, by: 1_000) {
            _ = try await store.commit { transaction in
                var transfer = newTransfer()
                for index in first..<min(first + 1_000, count) {
                    if index % 8 == 0 { transfer = newTransfer() }
                    try transaction.append(Self.draft(transfer, index))
                }
            }
        }
        await store.close()
    }

    private static func draft(_ transfer: TransferID, _ index: Int) -> EntryDraft {
        EntryDraft(
            kind: "transfer.sealed", transfer: transfer, actor: .user(1_000),
            details: [
                "state": "sealed", "size": .integer(Int64(index)), "digest": .string(Self.digest),
            ])
    }

    private static let digest = String(repeating: "0", count: 64)

    private func store(_ path: String) throws -> Store {
        try Store.open(
            path: path, log: log, clock: SystemClock(), entropy: SystemEntropy(),
            fatal: { error in
                print(error)
                exit(70)
            })
    }

    private func withDatabase(_ body: (String) async throws -> Void) async throws {
        let path = folder + "/selat-bench-\(getpid()).sqlite"
        defer { for suffix in ["", "-wal", "-shm", "-lock"] { unlink(path + suffix) } }
        try await body(path)
    }

    /// KiB.
    private func peakMemory() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss
    }
}

/// An id as the daemon makes them: those of one time stand together in an index.
func newTransfer() -> TransferID {
    let milliseconds = UInt64(Date().timeIntervalSince1970 * 1_000)
    return TransferID(milliseconds: milliseconds, entropy: SystemEntropy().bytes(10))
}
