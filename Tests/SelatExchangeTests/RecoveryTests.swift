import Foundation
import NIOCore
import SelatAudit
import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatFederation
import SelatHTTP
import SelatPolicy
import SelatStore
import SelatTestSupport
import SelatTransport
import Synchronization
import Testing

@testable import SelatExchange

/// Restarts in each state, faults on the way, and what stays on the disk.
struct RecoveryTests {
    let world: TestFederation
    var sender: TestNode { world.sender }

    init() throws { world = try TestFederation() }

    /// Pursues what a start takes up, until it has ended.
    private func deliver(_ id: TransferID) async throws -> OutboundRow {
        try await world.recipient.serving { await sender.exchange.pursue(id) }
        return try #require(try await sender.outbound(id))
    }

    @Test func aSealingThatACrashCutShortIsCancelled() async throws {
        let begun = try await sender.exchange.begin(world.request(), lifeSeconds: 60, by: 0)
        let name = SpoolFolder.Name(outbound: begun.id)
        try await sender.spool.write([1], to: name, .payload)
        try await sender.restart()
        #expect(try await sender.outbound(begun.id)?.state == "cancelled")
        #expect(try sender.parts == [])
    }

    /// It may be what leaves the database no room.
    @Test func whatWasHalfSealedGoesBeforeAnythingIsWritten() async throws {
        let begun = try await sender.exchange.begin(
            world.request(size: 1_500_000), lifeSeconds: 60, by: 0)
        let name = SpoolFolder.Name(outbound: begun.id)
        try await sender.spool.write([1], to: name, .payload)
        try await sender.closeOutbound(true)
        await #expect(throws: (any Error).self) { try await sender.restart() }
        #expect(try sender.files == [])
        #expect(try await sender.outbound(begun.id)?.state == "sealing")
        try await sender.closeOutbound(false)
        try await sender.restart()
        #expect(try await sender.outbound(begun.id)?.state == "cancelled")
    }

