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

/// What policies owe beyond a yes, and recipients that do not play fair.
struct DutyTests {
    /// Viet Nam's import rule with more to it.
    static func imports(_ more: String) throws -> TestFederation {
        try TestFederation(
            TestFederation.Plan(
                edit: (
                    file: "VN.yaml", old: "  - ground: receive\n    flow: import\n",
                    new: "  - ground: receive\n    flow: import\n\(more)\n"
                )))
    }

    static let untilTomorrow = "    until: 2026-11-02"
    private static let oneDay = "    obligations:\n      - retention: {at-most: 1 days}"
    private static let suiteFour = "    obligations:\n      - encryption: {at-least: suite-4}"

    /// A transfer that was released while its import was allowed, and that nobody took before it was not.
    static func releasedTooEarly(
        in world: TestFederation, isHandedOn: Bool
    ) async throws -> TransferID {
        let sender = world.sender
        let id = try await sender.send(try world.request(), life: 20 * 86_400)
        let exchange = sender.exchange
        let early = Task { await exchange.pursue(id) }
        while try await sender.outbound(id)?.cause == nil { await Task.yield() }
        early.cancel()
        await early.value
        if isHandedOn { _ = try await exchange.package(id, by: 0) }
        world.clock.advance(seconds: 2 * 86_400)
        return id
    }

    @Test func whatIsNoLongerAllowedDoesNotLeave() async throws {
        let world = try Self.imports(Self.untilTomorrow)
        let (sender, recipient) = (world.sender, world.recipient)
        let id = try await Self.releasedTooEarly(in: world, isHandedOn: false)
        try await recipient.serving { await sender.exchange.pursue(id) }
        #expect(try await sender.outbound(id)?.state == "cancelled")
        #expect(try await recipient.inbound(id, from: sender) == nil)
        #expect(try await recipient.entries("offer.refused") == 0)
    }

    @Test func anImportThatIsNoLongerAllowedEndsInASignedNo() async throws {
        let world = try Self.imports(Self.untilTomorrow)
        let (sender, recipient) = (world.sender, world.recipient)
        // A courier may have brought it: the recipient is asked what became of it.
        let id = try await Self.releasedTooEarly(in: world, isHandedOn: true)
        let exchange = sender.exchange
        try await recipient.serving { await exchange.pursue(id) }
        let row = try #require(try await sender.outbound(id))
        #expect(row.state == "refused")
        #expect(row.cause?.contains("import-refused") == true)
        #expect(try await sender.receipt(of: id) != nil)
        #expect(try await recipient.inbound(id, from: sender)?.state == "refused")
        #expect(try recipient.parts == [])
    }

    /// It is refused once the clock is borne out.
    @Test func noImportIsRefusedForGoodByAClockThatMayBeWrong() async throws {
        let world = try Self.imports(Self.untilTomorrow)
        let (sender, recipient) = (world.sender, world.recipient)
        let id = try await Self.releasedTooEarly(in: world, isHandedOn: true)
        let head = try await sender.exchange.part(.head, of: .init(outbound: id))
        let (exchange, from) = (recipient.exchange, sender.id)
        exchange.witnesses.noteStep(by: 2 * 86_400)
        let answer = await problem {
            _ = try await exchange.offer(head: head, payload: nil, from: from)
        }
        #expect(answer == "clock")
        #expect(try await recipient.inbound(id, from: sender) == nil)
        #expect(try await recipient.entries("offer.refused") == 0)
        exchange.witnesses.state.withLock { $0.clockDoubt = nil }
        let after = try await exchange.offer(head: head, payload: nil, from: from)
        #expect(after.state == "refused")
    }

