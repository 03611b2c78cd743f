import CSQLite
import GRDB
import SelatCore
import SelatCrypto
import Testing

@testable import SelatStore

/// What housekeeping looks for every minute, among all that ever came.
struct DueTests {
    private static let now = Timestamp(seconds: 1_000)

    private static func row(
        _ number: UInt64, _ state: String, expires: Int64 = 5_000, destroyBy: Int64? = nil
    ) throws -> InboundRow {
        var row = InboundRow(
            from: try NodeID("VN/hub"),
            id: TransferID(milliseconds: number, entropy: Array(repeating: 7, count: 10)),
            received: Timestamp(seconds: 1), expires: Timestamp(seconds: expires), state: state,
            payloadSize: 100, fixedParts: SHA256.digest([1]), header: [1])
        row.destroyBy = destroyBy.map { Timestamp(seconds: $0) }
        return row
    }

    @Test func whatHasExpiredAndWhatIsToBeDestroyedIsDue() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openForTest(folder)
        let due = [
            try Self.row(1, "receiving", expires: 1_000),
            try Self.row(2, "delivered", destroyBy: 1_000), try Self.row(3, "opened", destroyBy: 1),
            try Self.row(8, "recalled", destroyBy: 1),
        ]
        let others = [
            try Self.row(4, "receiving", expires: 1_001, destroyBy: 1),
            try Self.row(5, "delivered", expires: 1, destroyBy: 1_001),
            try Self.row(6, "delivered", expires: 1), try Self.row(7, "destroyed", destroyBy: 1),
        ]
        _ = try await store.commit { transaction in
            for row in due + others { try transaction.save(row) }
        }
        let found = try await store.read {
            try $0.inboundDue(open: "receiving", at: Self.now)
        }
        #expect(found.map(\.id).sorted() == due.map(\.id).sorted())
        await store.close()
    }

    /// Uploads that somebody lets lapse by the thousand.
    @Test func whatHasExpiredKeepsNoDutyWaiting() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openForTest(folder)
        let due = try Self.row(5_000, "delivered", destroyBy: 1)
        let expired = try (UInt64(1)...1_001).map { try Self.row($0, "receiving", expires: 1) }
        _ = try await store.commit { transaction in
            for row in expired + [due] { try transaction.save(row) }
        }
        let found = try await store.read { try $0.inboundDue(open: "receiving", at: Self.now) }
        #expect(found.count == 1_001 && found.contains { $0.id == due.id })
        await store.close()
    }

    /// What of a member's lies here follows every change of a state.
    @Test func theLoadIsTheSumOfWhatLiesHere() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openForTest(folder)
        let (member, other) = (try Country("VN"), try Country("SG"))
        func load(after changes: [InboundRow]) async throws -> [UInt64] {
            _ = try await store.commit { transaction in
                for row in changes { try transaction.save(row) }
            }
            let load = try store.lookUp { try $0.inboundLoad(of: member) }
            return [UInt64(load.transfers), load.bytes]
        }
        #expect(try await load(after: []) == [0, 0])
        #expect(
            try await load(after: [Self.row(1, "receiving"), Self.row(2, "refused")]) == [1, 100])
        #expect(
            try await load(after: [Self.row(1, "delivered"), Self.row(3, "opened")]) == [2, 200])
        #expect(
            try await load(after: [Self.row(1, "opened"), Self.row(3, "recalled")]) == [2, 200])
        #expect(try await load(after: [Self.row(3, "destroyed")]) == [1, 100])
        #expect(
            try await load(after: [Self.row(4, "receiving"), Self.row(4, "lapsed")]) == [1, 100])
        #expect(try await load(after: [Self.row(4, "receiving")]) == [2, 200])
        #expect(try await load(after: [Self.row(4, "withdrawn")]) == [1, 100])
        #expect(try store.lookUp { try $0.inboundLoad(of: other) }.transfers == 0)
        await store.close()
    }

    /// What passes through here for a member follows every change of a state, too.
    @Test func theRelaysLoadIsTheSumOfWhatLiesHere() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openForTest(folder)
        let node = try NodeID("VN/hub")
        func load(after changes: [(number: UInt64, state: String)]) async throws -> [UInt64] {
            let rows = changes.map { number, state in
                RelayedRow(
                    from: node, id: TransferID(milliseconds: number, entropy: Self.entropy),
                    to: node, previous: node, next: node, received: Self.now, expires: Self.now,
                    precedence: .routine, state: state, attempt: 1, payloadSize: 100 * number,
                    fixedParts: SHA256.digest([1]), header: [1])
            }
            _ = try await store.commit { transaction in
                for row in rows { try transaction.save(row) }
            }
            let load = try store.lookUp { try $0.relayedLoad(of: node.country) }
            return [UInt64(load.transfers), load.bytes]
        }
        #expect(try await load(after: []) == [0, 0])
        #expect(try await load(after: [(1, "receiving"), (2, "refused")]) == [1, 100])
        #expect(try await load(after: [(1, "holding"), (3, "receiving")]) == [2, 400])
        #expect(try await load(after: [(1, "forwarded"), (3, "returned")]) == [2, 400])
        #expect(try await load(after: [(1, "delivered")]) == [1, 300])
        #expect(try await load(after: [(3, "lapsed")]) == [0, 0])
        #expect(try await load(after: [(3, "receiving")]) == [1, 300])
        #expect(try await load(after: [(3, "withdrawn")]) == [0, 0])
        #expect(try store.lookUp { try $0.relayedLoad(of: try Country("SG")) }.transfers == 0)
        #expect(try store.lookUp { try $0.relayedLoads() }.map { $0.member } == ["VN"])
        await store.close()
    }

    private static let entropy = [UInt8](repeating: 7, count: 10)

    /// Peers, and whoever asks for the status, make this node look for these at any time.
    @Test func lettersAndRecallsAreFoundByTheirIndexes() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openForTest(folder)
        func plan(_ sql: String, _ arguments: StatementArguments) async throws -> [String] {
            try await store.read { snapshot in
                try Row.fetchAll(
                    snapshot.database, sql: "EXPLAIN QUERY PLAN \(sql)", arguments: arguments
                ).map { $0["detail"] as String }
            }
        }
        let count = try await plan(
            Snapshot.letterCountOfMember("kind <> ?"), ["SG/", "SG0", "recall"])
        let bySender = "SEARCH letters USING COVERING INDEX letters_by_sender"
        #expect(count == ["\(bySender) (sender>? AND sender<?)"])
        let over = try await plan("SELECT * FROM letters \(Snapshot.overClause)", [1])
        #expect(over == ["SEARCH letters USING INDEX letters_by_end (until<?)"])
        let newest = try await plan("SELECT * FROM recalls \(Snapshot.newestRecallsClause)", [1])
        #expect(newest == ["SCAN recalls USING INDEX recalls_by_time"])
        let due = try await plan(
            "SELECT * FROM recalls \(Snapshot.dueClause)", ["recalled", 1, "destroy"])
        #expect(due.contains("SEARCH recalls USING PRIMARY KEY (id=? AND sender=?)"))
        #expect(due.contains("SEARCH inbound USING COVERING INDEX inbound_by_state (state=?)"))
        await store.close()
    }

    @Test func lettersAreCountedByTheMemberWhoseTheyAre() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openForTest(folder)
        let senders = try ["SG/a", "SG/zz-9", "SF/a", "SH/a"].map { try NodeID($0) }
        _ = try await store.commit { transaction in
            for (number, sender) in senders.enumerated() {
                let id = TransferID(milliseconds: UInt64(number), entropy: Self.entropy)
                for kind in ["recall", "opened", "destroyed"] {
                    try transaction.post(
                        kind, [1], about: id, from: sender, to: sender, until: Self.now)
                }
            }
        }
        let member = try Country("SG")
        #expect(try store.lookUp { try $0.letterCount(of: member, as: "recall") } == 2)
        #expect(try store.lookUp { try $0.letterCount(of: member, besides: "recall") } == 4)
        await store.close()
    }

    /// A recall keeps its hold in its row for good.
    @Test func aRecallIsDueWhileItsDatasetLiesClosedHere() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openForTest(folder)
        let rows = [
            try Self.row(1, "recalled"), try Self.row(2, "destroyed"), try Self.row(3, "recalled"),
            try Self.row(4, "recalled"),
        ]
        let recalls = rows.map { row in
            var recall = RecallRow(
                from: row.from, id: row.id, digest: SHA256.digest([1]), message: [1],
                officer: "VN/hub/lee", reason: "x", taken: Self.now)
            recall.holdUntil = Self.now + (row.id == rows[2].id ? 1 : 0)
            recall.isOrdered = row.id != rows[3].id
            return recall
        }
        _ = try await store.commit { transaction in
            for row in rows { try transaction.save(row) }
            for recall in recalls { try transaction.save(recall) }
        }
        let due = try await store.read {
            try $0.recallsDue(state: "recalled", agreed: "destroy", at: Self.now)
        }
        #expect(due.map(\.id) == [rows[0].id])
        await store.close()
    }

    /// A million delivered rows make it no slower, nor a million that were destroyed.
    @Test func noRowIsLookedAtThatIsNotDue() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openForTest(folder)
        func plan(_ clause: String, _ arguments: StatementArguments) async throws -> [String] {
            try await store.read { snapshot in
                try Row.fetchAll(
                    snapshot.database,
                    sql: "EXPLAIN QUERY PLAN SELECT * FROM inbound \(clause)",
                    arguments: arguments
                ).map { $0["detail"] as String }
            }
        }
        let expired = try await plan(Snapshot.expiredClause, ["receiving", 1])
        #expect(expired.count == 1 && expired[0].contains("inbound_by_state (state=?)"))
        let destroyed = try await plan(Snapshot.destructionClause, [1])
        #expect(destroyed.count == 1)
        #expect(destroyed[0].contains("inbound_by_destruction (destroy_by<?)"))

        let rows = try (UInt64(1)...500).flatMap { number in
            [
                try Self.row(number, "opened", destroyBy: 1),
                try Self.row(1_000 + number, "delivered", destroyBy: 1_001),
            ]
        }
        _ = try await store.commit { transaction in
            for row in rows { try transaction.save(row) }
            // As it comes to all that a duty orders destroyed.
            for var row in rows where row.state == "opened" {
                row.state = "destroyed"
                try transaction.save(row)
            }
        }
        // Each row that it looked at would take several steps.
        let steps = try await store.read { snapshot -> Int32 in
            let statement = try BorrowedStatement(
                "SELECT id FROM inbound \(Snapshot.destructionClause)", in: snapshot.database)
            statement.bind(1, Self.now.seconds)
            let found = try statement.rows { $0.text(0) }
            #expect(found.isEmpty)
            return sqlite3_stmt_status(statement.pointer, SQLITE_STMTSTATUS_VM_STEP, 0)
        }
        #expect(steps < 100)
        await store.close()
    }
}
