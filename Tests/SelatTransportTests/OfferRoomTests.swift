import SelatCore
import SelatHTTP
import Testing

@testable import SelatTransport

/// Large offers of one country take no more room than is its, and nobody else's.
@Suite struct OfferRoomTests {
    private static let large = Limits.envelopeHeadBytesMax

    private struct Stop: Error {}

    /// Takes room for each of `bytes` inside that of the one before it.
    private static func nested(
        _ bytes: ArraySlice<Int>, of node: NodeID, in room: OfferRoom,
        _ innermost: () async throws -> Void
    ) async throws {
        guard let first = bytes.first else { return try await innermost() }
        try await room.with(first, of: node) {
            try await nested(bytes.dropFirst(), of: node, in: room, innermost)
        }
    }

    @Test func aCountryHasRoomForAFewLargeHeads() async throws {
        let room = OfferRoom()
        let (one, other) = (try NodeID("MY/nacsa"), try NodeID("MY/mindef"))
        let foreign = try NodeID("VN/hub")
        try await Self.nested([Self.large, Self.large, Self.large, Self.large], of: one, in: room) {
            for node in [one, other] {
                let problem = await #expect(throws: Problem.self) {
                    try await room.with(OfferRoom.smallBytesMax + 1, of: node) {}
                }
                #expect(problem?.status == 429 && problem?.retryAfterSeconds == 1)
            }
            // Neither small ones nor another country's are in its way.
            try await room.with(OfferRoom.smallBytesMax, of: one) {}
            try await Self.nested([Self.large, Self.large], of: foreign, in: room) {}
        }
        // All of it has been given back.
        try await Self.nested(
            [Self.large, Self.large, Self.large, Self.large], of: other, in: room
        ) {}
    }

    @Test func whatFailsGivesItsRoomBack() async throws {
        let room = OfferRoom()
        let node = try NodeID("MY/nacsa")
        for _ in 0..<8 {
            await #expect(throws: Stop.self) {
                try await room.with(Self.large, of: node) { throw Stop() }
            }
        }
        try await Self.nested([Self.large, Self.large, Self.large, Self.large], of: node, in: room)
        {}
    }
}