    @Test func aRetentionDutyEndsOpeningAndLeavesNothing() async throws {
        let world = try Self.imports(Self.oneDay)
        let (sender, recipient) = (world.sender, world.recipient)
        let id = try await sender.send(try world.request())
        try await recipient.serving { await sender.exchange.pursue(id) }
        #expect(
            try await recipient.inbound(id, from: sender)?.destroyBy
                == TestFederation.start + 86_400)
        let held = try await sender.exchange.holdingsOfOthers(limit: 10)
        #expect(held.map(\.row.id) == [id])
        #expect(held.first?.until == TestFederation.start + 86_400)
        #expect(try await recipient.exchange.holdings(limit: 10).map(\.id) == [id])
        #expect(try await recipient.opened(id) == TestFederation.bytes(5_000))
        world.clock.advance(seconds: 86_400)
        #expect(await problem { _ = try await recipient.exchange.open(id, by: 0) } == "not-ready")
        let row = try #require(try await recipient.inbound(id, from: sender))
        #expect(row.state == "destroyed")
        #expect(row.contentKey == nil)
        #expect(try recipient.parts == [])
        #expect(try await recipient.entries("transfer.opened") == 1)
        #expect(try await recipient.exchange.holdings(limit: 10).isEmpty)
        #expect(try await sender.exchange.holdingsOfOthers(limit: 10).isEmpty)
    }

    /// Nobody has looked at the clock since it was set.
    @Test func openingDestroysNothingByAClockThatMayBeWrong() async throws {
        let world = try Self.imports(Self.oneDay)
        let (sender, recipient) = (world.sender, world.recipient)
        let id = try await sender.send(try world.request())
        try await recipient.serving { await sender.exchange.pursue(id) }
        let exchange = recipient.exchange
        await exchange.lookAtClock()
        world.clock.advance(seconds: 86_400)
        #expect(await problem { _ = try await exchange.open(id, by: 0) } == "clock")
        #expect(try await recipient.inbound(id, from: sender)?.state == "delivered")
        exchange.witnesses.state.withLock { $0.clockDoubt = nil }
        #expect(await problem { _ = try await exchange.open(id, by: 0) } == "not-ready")
        #expect(try await recipient.inbound(id, from: sender)?.state == "destroyed")
    }

    @Test func housekeepingDestroysWhatNobodyOpens() async throws {
        let world = try Self.imports(Self.oneDay)
        let sealing = try await world.seal()
        let recipient = world.recipient
        _ = try await recipient.exchange.offer(
            head: world.head(sealing), payload: sealing.payload, from: world.sender.id)
        try await recipient.exchange.endOverdue()
        #expect(try recipient.parts.count == 2)
        world.clock.advance(seconds: 86_400)
        try await recipient.exchange.endOverdue()
        #expect(try recipient.parts == [])
        #expect(try await recipient.entries("transfer.destroyed") == 1)
    }

    @Test func aStrongerSuiteThatIsOwedIsNeitherLeftOutNorTaken() async throws {
        let world = try Self.imports(Self.suiteFour)
        let request = try world.request()
        #expect(
            await problem {
                _ = try await world.sender.exchange.begin(request, lifeSeconds: 60, by: 0)
            } == "suite-missing")
        let head = try world.head(try await world.seal())
        let answer = try await world.recipient.exchange.offer(
            head: head, payload: nil, from: world.sender.id)
        #expect(answer.state == "refused")
        #expect(try world.recipient.parts == [])
    }

    /// Delivers under a door that lies, until a cause stands in the row.
    private func lied(
        _ lie: @escaping @Sendable (OfferAnswer) -> OfferAnswer
    ) async throws -> (sender: TestNode, row: OutboundRow) {
        let world = try TestFederation()
        let (sender, recipient) = (world.sender, world.recipient)
        recipient.door.lie.withLock { $0 = lie }
        let id = try await sender.send(try world.request())
        let exchange = sender.exchange
        try await recipient.serving {
            let pursuit = Task { await exchange.pursue(id) }
            while try await sender.outbound(id)?.cause == nil { await Task.yield() }
            pursuit.cancel()
            await pursuit.value
        }
        return (sender, try #require(try await sender.outbound(id)))
    }

    @Test func anOffsetBehindThePayloadsEndHarmsNobody() async throws {
        let (_, row) = try await lied {
            OfferAnswer(
                created: true, upload: $0.upload, state: "receiving", offset: 1 << 50, receipt: nil)
        }
        #expect(row.state == "queued")
    }

    @Test func aStateWithoutAReceiptProvesNothing() async throws {
        let (sender, row) = try await lied {
            OfferAnswer(
                created: false, upload: $0.upload, state: "delivered", offset: $0.offset,
                receipt: nil)
        }
        #expect(row.state == "queued")
        #expect(try await sender.receipt(of: row.id) == nil)
    }

    @Test func aReceiptForAnotherTransferIsDroppedAndEntered() async throws {
        let first = Mutex<[UInt8]?>(nil)
        let world = try TestFederation()
        let (sender, recipient) = (world.sender, world.recipient)
        let honest = try await sender.send(try world.request())
        let forged = try await sender.send(try world.request())
        let exchange = sender.exchange
        try await recipient.serving {
            await exchange.pursue(honest)
            let bytes = try #require(try await sender.receipt(of: honest))
            first.withLock { $0 = bytes }
            let receipt = try JSON(parsing: bytes)
            recipient.door.lie.withLock {
                $0 = {
                    OfferAnswer(
                        created: true, upload: $0.upload, state: "delivered", offset: $0.offset,
                        receipt: receipt)
                }
            }
            let pursuit = Task { await exchange.pursue(forged) }
            while try await sender.outbound(forged)?.cause == nil { await Task.yield() }
            pursuit.cancel()
            await pursuit.value
        }
        #expect(try await sender.outbound(honest)?.state == "delivered")
        #expect(try await sender.outbound(forged)?.state == "queued")
        #expect(try await sender.receipt(of: forged) == nil)
        #expect(try await sender.entries("receipt.rejected") > 0)
    }

    @Test(.enabled(if: TinyDisk.canMount, "mounting a file system needs root"))
    func aFullDiskAtTheRecipientHoldsTheTransferUntilThereIsRoom() async throws {
        let disk = try TinyDisk()
        let world = try TestFederation(TestFederation.Plan(spools: ["VN/hub": disk.path]))
        let (sender, recipient) = (world.sender, world.recipient)
        let id = try await sender.send(try world.request(size: 2_500_000))
        let exchange = sender.exchange
        try await recipient.serving {
            let pursuit = Task { await exchange.pursue(id) }
            while try await sender.outbound(id)?.cause == nil { await Task.yield() }
            let row = try #require(try await sender.outbound(id))
            #expect(row.cause?.contains("no space left") == true)
            #expect(row.state == "queued")
            #expect(try recipient.parts == [])
            disk.grow()
            await pursuit.value
        }
        #expect(try await sender.outbound(id)?.state == "delivered")
        #expect(try await recipient.opened(id) == TestFederation.bytes(2_500_000))
    }
}

/// A file system of one mebibyte, which can be made larger.
final class TinyDisk: Sendable {
    private let folder: TestFolder
    var path: String { folder.path }

    static let canMount = (try? TinyDisk()) != nil

    struct CannotMount: Error {}

    init() throws {
        folder = try TestFolder()
        guard mount("tmpfs", folder.path, "tmpfs", 0, "size=1m") == 0 else { throw CannotMount() }
    }

    func grow() { _ = mount("tmpfs", folder.path, "tmpfs", UInt(MS_REMOUNT), "size=64m") }

    deinit { umount2(folder.path, Int32(MNT_DETACH)) }
}
