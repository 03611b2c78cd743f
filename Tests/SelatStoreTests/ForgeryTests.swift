import Foundation
import GRDB
import SelatAudit
import SelatCore
import SelatCrypto
import SelatTestSupport
import Testing

@testable import SelatStore

/// What somebody with the disk, and in the worst case the log's key, can do to a database; each test's
/// name says who finds it.
@Suite struct ForgeryTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func write(_ count: Int) async throws -> SignedCheckpoint {
        let store = try Store.openForTest(folder)
        try await store.append(count)
        let checkpoint = store.latestCheckpoint
        await store.close()
        return checkpoint
    }

    private func execute(_ sql: String) throws {
        let queue = try DatabaseQueue(path: folder.database)
        try queue.writeWithoutTransaction { database in
            let triggers = try Row.fetchAll(
                database, sql: "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
            for row in triggers {
                try database.execute(sql: "DROP TRIGGER \(row["name"] as String)")
            }
            try database.execute(sql: sql)
            // A careful forger puts the triggers back.
            for row in triggers { try database.execute(sql: row["sql"]) }
        }
        try queue.close()
    }

    private func failures() throws -> [String] {
        try LogFile.verify(path: folder.database, key: TestLog.identity.verifierKey)
            .failures.map(\.description)
    }

    /// The rows of entries from `first` on, changed by `change`, with leaves, nodes and commitments
    /// made anew, as somebody who knows this format would.
    private func rewrite(from first: Int, _ change: (inout String) -> Void) async throws {
        let store = try Store.openForTest(folder)
        let rows = try await store.entries()
        await store.close()
        var tree = LogTree()
        var sql = ""
        for row in rows {
            var kind = row.entry.kind.text
            if row.entry.sequence >= first { change(&kind) }
            let entry = Entry(
                sequence: row.entry.sequence, time: row.entry.time, kind: try EntryKind(kind),
                transfer: nil, actor: row.entry.actor, commitment: row.entry.commitment)
            var nodes = entry.leaf.bytes
            tree.append(leaf: entry.leaf) { nodes += $0.bytes }
            sql += """
                UPDATE entries SET kind = '\(kind)', nodes = x'\(Hex.encode(nodes))'
                WHERE sequence = \(entry.sequence);

                """
        }
        try execute(sql)
    }

    @Test func rewrittenTreeIsFoundByTheStoredCheckpoints() async throws {
        _ = try await write(12)
        try await rewrite(from: 5) { $0 = "forged.entry" }
        let found = try failures()
        #expect(!found.isEmpty)
        #expect(found.allSatisfy { $0.hasSuffix("are not those that were signed") }, "\(found)")
        #expect(throws: StoreError.self) { try Store.openForTest(folder) }
    }

    /// With the key everything can be signed again; what was shown to others cannot be taken back.
    @Test func forkedTreeSignedWithTheRightKeyIsTheWitnessesToFind() async throws {
        let shown = try await write(12).checkpoint
        try await rewrite(from: 5) { $0 = "forged.entry" }
        let queue = try DatabaseQueue(path: folder.database)
        let (size, root) = try await queue.read { database in
            let tree = try StoredTree.load(from: database)
            return (tree.size, tree.root)
        }
        try queue.close()
        let forged = try TestLog.identity.sign(size: size, root: root)
        try execute(
            """
            DELETE FROM checkpoints;
            INSERT INTO checkpoints VALUES (\(size), x'\(Hex.encode(forged.note))')
            """)
        #expect(try failures() == [])
        // A witness holds the checkpoint that it cosigned: the same size, and another root.
        #expect(shown.size == size && shown.root != root)
        let store = try Store.openForTest(folder)
        try await store.append(3)
        let path = try await store.read { try $0.consistencyProof(from: shown.size, to: 15) }
        let later = store.latestCheckpoint.checkpoint
        #expect(throws: AuditError.proofFails("consistency")) {
            try TreeProof.verifyConsistency(
                old: shown.size, oldRoot: shown.root, size: 15, root: later.root, path: path)
        }
        await store.close()
    }

    @Test func olderCopyOfTheWholeDatabaseIsTheWitnessesToFind() async throws {
        _ = try await write(7)
        let copy = folder.path + "/copy.sqlite"
        try FileManager.default.copyItem(atPath: folder.database, toPath: copy)
        let shown = try await write(5).checkpoint
        #expect(shown.size == 12)
        try FileManager.default.removeItem(atPath: folder.database)
        try FileManager.default.moveItem(atPath: copy, toPath: folder.database)
        #expect(try failures() == [])
        let store = try Store.openForTest(folder)
        // Behind what a witness has cosigned, and then forked from it.
        #expect(store.latestCheckpoint.checkpoint.size == 7)
        for number in 10..<16 {
            _ = try await store.commit { try $0.append(.numbered(number)) }
        }
        let path = try await store.read { try $0.consistencyProof(from: 12, to: 13) }
        let later = store.latestCheckpoint.checkpoint
        await store.close()
        #expect(throws: AuditError.self) {
            try TreeProof.verifyConsistency(
                old: 12, oldRoot: shown.root, size: 13, root: later.root, path: path)
        }
    }

    @Test(arguments: [
        (
            """
            INSERT INTO entries SELECT 12, time, kind, transfer, actor, commitment, nodes
            FROM entries WHERE sequence = 11;
            INSERT INTO details SELECT 12, salt, details FROM details WHERE sequence = 11
            """, "entry 12: it was changed: it is not the entry that is in the tree"
        ),
        (
            """
            UPDATE details SET sequence = -1 WHERE sequence = 3;
            UPDATE details SET sequence = 3 WHERE sequence = 4;
            UPDATE details SET sequence = 4 WHERE sequence = -1
            """, "entry 3: its details are not those it is bound to"
        ),
        (
            "DELETE FROM entries WHERE sequence = 0; DELETE FROM details WHERE sequence = 0",
            "entry 0: it is missing"
        ),
        (
            "UPDATE entries SET actor = 'daemon\"' WHERE sequence = 2",
            "entry 2: it was changed: it is not the entry that is in the tree"
        ),
    ])
    func rowsAddedSwappedOrRemovedAreFoundAndNamed(
        change: (sql: String, finding: String)
    ) async throws {
        _ = try await write(12)
        try execute(change.sql)
        let found = try failures()
        #expect(found.contains(change.finding), "\(found)")
    }

    /// With the key anything can be signed, also what no tree has.
    @Test func aCheckpointOfNothingOverAnotherRootIsReported() async throws {
        let root = try await write(12).checkpoint.root
        let forged = try TestLog.identity.sign(size: 0, root: root)
        try execute("INSERT INTO checkpoints VALUES (0, x'\(Hex.encode(forged.note))')")
        #expect(
            try failures() == ["checkpoint of 0 entries: its root is not that of the empty tree"])
    }

    /// In another table under the name, numbers may be texts, which stand behind all others.
    @Test func aTableOfErasuresThatIsNotOursIsReported() async throws {
        _ = try await write(12)
        try execute(
            """
            DROP TABLE erasures;
            CREATE TABLE erasures (erasure, first, last);
            INSERT INTO erasures VALUES (11, 5, 6), (11, '2', '2'), (11, 'x', x'00')
            """)
        let found = try failures()
        #expect(found.contains("the table of erasures is not what the entries say was erased"))
        #expect(found.contains("`erasures` of the log's schema is changed"))
    }

    /// What a crash of the machine could do: the log ends where its write-ahead log was cut.
    @Test(arguments: [0, 1, 2, 3, 7])
    func aCutWriteAheadLogLeavesASoundPrefix(parts: Int) async throws {
        let store = try Store.openForTest(folder)
        try await store.append(20)
        let copy = try TemporaryFolder()
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(
                atPath: folder.database + suffix, toPath: copy.database + suffix)
        }
        await store.close()
        let wal = copy.database + "-wal"
        let size = try #require(
            try FileManager.default.attributesOfItem(atPath: wal)[.size] as? Int)
        #expect(truncate(wal, size * parts / 8) == 0)
        // Nothing was ever shown of what is gone, or a witness holds it: see the older copy.
        let reopened = try Store.openForTest(copy)
        let entries = try await reopened.entries().count
        #expect(entries <= 20)
        try await reopened.append(2)
        await reopened.close()
        let report = try LogFile.verify(path: copy.database)
        #expect(report.failures == [])
        #expect(report.size == UInt64(entries) + 2)
    }

    @Test func aDatabaseOfANewerVersionIsRefusedByName() async throws {
        _ = try await write(3)
        let known = Schema.migrations.count
        let queue = try DatabaseQueue(path: folder.database)
        try await queue.write {
            try $0.execute(
                sql: "INSERT INTO migrations (number, name) VALUES (?, 'of tomorrow')",
                arguments: [known + 1])
        }
        try queue.close()
        let newer = StoreError.newerSchema(path: folder.database, version: known + 1, known: known)
        #expect(throws: newer) { try LogFile.verify(path: folder.database) }
        #expect(throws: newer) { try Store.openForTest(folder) }
        #expect(newer.description.contains("schema \(known + 1), this program knows \(known): "))
        #expect(newer.description.contains("install that one again"))
    }

    /// A database that an older version left is held to the schema that it had.
    @Test func aDatabaseOfAnOlderVersionVerifies() async throws {
        let older = Array(Schema.migrations.prefix(3))
        let store = try Store.openForTest(folder, migrations: older)
        try await store.append(4)
        await store.close()
        #expect(try failures() == [])
        try execute("UPDATE entries SET kind = 'other' WHERE sequence = 2")
        #expect(try failures().count == 1)
    }
}
