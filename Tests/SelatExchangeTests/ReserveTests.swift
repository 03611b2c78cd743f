import SelatAudit
import SelatCore
import SelatHTTP
import SelatStore
import Synchronization
import Testing

@testable import SelatExchange
@testable import SelatTransport

/// What a node does where little of its disk is left.
struct ReserveTests {
    /// More than any disk has.
    private static let all = DiskReserve(bytes: 1 << 50)
    private static let none = DiskReserve(bytes: 0)

    private func details(_ kind: EntryKind, at node: TestNode) async throws -> [JSON] {
        try await node.store.entries(EntryFilter(kind: kind)).map {
            try JSON(parsing: try #require($0.details))
        }
    }

    // MARK: The machine

    @Test func aDiskAtTheBrimMakesNoEntryWithEachFile() {
        var mark = Watermark()
        #expect(mark.look(free: 800, reserve: 800) == nil)
        #expect(mark.look(free: 799, reserve: 800) == .reached)
        #expect(mark.look(free: 700, reserve: 800) == nil)
        mark.turnAway()
        #expect(mark.look(free: 899, reserve: 800) == nil && mark.isReached)
        #expect(mark.look(free: 900, reserve: 800) == .left(turnedAway: 1))
        #expect(mark.look(free: 900, reserve: 800) == nil)
        // The next time is counted for itself.
        #expect(mark.look(free: 0, reserve: 800) == .reached)
        #expect(mark.look(free: .max, reserve: 800) == .left(turnedAway: 0))
    }

    @Test func noReserveIsNeverReachedAndTooLargeAOneNeverLeft() {
        var mark = Watermark()
        #expect(mark.look(free: 0, reserve: 0) == nil)
        #expect(mark.look(free: 5, reserve: .max) == .reached)
        #expect(mark.look(free: .max, reserve: .max) == nil)
        #expect(mark.look(free: 0, reserve: 0) == .left(turnedAway: 0))
    }

    /// There is room for flash above what no payload may take.
    @Test(arguments: [1 << 20, 1 << 28, 1 << 30, 1 << 33, 1 << 40, 1 << 60] as [UInt64])
    func theDefaultLeavesRoomForFlash(total: UInt64) {
        let reserve = DiskReserve().bytes(of: total)
        #expect(reserve > min(total / 20, 256 << 20))
        #expect(reserve <= 1 << 30 && reserve <= total / 10)
        #expect(DiskReserve(bytes: 7).bytes(of: total) == 7)
    }

    // MARK: Intake

    @Test func anOwnDatasetIsTurnedAwayBeforeItIsJudgedAndFlashIsNot() async throws {
        let world = try TestFederation(TestFederation.Plan(reserve: Self.all))
        let node = world.sender
        for precedence in [Precedence.routine, .priority, .immediate] {
            let answer = await problem {
                _ = try await node.send(world.request(precedence: precedence))
            }
            #expect(answer == "reserve-reached")
        }
        #expect(try await node.entries("transfer.permitted") == 0)
        #expect(try node.parts == [])
        _ = try await node.send(world.request(precedence: .flash))
        #expect(try await node.entries("transfer.accepted") == 1)
        // Begun and ended once each, whatever was turned away between.
        #expect(try await node.entries("intake.stopped") == 1)
        #expect(try await node.exchange.diskStanding().isReached)
        node.exchange.keepFree(Self.none)
        #expect(try await !node.exchange.diskStanding().isReached)
        _ = try await node.send(world.request())
        let ended = try await details("intake.resumed", at: node)
        #expect(ended.map { $0["refused"] } == [3])
        #expect(ended.first?["reserve"] == 0)
        let begun = try await details("intake.stopped", at: node)
        #expect(begun.first?["reserve"] == .integer(1 << 50 as UInt64))
    }

    @Test func whoWatchesReadsThatOnlyFlashIsTakenIn() async throws {
        let world = try TestFederation(TestFederation.Plan(reserve: Self.all))
        let exchange = world.sender.exchange
        let kept = "\(1 << 50) are kept for flash"
        #expect(exchange.hindrances.contains { $0.hasSuffix(kept) })
        // Looking enters nothing.
        #expect(try await world.sender.entries("intake.stopped") == 0)
        exchange.keepFree(Self.none)
        #expect(!exchange.hindrances.contains { $0.hasSuffix(kept) })
    }

    @Test func theOperatorReadsWhatWhereAndWhatToDo() async throws {
        let world = try TestFederation(TestFederation.Plan(reserve: Self.all))
        let fault = try await #require(throws: Problem.self) {
            _ = try await world.sender.send(world.request())
        }
        #expect(fault.status == 507)
        #expect(fault.detail?.contains(world.sender.spool.path) == true)
        #expect(fault.detail?.contains("\(1 << 50) are kept for flash") == true)
        #expect(fault.remedy?.contains("selat inbox") == true)
    }

