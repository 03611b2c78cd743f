import GRDB
import SelatCore
import Testing

@testable import SelatStore

/// What counters add up.
struct CounterTests {
    private static func id(_ number: UInt64) -> TransferID {
        TransferID(milliseconds: number, entropy: Array(repeating: 7, count: 10))
    }

    private static func row(
        _ number: UInt64, _ amount: UInt64, series: String? = nil, to: String = "SG",
        counter: String = "VN:a", time: Int64 = 100
    ) throws -> CountedRow {
        CountedRow(
            transfer: id(number), counter: counter, destination: try Country(to), series: series,
            time: Timestamp(seconds: time), amount: amount)
    }

    private static func window(to: String? = nil, excluding: UInt64 = 0) throws -> CounterWindow {
        CounterWindow(
            counter: "VN:a", after: Timestamp(seconds: 99),
            destination: try to.map { try Country($0) },
            excluding: id(excluding))
    }

    @Test func ofASeriesTheLargestCountsAndAllOthersAreAddedUp() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openForTest(folder)
        let rows = [
            try Self.row(1, 5), try Self.row(2, 7), try Self.row(3, 11, to: "TH"),
            try Self.row(4, 20, series: "b"), try Self.row(5, 30, series: "b"),
            try Self.row(6, 25, series: "b"), try Self.row(7, 40, series: "a", to: "TH"),
            // Of before the window, and of another counter.
            try Self.row(8, 1_000, time: 99), try Self.row(9, 1_000, series: "b", time: 99),
            try Self.row(10, 1_000, series: "old", time: 99),
            try Self.row(11, 1_000, counter: "VN:b"),
        ]
        _ = try await store.commit { transaction in
            for row in rows { try transaction.count(row) }
        }
        let expected: [(window: CounterWindow, sums: [String?: UInt64])] = [
            (try Self.window(), [nil: 23, "a": 40, "b": 30]),
            (try Self.window(to: "SG"), [nil: 12, "b": 30]),
            (try Self.window(excluding: 5), [nil: 23, "a": 40, "b": 25]),
            (try Self.window(excluding: 2), [nil: 16, "a": 40, "b": 30]),
            (try Self.window(to: "MY"), [nil: 0]),
        ]
        for (window, sums) in expected {
            let found = try store.lookUp { try $0.counted(in: window) }
            #expect(found == sums)
        }
        await store.close()
    }

    /// The writer waits for it.
    @Test func aSumNeedsTheIndexAloneAndSortsNothing() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openForTest(folder)
        let plan = try await store.read { snapshot in
            try Row.fetchAll(
                snapshot.database, sql: "EXPLAIN QUERY PLAN \(CounterWindow.sumsBySeries)",
                arguments: ["VN:a", 1, "", nil]
            ).map { $0["detail"] as String }
        }
        #expect(!plan.contains { $0.contains("TEMP B-TREE") }, "\(plan)")
        let index = "SEARCH counted USING COVERING INDEX counted_by_series"
        #expect(
            plan.filter { $0.contains("counted") } == [
                "\(index) (counter=? AND series=? AND time>?)", "\(index) (counter=? AND series>?)",
            ])
        await store.close()
    }
}
