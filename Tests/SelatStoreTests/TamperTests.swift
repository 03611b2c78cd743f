import CSQLite
import Foundation
import GRDB
import SelatAudit
import SelatCore
import SelatCrypto
import Testing

@testable import SelatStore

/// A database that was written honestly, then opened by somebody with the `sqlite3` tool.
@Suite struct TamperTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Twenty entries, closed.
    private func write(_ count: Int = 20) async throws {
        let store = try Store.openForTest(folder)
        let transfer = TransferID(milliseconds: 1, entropy: Array(repeating: 7, count: 10))
        for index in 0..<count {
            _ = try await store.commit { transaction in
                try transaction.append(
                    EntryDraft(
                        kind: "test.entry", transfer: index % 2 == 0 ? transfer : nil,
                        details: ["number": .integer(Int64(index))]))
            }
        }
        await store.close()
    }

    private func execute(_ sql: String) throws {
        let queue = try DatabaseQueue(path: folder.database)
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
        try queue.close()
    }

    private static let dropTriggers = [
        "entries_take_the_next", "entries_never_change", "entries_are_kept",
        "details_take_the_next", "details_never_change", "details_are_kept",
        "checkpoints_only_grow", "checkpoints_never_change", "checkpoints_are_kept",
    ].map { "DROP TRIGGER \($0);" }.joined()

    /// The failures, without those that only say that triggers are gone.
    private func failures() throws -> [String] {
        try LogFile.verify(path: folder.database, key: TestLog.identity.verifierKey)
            .failures.map(\.description).filter { !$0.hasSuffix("of the log's schema is gone") }
    }

    @Test func untouchedLogIsSound() async throws {
        try await write()
        let report = try LogFile.verify(
            path: folder.database, key: TestLog.identity.verifierKey)
        #expect(report.failures == [])
        #expect(report.isSound)
        #expect(report.entries == 20)
        #expect(report.size == 20)
        #expect(report.covered == 20)
        #expect(report.checkpoints >= 1)
        #expect(!report.isKeyItsOwn)
    }

    @Test func emptyLogIsSound() async throws {
        try await write(0)
        let report = try LogFile.verify(path: folder.database)
        #expect(report.isSound)
        #expect(report.entries == 0)
        #expect(report.isKeyItsOwn)
        #expect(report.key == TestLog.identity.verifierKey)
    }

    @Test func anotherKeyFindsNothingSigned() async throws {
        try await write()
        let other = try LogIdentity(
            origin: TestLog.identity.origin, key: try PrivateKey.generate(.ed25519))
        let report = try LogFile.verify(path: folder.database, key: other.verifierKey)
        #expect(!report.isSound)
        #expect(report.covered == 0)
    }

    @Test(arguments: [
        "UPDATE entries SET kind = 'other' WHERE sequence = 3",
        "DELETE FROM entries WHERE sequence = 19", "DELETE FROM entries",
        "UPDATE details SET details = x'7b7d' WHERE sequence = 3", "DELETE FROM details",
        "DELETE FROM checkpoints", "UPDATE checkpoints SET note = x'00'",
        "INSERT OR REPLACE INTO entries SELECT * FROM entries WHERE sequence = 3",
        "REPLACE INTO details SELECT * FROM details WHERE sequence = 19",
        "REPLACE INTO details SELECT * FROM details WHERE sequence = 3",
        "REPLACE INTO checkpoints SELECT * FROM checkpoints",
        """
        INSERT INTO entries SELECT 25, time, kind, transfer, actor, commitment, nodes
        FROM entries WHERE sequence = 3
        """,
        """
        INSERT INTO entries SELECT NULL, time, kind, transfer, actor, commitment, nodes
        FROM entries WHERE sequence = 3
        """,
        """
        INSERT INTO entries SELECT sequence, time, 'x', transfer, actor, commitment, nodes
        FROM entries WHERE sequence = 3 ON CONFLICT (sequence) DO UPDATE SET kind = 'x'
        """,
        "UPDATE OR REPLACE entries SET sequence = 20 WHERE sequence = 3",
    ])
    func triggersRefuse(sql: String) async throws {
        try await write()
        #expect(throws: DatabaseError.self) { try execute(sql) }
        #expect(try failures() == [])
    }

    @Test(arguments: [
        (
            "UPDATE entries SET kind = 'other' WHERE sequence = 3",
            "entry 3: it was changed: it is not the entry that is in the tree"
        ),
        (
            "UPDATE entries SET time = time + 1 WHERE sequence = 0",
            "entry 0: it was changed: it is not the entry that is in the tree"
        ),
        (
            "UPDATE entries SET actor = 'uid:0' WHERE sequence = 19",
            "entry 19: it was changed: it is not the entry that is in the tree"
        ),
        (
            "UPDATE details SET details = x'7b7d' WHERE sequence = 7",
            "entry 7: its details are not those it is bound to"
        ),
        (
            "UPDATE details SET salt = zeroblob(32) WHERE sequence = 7",
            "entry 7: its details are not those it is bound to"
        ),
        ("DELETE FROM details WHERE sequence = 7", "entry 7: its details are missing"),
        ("DELETE FROM entries WHERE sequence = 5", "entry 5: it is missing"),
        (
            "DELETE FROM entries WHERE sequence IN (5, 6)",
            "entry 5: it and those up to 6 are missing"
        ),
        (
            "DELETE FROM entries WHERE sequence >= 18",
            "entry 18: it and those up to 19 are missing: they were signed"
        ),
        ("DELETE FROM entries WHERE sequence >= 18", "2 details belong to no entry"),
        (
            "UPDATE entries SET nodes = CAST(nodes || zeroblob(32) AS BLOB) WHERE sequence = 4",
            "entry 4: the tree nodes stored with it are not those of the tree"
        ),
        (
            """
            UPDATE entries SET nodes = CAST(substr(nodes, 1, 32) || zeroblob(32) AS BLOB)
            WHERE sequence = 5
            """, "entry 5: the tree nodes stored with it are not those of the tree"
        ),
        (
            """
            UPDATE entries SET sequence = -1 WHERE sequence = 3;
            UPDATE entries SET sequence = 3 WHERE sequence = 4;
            UPDATE entries SET sequence = 4 WHERE sequence = -1
            """, "entry 3: it was changed: it is not the entry that is in the tree"
        ),
        ("UPDATE checkpoints SET note = CAST(note || x'0a' AS BLOB)", "checkpoint of 20 entries"),
        (
            "UPDATE checkpoints SET size = 21 WHERE size = 20",
            "checkpoint of 21 entries: malformed checkpoint `stored as of size 21`"
        ),
    ])
    func changesBehindTheTriggersAreFound(change: (sql: String, finding: String)) async throws {
        try await write()
        try execute(Self.dropTriggers + change.sql)
        let found = try failures()
        #expect(found.contains { $0.hasPrefix(change.finding) }, "\(found)")
    }

    @Test func droppedTriggerIsFound() async throws {
        try await write()
        try execute("DROP TRIGGER entries_are_kept")
        let report = try LogFile.verify(path: folder.database)
        #expect(
            report.failures.map(\.description)
                == ["`entries_are_kept` of the log's schema is gone"])
    }

    @Test func addedTriggerIsFound() async throws {
        try await write()
        try execute(
            "CREATE TRIGGER quiet BEFORE INSERT ON entries BEGIN SELECT raise(IGNORE); END")
        #expect(try failures() == ["`quiet` of the log's schema is foreign"])
    }

    @Test func entryRewrittenWithItsLeafIsFoundByTheSignature() async throws {
        try await write()
        let row = try await reopened { try await $0.entries()[3].entry }
        let forged = Entry(
            sequence: 3, time: row.time, kind: "forged", transfer: row.transfer, actor: row.actor,
            commitment: row.commitment)
        let nodes = forged.leaf.hex
        try execute(
            Self.dropTriggers + """
                UPDATE entries SET kind = 'forged',
                nodes = CAST(x'\(nodes)' || substr(nodes, 33) AS BLOB) WHERE sequence = 3
                """)
        let found = try failures()
        #expect(found.contains { $0.hasSuffix("are not those that were signed") }, "\(found)")
    }

    @Test func storeRefusesToOpenARewrittenLog() async throws {
        try await write()
        try execute(Self.dropTriggers + "DELETE FROM entries WHERE sequence >= 18")
        #expect(throws: StoreError.self) { try Store.openForTest(folder) }
    }

    private func reopened<Value: Sendable>(
        _ body: (Store) async throws -> Value
    ) async throws -> Value {
        let store = try Store.openForTest(folder)
        let value = try await body(store)
        await store.close()
        return value
    }

    @Test(arguments: 1..<16)
    func flippedPageIsFoundOrHarmless(page: Int) async throws {
        try await write(200)
        let clean = try LogFile.verify(path: folder.database)
        var bytes = try Data(contentsOf: URL(filePath: folder.database))
        let at = page * 4096 + 3000 + page * 17
        try #require(at < bytes.count)
        bytes[at] ^= 0x40
        try bytes.write(to: URL(filePath: folder.database))
        let report: LogReport
        do {
            report = try LogFile.verify(path: folder.database)
        } catch StoreError.damaged {
            // The schema itself was hit.
            return
        }
        // Free space within a page holds nothing.
        let isSame = report.root == clean.root && report.entries == clean.entries
        #expect(!report.isSound || isSame)
    }

    @Test func garbageIsNoDatabase() throws {
        try Data(repeating: 0x41, count: 8_192).write(to: URL(filePath: folder.database))
        #expect(throws: StoreError.self) { try LogFile.verify(path: folder.database) }
        #expect(throws: StoreError.self) { try Store.openForTest(folder) }
        #expect(throws: StoreError.self) { try LogFile.verify(path: folder.path + "/none") }
    }
}
