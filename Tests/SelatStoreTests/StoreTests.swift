import Foundation
import GRDB
import SelatAudit
import SelatCore
import SelatCrypto
import SelatTestSupport
import Testing

@testable import SelatStore

@Suite struct StoreTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func commitsValueAndEntriesTogether() async throws {
        let store = try Store.openForTest(folder)
        let committed = try await store.commit { transaction in
            try transaction.setValue("policy", [1, 2, 3])
            try transaction.append(.numbered(0))
            return try transaction.append(.numbered(1))
        }
        #expect(committed.value == 1)
        #expect(committed.entries == 0..<2)
        #expect(committed.treeSize == 2)
        #expect(try await store.read { try $0.value("policy") } == [1, 2, 3])
        #expect(try await store.entries().map(\.entry.sequence) == [0, 1])
        await store.close()
    }

    /// Where a peer has lost its disk, no proof of what it stated before comes any more.
    @Test func whatIsNeverProvenStandsBeforeNothingNewer() async throws {
        let store = try Store.openForTest(folder)
        let now = FixedClock().now()
        let (own, peer) = (try NodeID("SG/hub"), try NodeID("VN/hub"))
        let ids = (0..<UInt64(3)).map { number in
            TransferID(milliseconds: number, entropy: [UInt8](repeating: 0, count: 10))
        }
        func open(after seconds: Int64, limit: Int = 10) async throws -> [UnwitnessedReceipt] {
            try await store.read {
                try $0.unwitnessedReceipts(of: peer, dueAt: now + seconds, limit: limit)
            }
        }
        let since = now + -60
        _ = try await store.commit { transaction in
            for id in ids {
                try transaction.keep(
                    ReceiptRow(
                        from: own, id: id, kind: "opened", signer: peer, attempt: 1, taken: since,
                        document: [1]), isUnwitnessed: true)
            }
            try transaction.awaitWitnesses(ids[2], of: peer)
        }
        #expect(try await open(after: 0, limit: 1).count == 2)
        let first = try await open(after: 0, limit: 1)
        _ = try await store.commit { transaction in
            for receipt in first { try transaction.putOff(receipt, isAhead: false) }
        }
        // The outcome's has waited for no second yet, and is due; the other one after another minute.
        #expect(try await open(after: 0, limit: 1).map(\.id) == [ids[2], ids[1]])
        #expect(try await open(after: 59).map(\.id) == [ids[2], ids[1], ids[2]])
        #expect(try await open(after: 60).map(\.id) == [ids[2], ids[1], ids[2], ids[0]])
        // A clock that was ahead puts nothing off for longer than an hour.
        #expect(try await open(after: 59 - 3_600).map(\.id).last == ids[0])
        #expect(try await open(after: 60 - 3_600).map(\.id).last == ids[2])
        await store.close()
    }

    @Test func keptReceiptsAwaitWitnessesBesideTheOutcomes() async throws {
        let store = try Store.openForTest(folder)
        let (own, one, other) = (try NodeID("SG/hub"), try NodeID("VN/hub"), try NodeID("MY/hub"))
        let id = TransferID(milliseconds: 1, entropy: [UInt8](repeating: 0, count: 10))
        let signed: [(attempt: UInt64, signer: NodeID)] = [
            (1, one), (2, one), (3, one), (1, other),
        ]
        let kept = signed.map { attempt, signer in
            ReceiptRow(
                from: own, id: id, kind: "opened", signer: signer, attempt: attempt,
                taken: Timestamp(seconds: Int64(attempt)), document: [UInt8(attempt)])
        }
        _ = try await store.commit { transaction in
            try transaction.awaitWitnesses(id, of: one)
            for row in kept { try transaction.keep(row, isUnwitnessed: true) }
            // Kept before: nothing is awaited again. And one for which nothing is.
            try transaction.keep(kept[0])
            try transaction.keep(
                ReceiptRow(
                    from: own, id: id, kind: "destroyed", signer: one, attempt: 1,
                    taken: Timestamp(seconds: 1), document: [9]))
        }
        let counts = try await store.read {
            try $0.unwitnessedReceipts(lateSince: Timestamp(seconds: 2))
        }
        #expect(counts.map { $0.peer } == [other, one])
        #expect(counts.map { $0.all } == [1, 4])
        #expect(counts.map { $0.late } == [1, 2])

        func due() async throws -> [UnwitnessedReceipt] {
            try await store.read { snapshot in
                let now = Timestamp(seconds: 1 << 40)
                return try [one, other].flatMap {
                    try snapshot.unwitnessedReceipts(of: $0, dueAt: now, limit: 2)
                }
            }
        }
        let open = try await due()
        #expect(open.map(\.peer) == [one, one, one, other])
        let oldest = try await store.read { snapshot in
            try open.map { try snapshot.document(of: $0) }
        }
        #expect(Set(oldest) == [nil, [1], [2]])
        _ = try await store.commit { transaction in
            for receipt in open { try transaction.renew(receipt, with: [7]) }
        }
        let left = try await due()
        #expect(left.map(\.since) == [Timestamp(seconds: 3)])
        #expect(try await store.read { try $0.document(.receipt, of: id) } == [7])
        let held = try await store.read { try $0.receipts(of: id, from: own) }
        #expect(Set(held.map(\.document)) == [[3], [7], [9]])
        await store.close()
    }

    /// Each round looks at those that are due alone, however many receipts are kept or wait.
    @Test func receiptsThatAwaitWitnessesAreFoundByTheirIndexes() async throws {
        let store = try Store.openForTest(folder)
        func plan(_ sql: String) async throws -> [String] {
            try await store.read { snapshot in
                try Row.fetchAll(
                    snapshot.database, sql: "EXPLAIN QUERY PLAN \(sql)",
                    arguments: ["VN/hub", 0, 1, 2]
                ).map { $0["detail"] as String }
            }
        }
        #expect(
            try await plan(Snapshot.unwitnessedBesideOutcomes) == [
                "SEARCH receipts USING COVERING INDEX receipts_unwitnessed"
                    + " (signer=? AND again>? AND again<?)"
            ])
        #expect(
            try await plan(Snapshot.unwitnessedOutcomes) == [
                "SEARCH unwitnessed_receipts USING COVERING INDEX unwitnessed_receipts_by_turn"
                    + " (peer=? AND again>? AND again<?)"
            ])
        await store.close()
    }

    @Test func changeThatThrowsUndoesOnlyItself() async throws {
        let store = try Store.openForTest(folder)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<60 {
                group.addTask {
                    let change: @Sendable (Transaction) throws -> UInt64 = { transaction in
                        let sequence = try transaction.append(.numbered(index))
                        try transaction.setValue("key-\(index)", [1])
                        if index % 3 == 0 { throw Refused() }
                        return sequence
                    }
                    if index % 3 == 0 {
                        await #expect(throws: Refused.self) { try await store.commit(change) }
                    } else {
                        _ = try await store.commit(change)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await store.entries().map(\.entry.sequence) == Array(0..<40))
        #expect(try await store.read { try $0.value("key-3") } == nil)
        #expect(try await store.read { try $0.value("key-4") } == [1])
        #expect(store.latestCheckpoint.checkpoint.size == 40)
        await store.close()
    }

    @Test func proofsVerifyAgainstTheLatestCheckpoint() async throws {
        let store = try Store.openForTest(folder)
        try await store.append(13)
        for row in try await store.entries() {
            let proof = try store.proof(of: row.entry.sequence)
            let checkpoint = try proof.verify(
                leaf: row.entry.leaf, key: TestLog.identity.verifierKey)
            #expect(checkpoint.size == 13)
            #expect(row.entry.binds(details: row.details ?? [], salt: row.salt ?? []))
        }
        #expect(throws: StoreError.noSuchEntry(13)) { try store.proof(of: 13) }
        await store.close()
    }

    @Test func reopeningContinuesTheSameTree() async throws {
        let first = try Store.openForTest(folder)
        try await first.append(5)
        let before = first.latestCheckpoint
        await first.close()
        let second = try Store.openForTest(folder)
        #expect(second.latestCheckpoint == before)
        try await second.append(4)
        let path = try await second.read { try $0.consistencyProof(from: 5, to: 9) }
        let after = second.latestCheckpoint.checkpoint
        try TreeProof.verifyConsistency(
            old: 5, oldRoot: before.checkpoint.root, size: 9, root: after.root, path: path)
        await second.close()
    }

    @Test func secondOpenOfALivingDatabaseIsRefused() async throws {
        let store = try Store.openForTest(folder)
        #expect(throws: StoreError.alreadyOpen(path: folder.database)) {
            try Store.openForTest(folder)
        }
        await store.close()
    }

    @Test func closedStoreTakesNothing() async throws {
        let store = try Store.openForTest(folder)
        await store.close()
        await store.close()
        await #expect(throws: StoreError.closed) { try await store.append(1) }
        await #expect(throws: StoreError.closed) { try await store.entries() }
        #expect(throws: StoreError.closed) { try store.lookUp { try $0.value("key") } }
    }

    /// Each reading has a connection of its own, and gives it back also where it fails.
    @Test func readingsTakeTurns() async throws {
        let store = try Store.openForTest(folder)
        try await store.append(3)
        let counts = try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<40 {
                group.addTask {
                    do {
                        return try await store.read { snapshot in
                            let count = try snapshot.entries(EntryFilter()).count
                            Thread.sleep(forTimeInterval: 0.002)
                            if index % 4 == 0 { throw Refused() }
                            return count
                        }
                    } catch is Refused { return -1 }
                }
            }
            return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
        }
        #expect(counts == [3: 30, -1: 10])
        #expect(try store.lookUp { try $0.entries(EntryFilter()).count } == 3)
        await store.close()
    }

    @Test func changesThatWaitAreCommittedBeforeClosing() async throws {
        let store = try Store.openForTest(folder)
        async let appended: Void = store.append(1)
        try await appended
        await store.close()
        let again = try Store.openForTest(folder)
        #expect(try await again.entries().count == 1)
        await again.close()
    }

    @Test func detailsOverTheLimitAreRefused() async throws {
        let store = try Store.openForTest(folder)
        let text = String(repeating: "x", count: Limits.entryDetailsBytesMax)
        await #expect(throws: AuditError.self) {
            try await store.commit {
                try $0.append(EntryDraft(kind: "big", details: [.string(text)]))
            }
        }
        try await store.append(1)
        #expect(try await store.entries().count == 1)
        await store.close()
    }

    @Test func entriesAreFiltered() async throws {
        let store = try Store.openForTest(folder)
        let transfer = TransferID(milliseconds: 1, entropy: Array(repeating: 7, count: 10))
        _ = try await store.commit { transaction in
            for index in 0..<10 {
                try transaction.append(
                    EntryDraft(
                        kind: index % 2 == 0 ? "even" : "odd",
                        transfer: index < 5 ? transfer : nil, actor: .user(1_000),
                        details: ["number": .integer(Int64(index))]))
            }
        }
        func sequences(_ filter: EntryFilter) async throws -> [UInt64] {
            try await store.entries(filter).map(\.entry.sequence)
        }
        #expect(try await sequences(EntryFilter(transfer: transfer)) == [0, 1, 2, 3, 4])
        #expect(try await sequences(EntryFilter(kind: "odd", after: 4)) == [5, 7, 9])
        #expect(try await sequences(EntryFilter(transfer: transfer, kind: "even")) == [0, 2, 4])
        #expect(try await sequences(EntryFilter(limit: 3)) == [0, 1, 2])
        #expect(try await sequences(EntryFilter(newest: true, limit: 3)) == [7, 8, 9])
        #expect(try await store.read { try $0.entry(3) }?.entry.actor == .user(1_000))
        #expect(try await store.read { try $0.entry(10) } == nil)
        await store.close()
    }

    @Test func twoHeadersShareAPage() async throws {
        let store = try Store.openForTest(folder)
        func pages() async throws -> Int {
            try await store.read { try Int.fetchOne($0.database, sql: "PRAGMA page_count") ?? 0 }
        }
        let before = try await pages()
        _ = try await store.commit { transaction in
            for number in UInt8(0)..<200 {
                try transaction.keep(
                    header: [UInt8](repeating: number, count: 1_700),
                    of: SHA256.digest([number]))
            }
        }
        let grown = try await pages() - before
        #expect(grown < 150)
        let kept = try await store.read { try $0.header(of: SHA256.digest([7])) }
        #expect(kept == [UInt8](repeating: 7, count: 1_700))
        await store.close()
    }

    @Test func databaseIsForItsOwnerAlone() async throws {
        let store = try Store.openForTest(folder)
        try await store.append(1)
        for suffix in ["", "-wal", "-shm", "-lock"] {
            let attributes = try FileManager.default.attributesOfItem(
                atPath: folder.database + suffix)
            #expect(attributes[.posixPermissions] as? Int == 0o600, "\(suffix)")
        }
        await store.close()
    }

    @Test func valuesAreReplacedAndRemoved() async throws {
        let store = try Store.openForTest(folder)
        _ = try await store.commit { try $0.setValue("key", [1]) }
        _ = try await store.commit { try $0.setValue("key", []) }
        #expect(try await store.read { try $0.value("key") } == [])
        let removed = try await store.commit { transaction in
            try transaction.setValue("key", nil)
            return try transaction.value("key")
        }
        #expect(removed.value == nil)
        await store.close()
    }
}
