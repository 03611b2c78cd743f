import Foundation
import GRDB
import SelatAudit
import SelatCore
import SelatCrypto
import SelatTestSupport
import Testing

@testable import SelatStore

@Suite struct FaultTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func limitPages(_ store: Store, _ pages: Int) async throws {
        _ = try await store.commit { transaction in
            try transaction.database.execute(sql: "PRAGMA max_page_count = \(pages)")
        }
    }

    @Test func fullDiskUndoesTheWholeChangeAndTheStoreGoesOn() async throws {
        let store = try Store.openForTest(folder)
        try await store.append(3)
        let before = store.latestCheckpoint
        try await limitPages(store, 1)
        let large = [UInt8](repeating: 1, count: 1 << 20)
        await #expect(throws: StoreError.diskFull(path: folder.database)) {
            try await store.commit { transaction in
                try transaction.append(.numbered(3))
                try transaction.setValue("large", large)
            }
        }
        #expect(store.latestCheckpoint == before)
        #expect(try await store.entries().count == 3)
        try await limitPages(store, 1 << 30)
        try await store.append(2)
        #expect(try await store.entries().map(\.entry.sequence) == [0, 1, 2, 3, 4])
        await store.close()
        #expect(try LogFile.verify(path: folder.database).failures == [])
    }

    @Test func changeThatMeetsSQLitesRefusalGetsItAsStoreError() async throws {
        let store = try Store.openForTest(folder)
        try await store.append(2)
        await #expect(throws: StoreError.self) {
            try await store.commit { transaction in
                try transaction.database.execute(sql: "DELETE FROM entries")
            }
        }
        try await store.append(1)
        #expect(try await store.entries().count == 3)
        await store.close()
    }

    @Test func durabilityIsFullOnTheWritersConnection() async throws {
        let store = try Store.openForTest(folder)
        let found = try await store.commit { transaction in
            try ["synchronous", "journal_mode", "trusted_schema", "secure_delete"].map {
                try String.fetchOne(transaction.database, sql: "PRAGMA \($0)")
            }
        }
        #expect(found.value == ["2", "wal", "0", "1"])
        // Defensive mode: not even a change of the daemon's own can write the schema by hand.
        await #expect(throws: StoreError.self) {
            try await store.commit { transaction in
                try transaction.database.execute(
                    sql: "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema")
            }
        }
        await store.close()
    }

    @Test func readersCannotWrite() async throws {
        let store = try Store.openForTest(folder)
        await #expect(throws: StoreError.readOnly(path: folder.database)) {
            try await store.read { try $0.database.execute(sql: "DELETE FROM settings") }
        }
        await store.close()
    }

    /// The child is killed by the kernel while it commits; what it was told is durable must be there.
    @Test(arguments: [7, 40, 133])
    func killedWriterLeavesASoundLog(entriesUntilKill: Int) async throws {
        let path = folder.database
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [path = path as String, entriesUntilKill = entriesUntilKill as Int] in
            let store = try Store.open(
                path: path,
                log: try LogIdentity(
                    origin: "selat/test/SG/csa/1", key: try PrivateKey.generate(.ed25519)),
                clock: FixedClock(), entropy: SystemEntropy(), fatal: { _ in exit(70) })
            await withTaskGroup(of: Void.self) { group in
                for writer in 0..<8 {
                    group.addTask {
                        for index in 0..<1_000 {
                            let done = try? await store.commit { transaction in
                                try transaction.setValue("writer-\(writer)", [UInt8(index & 255)])
                                return try transaction.append(.numbered(index))
                            }
                            guard let done else { return }
                            if done.value >= UInt64(entriesUntilKill) { kill(getpid(), SIGKILL) }
                        }
                    }
                }
            }
        }
        let report = try LogFile.verify(path: path)
        #expect(report.failures == [])
        #expect(report.entries > UInt64(entriesUntilKill))
    }
}