    @Test func whatWouldLeaveTooLittleIsTurnedAwayAndSmallerOnesAreNot() async throws {
        let world = try TestFederation()
        let node = world.sender
        let free = try node.spool.room()
        node.exchange.keepFree(DiskReserve(bytes: free / 2))
        let fault = try await #require(throws: Problem.self) {
            try await node.exchange.requireReserve(
                for: .routine, size: free, from: .operated)
        }
        #expect(fault.type == ServiceProblem.reserveReachedType)
        #expect(fault.detail?.contains("too few for \(free) more") == true)
        try await node.exchange.requireReserve(for: .routine, size: 1, from: .operated)
        try await node.exchange.requireReserve(for: .flash, size: .max, from: .operated)
        node.exchange.keepFree(Self.none)
        try await node.exchange.requireReserve(for: .routine, size: .max, from: .operated)
        #expect(try await node.entries("intake.stopped") == 0)
    }

    /// The database needs some, whoever brings the payload.
    @Test(.enabled(if: TinyDisk.canMount, "mounting a file system needs root"))
    func whatIsSealedLeavesTheLastTwentieth() async throws {
        let disk = try TinyDisk()
        let world = try TestFederation(TestFederation.Plan(spools: ["SG/hub": disk.path]))
        let sender = world.sender
        let answer = await problem { _ = try await sender.send(world.request(size: 1_000_000)) }
        #expect(answer == "disk-full")
        #expect(try sender.files == [])
        #expect(try await sender.entries("transfer.cancelled") == 1)
        disk.grow()
        _ = try await sender.send(world.request(size: 1_000_000))
        #expect(try await sender.entries("transfer.accepted") == 1)
    }

    @Test func aPeerIsNotToldWhereTheDiskIsAndComesBackByItself() async throws {
        let world = try TestFederation()
        let (sender, recipient) = (world.sender, world.recipient)
        recipient.exchange.keepFree(Self.all)
        let waiting = try await sender.send(world.request(size: 5_000))
        let large = try await sender.send(world.request(size: 2_500_000))
        let urgent = try await sender.send(world.request(size: 5_000, precedence: .flash))
        try await recipient.running {
            try await sender.running {
                #expect(try await sender.ended(urgent).state == "delivered")
                for id in [waiting, large] {
                    try await RelayTests.until { try await sender.outbound(id)?.cause != nil }
                    let row = try #require(try await sender.outbound(id))
                    #expect(row.state == "queued")
                    #expect(row.cause?.contains("the disk has reached its reserve") == true)
                    #expect(row.cause?.contains("/") == row.cause?.contains("VN/hub"))
                    #expect(row.cause?.contains(recipient.spool.path) == false)
                    #expect(try await recipient.inbound(id, from: sender) == nil)
                }
                // Nothing was refused: neither entered as such, nor counted.
                #expect(try await recipient.entries("offer.refused") == 0)
                #expect(try await recipient.entries("intake.stopped") == 1)
                recipient.exchange.keepFree(Self.none)
                #expect(try await sender.ended(waiting).state == "delivered")
                #expect(try await sender.ended(large).state == "delivered")
                try await recipient.exchange.diskStanding()
                #expect(try await recipient.entries("intake.resumed") == 1)
            }
        }
    }

    @Test func whatIsUnderWayGoesOn() async throws {
        let world = try TestFederation()
        let (sender, recipient) = (world.sender, world.recipient)
        let id = try await sender.send(world.request(size: 2_500_000))
        recipient.door.breaks.withLock { $0 = [1_200_000] }
        try await recipient.running {
            try await sender.running {
                try await RelayTests.until {
                    try await recipient.inbound(id, from: sender)?.durable ?? 0 > 0
                }
                recipient.exchange.keepFree(Self.all)
                #expect(try await sender.ended(id).state == "delivered")
            }
        }
    }

    @Test func aRelayTakesFlashAlone() async throws {
        let world = try RelayTests.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        relay.exchange.keepFree(Self.all)
        let waiting = try await sender.send(world.request())
        let urgent = try await sender.send(world.request(precedence: .flash))
        try await recipient.running {
            try await relay.running {
                try await sender.running {
                    #expect(try await sender.ended(urgent).state == "delivered")
                    try await RelayTests.until { try await sender.outbound(waiting)?.cause != nil }
                    #expect(try await sender.outbound(waiting)?.state == "queued")
                    #expect(try await relay.relayed(waiting, from: sender) == nil)
                    relay.exchange.keepFree(Self.none)
                    #expect(try await sender.ended(waiting).state == "delivered")
                }
            }
        }
    }

    /// The member's own transfers fill what it may have lie at a relay.
    @Test func aFullRelayTakesFlash() async throws {
        let world = try RelayTests.world { $0.relaying = Quota(transfersMax: 1, bytesMax: .max) }
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let first = try await sender.send(world.request())
        try await relay.running {
            try await sender.running {
                // The recipient is away.
                try await RelayTests.until { try await sender.outbound(first)?.state == "relayed" }
                let waiting = try await sender.send(world.request())
                let urgent = try await sender.send(world.request(precedence: .flash))
                try await RelayTests.until { try await sender.outbound(urgent)?.state == "relayed" }
                try await RelayTests.until { try await sender.outbound(waiting)?.cause != nil }
                let row = try #require(try await sender.outbound(waiting))
                #expect(row.state == "queued")
                #expect(row.cause?.contains("of at most 1,") == true, "\(row)")
                try await recipient.running {
                    for id in [first, urgent, waiting] {
                        let row = try await sender.ended(id)
                        #expect(row.state == "delivered")
                    }
                }
            }
        }
    }

    // MARK: Requests

    @Test func aSenderThatIsToldToWaitWaitsAndIsNotRefused() async throws {
        let world = try TestFederation()
        let (sender, recipient) = (world.sender, world.recipient)
        recipient.door.refusals.withLock { $0 = [.tooManyRequests(.milliseconds(1_200))] }
        let id = try await sender.send(world.request())
        let begun = ContinuousClock.now
        try await recipient.serving {
            try await sender.running {
                let row = try await sender.ended(id)
                #expect(row.state == "delivered" && row.attempt == 1)
            }
        }
        // What is less than a second is rounded up: nobody comes back too early.
        #expect(ContinuousClock.now - begun >= .seconds(2))
        #expect(try await recipient.entries("offer.refused") == 0)
    }

    @Test func whatAPeerAskedTooOftenIsEnteredOnceAMinute() async throws {
        let world = try TestFederation(TestFederation.Plan(requests: RequestRate(perSecond: 4)))
        let (node, peer) = (world.recipient, world.sender.id)
        let now = ContinuousClock.now
        for _ in 0..<60 { _ = node.exchange.rates.admit(peer, at: now) }
        try await node.exchange.enterCounted()
        let entries = try await node.store.entries(EntryFilter(kind: "requests.refused"))
        #expect(entries.map(\.entry.actor) == [.node(peer)])
        #expect(try await details("requests.refused", at: node) == [["count": 40]])
        // There is nothing more to tell in the next minute.
        try await node.exchange.enterCounted()
        #expect(try await node.entries("requests.refused") == 1)
    }
}
