import SelatCore
import SelatCrypto
import Testing

@testable import SelatEnvelope

/// An officer's program opens what streams by, and computes for itself what it is.
struct PayloadReviewTests {
    private func review(
        _ sealed: [UInt8], of size: Int? = nil, _ core: EnvelopeCore, _ key: ContentKey,
        piece: Int = 1 << 20
    ) throws -> (message: [UInt8], identity: PayloadIdentity) {
        var review = try PayloadReview(
            size: UInt64(size ?? sealed.count), core: core, contentKey: key)
        var message: [UInt8] = []
        var rest = sealed[...]
        while !rest.isEmpty {
            for opened in try review.append(rest.prefix(piece)) { message += opened }
            rest = rest.dropFirst(piece)
        }
        return (message, try review.finish())
    }

    private static func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    }

    @Test(arguments: [0, 1, 16_384, 1_048_576, 1_048_577, 2_500_000])
    func theReviewFindsWhatWasSealed(_ size: Int) async throws {
        let world = try World()
        let message = Self.bytes(size)
        let envelope = try await world.envelope(message)
        let payload = try world.verify(envelope.head).header.payload
        for piece in [7_001, 1 << 20, 3 << 20] {
            let found = try review(
                envelope.payload.bytes, envelope.manifest.core, envelope.contentKey, piece: piece)
            #expect(found.message == message)
            #expect(found.identity == payload)
        }
    }

    @Test func whatIsNotTheSealedPayloadIsRefused() async throws {
        let world = try World()
        let envelope = try await world.envelope(Self.bytes(1_100_000))
        let (core, key) = (envelope.manifest.core, envelope.contentKey)
        let sealed = envelope.payload.bytes
        for position in [0, 30, 60, 1_049_700, sealed.count - 1] {
            var flipped = sealed
            flipped[position] ^= 1
            #expect(throws: EnvelopeError.self) { try review(flipped, core, key) }
        }
        let size = sealed.count
        for other in [Array(sealed.dropLast()), sealed + [0], []] {
            #expect(throws: EnvelopeError.self) { try review(other, of: size, core, key) }
        }
        let foreign = try ContentKey(stored: Random.secret(32))
        #expect(throws: EnvelopeError.self) { try review(sealed, core, foreign) }
        #expect(throws: EnvelopeError.self) { try review(sealed, try world.core(id: 2), key) }
        #expect(throws: EnvelopeError.self) { try review(sealed, of: 71, core, key) }
    }
}
