import SelatAudit
import SelatCore
import SelatDelivery
import SelatStore
import Synchronization
import Testing

@testable import SelatExchange

/// What an operator takes back, and what an operator cannot.
struct CancelTests {
    let world: TestFederation
    var sender: TestNode { world.sender }

    init() throws { world = try TestFederation() }

    @Test func whatHasNotLeftIsTakenBackAndDestroyed() async throws {
        let id = try await sender.send(world.request())
        let row = try await sender.exchange.cancel(id, reason: "the wrong file", by: 1_000)
        #expect(row.state == "cancelled")
        #expect(row.cause == "the wrong file")
        #expect(try await sender.outbound(id)?.contentKey == nil)
        #expect(try sender.files == [])
        let entries = try await sender.store.entries(
            EntryFilter(transfer: id, kind: "transfer.cancelled"))
        #expect(entries.map(\.entry.actor) == [.user(1_000)])
        // Nobody brings it further, also after a restart.
        try await sender.restart()
        try await world.recipient.serving { await sender.exchange.pursue(id) }
        #expect(try await world.recipient.inbound(id, from: sender) == nil)
    }

    @Test func whatMayHaveArrivedIsNotTakenBack() async throws {
        let id = try await sender.send(world.request())
        world.recipient.door.losesAnswers.withLock { $0 = true }
        let exchange = sender.exchange
        let (sender, recipient) = (sender, world.recipient)
        try await recipient.serving {
            let pursuit = Task { await exchange.pursue(id) }
            try await RelayTests.until { try await sender.outbound(id)?.handedOn == true }
            #expect(
                await problem {
                    _ = try await exchange.cancel(id, reason: "too late", by: 0)
                } == "not-ready")
            recipient.door.losesAnswers.withLock { $0 = false }
            try await exchange.retry(id)
            await exchange.pursuits.wake(.outbound(id))
            await pursuit.value
        }
        #expect(try await sender.outbound(id)?.state == "delivered")
    }

    @Test func whatHasEndedOrIsNotKnownIsNeitherCancelledNorTried() async throws {
        let id = try await sender.send(world.request())
        _ = try await sender.exchange.cancel(id, reason: "first", by: 0)
        let exchange = sender.exchange
        #expect(
            await problem { _ = try await exchange.cancel(id, reason: "again", by: 0) }
                == "not-ready")
        #expect(await problem { try await exchange.retry(id) } == "not-ready")
        let stranger = TransferID(milliseconds: 1, entropy: [UInt8](repeating: 7, count: 10))
        #expect(
            await problem { _ = try await exchange.cancel(stranger, reason: "x", by: 0) }
                == "unknown-transfer")
        #expect(await problem { try await exchange.retry(stranger) } == "unknown-transfer")
    }
}
