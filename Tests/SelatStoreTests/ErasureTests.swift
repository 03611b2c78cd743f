import Foundation
import GRDB
import SelatAudit
import SelatCore
import SelatTestSupport
import Testing

@testable import SelatStore

@Suite struct ErasureTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Words that are in the details of one entry only, and long enough for pages of their own.
    private static func secret(_ index: Int) -> String {
        String(repeating: "secret-\(index)-of-the-detail ", count: index % 3 == 0 ? 400 : 3)
    }

    private func written(_ count: Int) async throws -> Store {
        let store = try Store.openForTest(folder)
        for index in 0..<count {
            _ = try await store.commit {
                try $0.append(
                    EntryDraft(
                        kind: index % 2 == 0 ? "offer.refused" : "test.entry",
                        details: ["text": .string(Self.secret(index))]))
            }
        }
        return store
    }

    private func erasure(_ ranges: ClosedRange<UInt64>...) throws -> Erasure {
        try Erasure(
            entries: SequenceSet(ranges), reason: "asked for by the one it is about",
            complete: Timestamp(seconds: 1_790_812_800), holders: ["VN/hub"])
    }

    /// Whether the words of an entry's details lie in any file of the folder.
    private func isOnDisk(_ index: Int) throws -> Bool {
        let words = Data("secret-\(index)-of-the-detail".utf8)
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).contains { name in
            try Data(contentsOf: URL(filePath: "\(folder.path)/\(name)")).range(of: words) != nil
        }
    }

    @Test(arguments: [3, 4, 9])
    func erasedBytesAreInNoFileAndEveryProofHolds(index: Int) async throws {
        let store = try await written(10)
        let before = store.latestCheckpoint.checkpoint
        #expect(try isOnDisk(index))
        let target = UInt64(index)
        let sequence = try await store.erase(try erasure(target...target), by: .user(1_000))
        #expect(sequence == 10)
        #expect(try !isOnDisk(index))
        #expect(try isOnDisk(index - 1))

        let row = try #require(try await store.read { try $0.entry(target) })
        #expect(row.details == nil && row.salt == nil)
        #expect(try await store.read { try $0.erasure(of: target) } == 10)
        let proof = try store.proof(of: target)
        let after = try proof.verify(leaf: row.entry.leaf, key: TestLog.identity.verifierKey)
        let path = try await store.read {
            try $0.consistencyProof(from: before.size, to: after.size)
        }
        try TreeProof.verifyConsistency(
            old: before.size, oldRoot: before.root, size: after.size, root: after.root, path: path)

        let entered = try #require(try await store.read { try $0.entry(10) })
        #expect(entered.entry.kind == Erasure.kind)
        #expect(entered.entry.actor == .user(1_000))
        let said = try Erasure(details: try #require(entered.details), sequence: 10)
        #expect(said == (try erasure(target...target)))
        await store.close()
        let report = try LogFile.verify(path: folder.database)
        #expect(report.failures == [])
        #expect(report.erased == 1)
    }

    @Test func manyAreErasedInOneEntry() async throws {
        let store = try await written(40)
        _ = try await store.erase(try erasure(0...9, 20...29), by: .daemon)
        try await store.append(2)
        _ = try await store.erase(try erasure(10...19), by: .daemon)
        for index in 0..<40 { #expect(try isOnDisk(index) == (index >= 30)) }
        await store.close()
        let report = try LogFile.verify(path: folder.database)
        #expect(report.failures == [])
        #expect(report.erased == 30)
    }

    @Test func whichErasureTookWhatIsFoundWithoutLookingAtAllOfThem() async throws {
        let store = try await written(30)
        _ = try await store.erase(try erasure(20...24, 2...4), by: .daemon)
        _ = try await store.erase(try erasure(0...0, 5...5, 10...19), by: .daemon)
        let found = try await store.read { snapshot in
            try (UInt64(0)..<32).map { try snapshot.erasure(of: $0) }
        }
        let first = Set<UInt64>([2, 3, 4, 20, 21, 22, 23, 24])
        let second = Set<UInt64>([0, 5]).union(10...19)
        let expected = (UInt64(0)..<32).map { sequence -> UInt64? in
            if first.contains(sequence) { return 30 }
            return second.contains(sequence) ? 31 : nil
        }
        #expect(found == expected)
        let plan = try await store.read { snapshot in
            try Row.fetchAll(
                snapshot.database, sql: "EXPLAIN QUERY PLAN \(Snapshot.erasureOfEntry)",
                arguments: [1]
            ).map { $0["detail"] as String }
        }
        #expect(
            plan.filter { $0.contains("erasures") }
                == ["SEARCH erasures USING INDEX erasures_by_first (first<?)"])
        await store.close()
        #expect(try LogFile.verify(path: folder.database).failures == [])
    }

    @Test func aReaderHoldsTheBytesOnlyAsLongAsItReads() async throws {
        let store = try await written(6)
        let reader = try await reader()
        _ = try await store.erase(try erasure(3...3), by: .daemon)
        try await reader.writeWithoutTransaction { try $0.execute(sql: "COMMIT") }
        try reader.close()
        // The writer tries again a second later.
        for _ in 0..<500 where try isOnDisk(3) { try await Task.sleep(for: .milliseconds(20)) }
        #expect(try !isOnDisk(3))
        await store.close()
    }

    /// Somebody else who reads the state of now, until a COMMIT.
    private func reader() async throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let reader = try DatabaseQueue(path: folder.database, configuration: configuration)
        try await reader.writeWithoutTransaction { database in
            try database.execute(sql: "BEGIN; SELECT count(*) FROM entries")
        }
        return reader
    }

    @Test func whatComesBehindAnErasureWaitsForNoReader() async throws {
        let store = try await written(6)
        let reader = try await reader()
        _ = try await store.erase(try erasure(3...3), by: .daemon)
        let start = ContinuousClock.now
        try await store.append(60)
        // Each would wait for a tenth of a second at least.
        #expect(start.duration(to: .now) < .seconds(6))
        #expect(try isOnDisk(3))
        try await reader.writeWithoutTransaction { try $0.execute(sql: "COMMIT") }
        try reader.close()
        await store.close()
        #expect(try !isOnDisk(3))
    }

    @Test func whatCannotBeErasedIsRefusedAndNothingHappens() async throws {
        let store = try await written(6)
        _ = try await store.erase(try erasure(2...2), by: .daemon)
        for (ranges, reason) in [
            ([7...7], "there is no such entry"), ([5...7], "there is no such entry"),
            ([2...2], "its details are erased already"),
            ([0...0, 1...3], "its details are erased already"),
            ([6...6], "it says what was erased, and stays"),
        ] as [([ClosedRange<UInt64>], String)] {
            let erasure = try Erasure(
                entries: SequenceSet(ranges), reason: "why", complete: Timestamp(seconds: 1))
            do {
                _ = try await store.erase(erasure, by: .daemon)
                Issue.record("erased \(ranges)")
            } catch let StoreError.notErasable(_, said) {
                #expect(said == reason)
            }
        }
        #expect(try await store.entries().count == 7)
        #expect(try await store.read { try $0.entry(0) }?.details != nil)
        await store.close()
        #expect(try LogFile.verify(path: folder.database).failures == [])
    }

    @Test func retentionErasesWhatIsDueAndLooksOnce() async throws {
        let store = try await written(10)
        let now = FixedClock().now()
        let rules: [EntryKind: Int64] = ["offer": 3_600]
        #expect(try await store.eraseDue(rules, at: now) == 0)
        #expect(try await store.eraseDue(rules, at: now + 3_601) == 5)
        #expect(try await store.eraseDue(rules, at: now + 3_602) == 0)
        for index in 0..<10 { #expect(try isOnDisk(index) == (index % 2 == 1)) }
        await store.close()
        let report = try LogFile.verify(path: folder.database)
        #expect(report.failures == [])
        #expect(report.erased == 5)
    }

    /// More than one entry about erasures can name: the next hour may bring as many again.
    @Test func retentionErasesAllThatIsDueInOneGo() async throws {
        let store = try Store.openForTest(folder)
        let due = Limits.erasureRangesMax + 3
        _ = try await store.commit { transaction in
            for index in 0..<2 * due {
                let kind: EntryKind = index % 2 == 0 ? "offer.refused" : "test.entry"
                try transaction.append(EntryDraft(kind: kind, details: [:]))
            }
        }
        let later = FixedClock().now() + 3_601
        #expect(try await store.eraseDue(["offer": 3_600], at: later) == UInt64(due))
        #expect(try await store.eraseDue(["offer": 3_600], at: later) == 0)
        await store.close()
        #expect(try LogFile.verify(path: folder.database).erased == UInt64(due))
    }

    /// One that covers what stays erases the rest, and holds up no other.
    @Test(arguments: ["details", "details.erased"] as [EntryKind])
    func retentionLeavesWhatErasuresSay(kind: EntryKind) async throws {
        let store = try await written(6)
        _ = try await store.erase(try erasure(3...3), by: .daemon)
        let rules: [EntryKind: Int64] = [kind: 3_600, "offer": 3_600]
        #expect(try await store.eraseDue(rules, at: FixedClock().now() + 3_601) == 3)
        #expect(try await store.read { try $0.entry(6) }?.details != nil)
        await store.close()
        #expect(try LogFile.verify(path: folder.database).failures == [])
    }

    @Test func aRuleThatFailsHoldsUpNoOther() async throws {
        let store = try await written(10)
        _ = try await store.commit {
            try $0.database.execute(
                sql: """
                    CREATE TRIGGER offers_stay BEFORE DELETE ON details
                    WHEN (SELECT kind FROM entries WHERE sequence = OLD.sequence) = 'offer.refused'
                    BEGIN SELECT raise(ABORT, 'offers stay'); END
                    """)
        }
        let rules: [EntryKind: Int64] = ["offer": 3_600, "test": 3_600]
        await #expect(throws: StoreError.self) {
            try await store.eraseDue(rules, at: FixedClock().now() + 3_601)
        }
        #expect(try await store.read { try $0.entry(2) }?.details != nil)
        #expect(try await store.read { try $0.entry(3) }?.details == nil)
        await store.close()
    }

    /// Refused offers that a clock has stamped which was ahead by these seconds.
    private func stamped(_ ahead: [Int64]) async throws -> (store: Store, start: Timestamp) {
        let clock = TestClock(FixedClock().now())
        let store = try Store.open(
            path: folder.database, log: TestLog.identity, clock: clock, entropy: SeededEntropy(7),
            fatal: { preconditionFailure("\($0)") })
        let start = clock.now()
        for seconds in ahead {
            clock.set(start + seconds)
            _ = try await store.commit {
                try $0.append(EntryDraft(kind: "offer.refused", details: ["text": "x"]))
            }
        }
        return (store, start)
    }

    /// An entry of a clock that was ahead, between two of one that was right.
    @Test func whatWasStampedAheadIsErasedOnceItIsDue() async throws {
        let (store, start) = try await stamped([0, 86_400, 0])
        let rules: [EntryKind: Int64] = ["offer": 3_600]
        #expect(try await store.eraseDue(rules, at: start + 3_601) == 2)
        #expect(try await store.eraseDue(rules, at: start + 3_602) == 0)
        #expect(try await store.read { try $0.entry(1) }?.details != nil)
        #expect(try await store.eraseDue(rules, at: start + 86_400 + 3_601) == 1)
        #expect(try await store.read { try $0.entry(1) }?.details == nil)
        await store.close()
    }

    /// One that stays of the future keeps nothing behind it from being found.
    @Test func anEntryOfTheFarFutureHoldsUpNoOther() async throws {
        let (store, start) = try await stamped([900 * 86_400, 86_400, 0])
        let rules: [EntryKind: Int64] = ["offer": 3_600]
        #expect(try await store.eraseDue(rules, at: start + 3_601) == 1)
        #expect(try await store.eraseDue(rules, at: start + 86_400 + 3_601) == 1)
        #expect(try await store.read { try $0.entry(0) }?.details != nil)
        await store.close()
    }

    /// What the triggers refuse to somebody with the `sqlite3` tool, after an honest erasure.
    @Test(arguments: [
        "DELETE FROM details WHERE sequence = 3", "DELETE FROM details WHERE sequence = 10",
        "DELETE FROM details", "INSERT INTO erasures VALUES (10, 4, 4)",
        "INSERT INTO erasures VALUES (3, 1, 1)", "INSERT INTO erasures VALUES (11, 4, 4)",
        "INSERT OR REPLACE INTO erasures VALUES (10, 2, 9)", "DELETE FROM erasures",
        "UPDATE erasures SET last = 9",
        """
        INSERT INTO entries SELECT 11, time, kind, transfer, actor, commitment, nodes
        FROM entries WHERE sequence = 3;
        INSERT INTO erasures VALUES (11, 4, 4)
        """,
    ])
    func triggersRefuseErasuresWithoutTheirEntry(sql: String) async throws {
        let store = try await written(10)
        _ = try await store.erase(try erasure(2...2), by: .daemon)
        await store.close()
        let queue = try DatabaseQueue(path: folder.database)
        try await queue.writeWithoutTransaction { database in
            try database.execute(sql: "BEGIN")
            #expect(throws: DatabaseError.self) { try database.execute(sql: sql) }
            try database.execute(sql: "ROLLBACK")
        }
        try queue.close()
        #expect(try LogFile.verify(path: folder.database).failures == [])
    }

    @Test(arguments: [
        (
            "DELETE FROM details WHERE sequence = 3", "entry 3: its details are missing"
        ),
        (
            "INSERT INTO details VALUES (2, zeroblob(32), x'7b7d')",
            "entry 2: its details are not those it is bound to"
        ),
        (
            "INSERT INTO details VALUES (2, zeroblob(32), x'7b7d')",
            "entry 2: its details are there, but a later entry erased them"
        ),
        (
            "INSERT INTO erasures VALUES (10, 3, 3); DELETE FROM details WHERE sequence = 3",
            "entry 3: its details are missing"
        ),
        (
            "INSERT INTO erasures VALUES (10, 3, 3)",
            "the table of erasures is not what the entries say was erased"
        ),
        (
            "DELETE FROM details WHERE sequence = 10", "entry 2: its details are missing"
        ),
        (
            """
            UPDATE details SET details = CAST(replace(details, '[2,2]', '[1,2]') AS BLOB)
            WHERE sequence = 10;
            DELETE FROM details WHERE sequence = 1
            """, "entry 10: its details are not those it is bound to"
        ),
    ])
    func detailsThatWentAwayOtherwiseAreFound(change: (sql: String, finding: String)) async throws {
        let store = try await written(10)
        _ = try await store.erase(try erasure(2...2), by: .daemon)
        await store.close()
        let queue = try DatabaseQueue(path: folder.database)
        try await queue.writeWithoutTransaction { database in
            let triggers = try String.fetchAll(
                database, sql: "SELECT name FROM sqlite_schema WHERE type = 'trigger'")
            for name in triggers { try database.execute(sql: "DROP TRIGGER \(name)") }
            try database.execute(sql: change.sql)
        }
        try queue.close()
        let found = try LogFile.verify(path: folder.database).failures.map(\.description)
        #expect(found.contains(change.finding), "\(found)")
    }

    @Test func migrationCopiesGoWithTheFirstErasure() async throws {
        let store = try await written(4)
        let copy = folder.database + ".before-erasures"
        try Data("secret-3-of-the-detail".utf8).write(to: URL(filePath: copy))
        _ = try await store.erase(try erasure(3...3), by: .daemon)
        #expect(try !isOnDisk(3))
        #expect(!Files.exists(copy))
        await store.close()
    }

    /// A destroyed dataset's key, and a small one's payload, lie in such a copy too.
    @Test func migrationCopiesGoWithWhateverLeavesNoTrace() async throws {
        let store = try await written(1)
        let copy = folder.database + ".before-erasures"
        try Data([1]).write(to: URL(filePath: copy))
        try await store.append(1)
        #expect(Files.exists(copy))
        _ = try await store.commit { $0.leaveNoTrace() }
        #expect(!Files.exists(copy))
        await store.close()
    }

    /// Nothing is entered as erased while a copy holds it.
    @Test func aCopyThatCannotBeRemovedRefusesTheErasureAlone() async throws {
        let store = try await written(4)
        let copy = folder.database + ".before-erasures"
        try FileManager.default.createDirectory(
            atPath: copy, withIntermediateDirectories: false)
        await #expect(throws: StoreError.self) {
            try await store.erase(try erasure(3...3), by: .daemon)
        }
        #expect(try await store.read { try $0.entry(3) }?.details != nil)
        try await store.append(1)
        #expect(try await store.entries().count == 5)
        await store.close()
        #expect(try LogFile.verify(path: folder.database).failures == [])
    }
}
