import SelatCore
import Synchronization
import Testing

@testable import SelatTransport

/// Room for large offers: one node's do not take others', and nobody's is lost.
@Suite struct OfferRoomTests {
    private static let large = OfferRoom.nodeBytesMax

    /// What holds room until it is told to end.
    private final class Holder: Sendable {
        private let end = AsyncStream<Void>.makeStream()
        private let hasBegun = AsyncStream<Void>.makeStream()
        private let task: Mutex<Task<Void, any Error>?> = Mutex(nil)

        init(_ bytes: Int, of node: String, in room: OfferRoom) throws {
            let node = try NodeID(node)
            let (end, hasBegun) = (end.stream, hasBegun.continuation)
            task.withLock {
                $0 = Task {
                    defer { hasBegun.finish() }
                    try await room.with(bytes, of: node) {
                        hasBegun.yield()
                        for await _ in end {}
                    }
                }
            }
        }

        /// Whether it came to use its room; waits until that is known.
        func begins() async -> Bool {
            for await _ in hasBegun.stream { return true }
            return false
        }

        func finish() async throws {
            end.continuation.finish()
            try await task.withLock { $0 }?.value
        }

        func cancel() { task.withLock { $0 }?.cancel() }
    }

    @Test func aNodeHasRoomForOneLargeHeadAtATime() async throws {
        let room = OfferRoom()
        let first = try Holder(Self.large, of: "MY/nacsa", in: room)
        #expect(await first.begins())
        let second = try Holder(OfferRoom.smallBytesMax + 1, of: "MY/nacsa", in: room)
        // Neither small bodies nor those of other nodes wait for it.
        for (bytes, node) in [(OfferRoom.smallBytesMax, "MY/nacsa"), (Self.large, "VN/hub")] {
            let other = try Holder(bytes, of: node, in: room)
            #expect(await other.begins())
            try await other.finish()
        }
        try await first.finish()
        #expect(await second.begins())
        try await second.finish()
    }

    @Test func allTogetherHaveALimitAndKeepTheirOrder() async throws {
        let room = OfferRoom()
        let order = Mutex<[String]>([])
        var holders: [Holder] = []
        for node in ["BN/a", "KH/a", "ID/a", "LA/a"] {
            holders.append(try Holder(Self.large, of: node, in: room))
            #expect(await holders[holders.count - 1].begins())
        }
        let late = try ["MY/a", "MM/a"].map { node in
            (node, try Holder(Self.large, of: node, in: room))
        }
        for holder in holders { try await holder.finish() }
        for (node, holder) in late {
            #expect(await holder.begins())
            order.withLock { $0.append(node) }
            try await holder.finish()
        }
        #expect(order.withLock { $0 } == ["MY/a", "MM/a"])
    }

    @Test func whoGivesUpMakesWayForThoseBehind() async throws {
        let room = OfferRoom()
        let first = try Holder(Self.large, of: "MY/nacsa", in: room)
        #expect(await first.begins())
        let waiting = try Holder(Self.large, of: "MY/nacsa", in: room)
        waiting.cancel()
        #expect(await !waiting.begins())
        await #expect(throws: CancellationError.self) { try await waiting.finish() }
        let third = try Holder(Self.large, of: "MY/nacsa", in: room)
        try await first.finish()
        #expect(await third.begins())
        try await third.finish()
    }
}
