import SelatCore
import Testing

@testable import SelatStore

/// What is under way to each recipient, as triggers keep it.
struct QueueTests {
    private static func row(
        _ number: UInt64, _ state: String, to: String = "VN/hub"
    ) throws -> OutboundRow {
        OutboundRow(
            id: TransferID(milliseconds: number, entropy: Array(repeating: 7, count: 10)),
            to: try NodeID(to), created: Timestamp(seconds: 1), expires: Timestamp(seconds: 5_000),
            precedence: .routine, state: state, payloadSize: 100)
    }

    /// It follows every change of a state.
    @Test func theLoadIsTheSumOfWhatIsUnderWay() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openForTest(folder)
        let recipient = try NodeID("VN/hub")
        func load(after changes: [OutboundRow]) async throws -> [UInt64] {
            _ = try await store.commit { transaction in
                for row in changes { try transaction.save(row) }
            }
            let load = try store.lookUp { try $0.outboundLoad(to: recipient) }
            return [UInt64(load.transfers), load.bytes]
        }
        #expect(try await load(after: []) == [0, 0])
        #expect(
            try await load(after: [Self.row(1, "sealing"), Self.row(2, "refused")]) == [1, 100])
        #expect(
            try await load(after: [Self.row(1, "waiting"), Self.row(3, "queued")]) == [2, 200])
        #expect(
            try await load(after: [Self.row(1, "sending"), Self.row(3, "relayed")]) == [2, 200])
        #expect(try await load(after: [Self.row(1, "delivered")]) == [1, 100])
        #expect(try await load(after: [Self.row(4, "queued", to: "MY/hub")]) == [1, 100])
        let all = try store.lookUp { try $0.outboundLoad() }
        #expect(all.transfers == 2 && all.bytes == 200)
        #expect(try await load(after: [Self.row(3, "unconfirmed")]) == [0, 0])
        #expect(try await load(after: [Self.row(3, "delivered")]) == [0, 0])
        let loads = try store.lookUp { try $0.outboundLoads() }
        #expect(loads.map(\.recipient) == ["MY/hub", "VN/hub"])
        #expect(loads.map(\.held.transfers) == [1, 0])
        await store.close()
    }
}
