import NIOCore
import SelatAudit
import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatPolicy
import SelatStore
import SelatTestSupport
import SelatTransport
import Testing

@testable import SelatExchange

/// Both ends over TLS on loopback.
struct DeliveryTests {
    @Test(arguments: [0, 5_000, 2_500_000])
    func aDatasetIsDeliveredOnceAndItsReceiptIsKept(size: Int) async throws {
        let world = try TestFederation()
        try await world.recipient.serving {
            let id = try await world.sender.send(world.request(size: size))
            await world.sender.exchange.pursue(id)
            let row = try #require(try await world.sender.outbound(id))
            #expect(row.state == "delivered")
            #expect(try await world.sender.receipt(of: id) != nil)
            #expect(row.contentKey == nil)
            #expect(try world.sender.parts == [])
            #expect(try await world.recipient.opened(id) == TestFederation.bytes(size))
            #expect(try await world.recipient.entries("transfer.arrived") == 1)
        }
    }

    @Test func aRepeatedOfferIsAnsweredWithTheReceipt() async throws {
        let world = try TestFederation()
        let sealing = try await world.seal()
        let head = try world.head(sealing)
        let node = world.recipient
        let first = try await node.exchange.offer(
            head: head, payload: sealing.payload, from: world.sender.id)
        #expect(first.created)
        #expect(first.receipt != nil)
        for payload in [nil, sealing.payload] {
            let again = try await node.exchange.offer(
                head: head, payload: payload, from: world.sender.id)
            #expect(!again.created)
            #expect(again.state == "delivered")
            #expect(again.receipt == first.receipt)
        }
        #expect(try await node.entries("transfer.arrived") == 1)
        #expect(try await node.entries("transfer.received") == 1)
    }
}