    @Test func whatABrokenBodyLeavesGoesBeforeItsEndIsWritten() async throws {
        let begun = try await sender.exchange.begin(
            world.request(size: 1_500_000), lifeSeconds: 60, by: 0)
        try await sender.closeOutbound(true)
        let half = Pieces(pieces: [TestFederation.bytes(2_000)])
        await #expect(throws: (any Error).self) {
            _ = try await sender.exchange.seal(begun.id, half, by: 0)
        }
        #expect(try sender.files == [])
        // Housekeeping ends it once there is room.
        try await sender.closeOutbound(false)
        try await sender.exchange.endForgottenSeals()
        #expect(try await sender.outbound(begun.id)?.state == "cancelled")
    }

    @Test func aBodyThatBreaksOffCancelsTheSealing() async throws {
        let begun = try await sender.exchange.begin(world.request(), lifeSeconds: 60, by: 0)
        let half = Pieces(pieces: [TestFederation.bytes(2_000)])
        await #expect(throws: (any Error).self) {
            _ = try await sender.exchange.seal(begun.id, half, by: 0)
        }
        let row = try #require(try await sender.outbound(begun.id))
        #expect(row.state == "cancelled")
        #expect(row.contentKey == nil)
        #expect(try sender.parts == [])
    }

    @Test func aQueuedTransferIsDeliveredAfterARestart() async throws {
        let id = try await sender.send(world.request())
        try await sender.restart()
        #expect(try await deliver(id).state == "delivered")
        #expect(try await world.recipient.opened(id) == TestFederation.bytes(5_000))
    }

    @Test func aTransferThatWasCutOffWhileSendingIsDeliveredOnce() async throws {
        let size = 2_500_000
        let id = try await sender.send(world.request(size: size))
        world.recipient.door.breaks.withLock { $0 = [1_500_000] }
        let exchange = sender.exchange
        let (sender, recipient) = (sender, world.recipient)
        try await recipient.serving {
            let pursuit = Task { await exchange.pursue(id) }
            while try await recipient.inbound(id, from: sender)?.durable ?? 0 == 0 {
                await Task.yield()
            }
            pursuit.cancel()
            await pursuit.value
        }
        try await sender.restart()
        try await recipient.restart()
        #expect(try await deliver(id).state == "delivered")
        #expect(try await recipient.opened(id) == TestFederation.bytes(size))
        #expect(try await recipient.entries("transfer.arrived") == 1)
    }

    @Test func aPursuitOutlivesAFaultOfItsOwnDisk() async throws {
        let id = try await sender.send(world.request(size: 1_500_000))
        let leaves = sender.spool.path(of: SpoolFolder.Name(outbound: id), .leaves)
        try FileManager.default.moveItem(atPath: leaves, toPath: leaves + ".away")
        let exchange = sender.exchange
        let (sender, recipient) = (sender, world.recipient)
        try await recipient.serving {
            let pursuit = Task { await exchange.pursue(id) }
            while try await sender.outbound(id)?.cause == nil { await Task.yield() }
            #expect(try await sender.outbound(id)?.cause?.contains("leaves") == true)
            try FileManager.default.moveItem(atPath: leaves + ".away", toPath: leaves)
            await pursuit.value
        }
        #expect(try await sender.outbound(id)?.state == "delivered")
    }

    @Test func filesOfNoTransferGoAndThoseOfLivingOnesStay() async throws {
        let id = try await sender.send(world.request())
        let node = world.recipient
        let arrived = try await world.seal()
        _ = try await node.exchange.offer(
            head: world.head(arrived), payload: arrived.payload, from: sender.id)
        let arriving = try await world.seal()
        _ = try await node.exchange.offer(
            head: world.head(arriving), payload: nil, from: sender.id)
        let orphan = SpoolFolder.Name(inbound: id, from: world.stranger.id)
        for spool in [sender.spool, node.spool] { try await spool.write([1], to: orphan, .payload) }
        try await sender.restart()
        try await node.restart()
        #expect(try sender.parts == ["out.\(id).payload"])
        #expect(try node.parts.count == 4)
        #expect(try await node.opened(arrived.core.id) == TestFederation.bytes(5_000))
        #expect(try await node.take(arriving).state == "delivered")
    }

    @Test func anExpiredTransferThatWasNeverHandedOnSaysSo() async throws {
        let id = try await sender.send(world.request(), life: 60)
        world.clock.advance(seconds: 60)
        await sender.exchange.pursue(id)
        let row = try #require(try await sender.outbound(id))
        #expect(row.state == "expired")
        #expect(row.contentKey == nil)
        #expect(try sender.parts == [])
    }

    @Test func aReceiptThatWasLostIsAskedForOnceMoreAfterExpiry() async throws {
        let id = try await sender.send(world.request(), life: 60)
        let (sender, recipient) = (sender, world.recipient)
        // The payload arrives, and the answer to it is lost.
        recipient.door.losesAnswers.withLock { $0 = true }
        let exchange = sender.exchange
        try await recipient.serving {
            let pursuit = Task { await exchange.pursue(id) }
            while try await recipient.inbound(id, from: sender)?.state != "delivered" {
                await Task.yield()
            }
            pursuit.cancel()
            await pursuit.value
        }
        #expect(try await sender.outbound(id)?.handedOn == true)
        recipient.door.losesAnswers.withLock { $0 = false }
        world.clock.advance(seconds: 60)
        try await sender.restart()
        #expect(try await deliver(id).state == "delivered")
    }

    @Test func anExportedPackageCountsAsHandedOn() async throws {
        let id = try await sender.send(world.request(), life: 60)
        let exchange = sender.exchange
        let pursuit = Task { await exchange.pursue(id) }
        // Released, and nobody listens.
        while try await sender.outbound(id)?.cause == nil { await Task.yield() }
        _ = try await exchange.package(id, by: 1_000)
        #expect(try await sender.outbound(id)?.handedOn == true)
        #expect(try await sender.entries("transfer.exported") == 1)
        world.clock.advance(seconds: 60)
        await pursuit.value
        #expect(try await sender.outbound(id)?.state == "unconfirmed")
    }

    @Test func anExpiredMembershipSendsNothingNewAndTakesWhatWasOnItsWay() async throws {
        let world = try TestFederation(TestFederation.Plan(listDays: 1))
        let old = try await world.seal(life: 20 * 86_400)
        let head = try world.head(old)
        world.clock.advance(seconds: 86_400)
        let request = try world.request()
        #expect(
            await problem {
                _ = try await world.sender.exchange.begin(request, lifeSeconds: 60, by: 0)
            } == "not-ready")
        let taken = try await world.recipient.exchange.offer(
            head: head, payload: old.payload, from: world.sender.id)
        #expect(taken.state == "delivered")
        let new = try world.head(try await world.seal())
        #expect(
            await problem {
                _ = try await world.recipient.exchange.offer(
                    head: new, payload: nil, from: world.sender.id)
            } == "membership-expired")
    }

    @Test func aSuitePastItsSunsetIsNeitherSentNorTaken() async throws {
        let world = try TestFederation(
            TestFederation.Plan(suites: [.p256: TestFederation.start + 100]))
        let head = try world.head(try await world.seal(suite: .p256))
        world.clock.advance(seconds: 100)
        let request = try world.request()
        #expect(
            await problem {
                _ = try await world.sender.exchange.begin(request, lifeSeconds: 60, by: 0)
            } == "suite-missing")
        #expect(
            await problem {
                _ = try await world.recipient.exchange.offer(
                    head: head, payload: nil, from: world.sender.id)
            } == "unsupported-suite")
    }
}
