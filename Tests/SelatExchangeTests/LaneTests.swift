import SelatCore
import SelatDelivery
import SelatStore
import SelatTestSupport
import Testing

@testable import SelatExchange

/// Who uses a link, and who gives way on it.
struct LaneTests {
    private typealias Lane = Lanes.Lane

    private static let size: UInt64 = 10 << 20

    private static func lane(
        _ number: UInt64, _ precedence: Precedence, size: UInt64 = size, to peer: String = "VN/hub",
        from: String? = nil
    ) throws -> Lane {
        let id = TransferID(milliseconds: number, entropy: [UInt8](repeating: 7, count: 10))
        return Lane(
            to: try NodeID(peer), precedence, size: size, id, from: try from.map { try NodeID($0) })
    }

    /// A task that is done once the lane is its own.
    private static func entering(_ lane: Lane, _ lanes: Lanes) async throws -> Task<Void, Never> {
        let waiting = await lanes.waitingCount
        let task = Task { _ = await lanes.enter(lane) }
        while await lanes.waitingCount == waiting { await Task.yield() }
        return task
    }

    /// As many uploads to one node as go at a time.
    private static func full(
        _ lanes: Lanes, _ precedence: Precedence = .routine
    ) async throws -> [Lane] {
        let all = try (1...UInt64(Lanes.uploadsPerPeer)).map { try lane($0, precedence) }
        for lane in all { await lanes.enter(lane) }
        return all
    }

    /// What its id says of its age is its caller's, or another node's, to choose.
    @Test func ofThoseThatAreAsUrgentWhoCameFirstGoesFirst() async throws {
        let lanes = Lanes([])
        let first = try await Self.full(lanes)
        var tasks: [Task<Bool, Never>] = []
        for number: UInt64 in [9, 8] {
            let lane = try Self.lane(number, .routine)
            tasks.append(Task { await lanes.enter(lane, atMost: .zero) })
            while await lanes.waitingCount < tasks.count { await Task.yield() }
        }
        await lanes.leave(first[0])
        await lanes.dismissOverdue()
        #expect(await tasks[0].value)
        #expect(await !tasks[1].value)
    }

    @Test func theMostUrgentGoesFirst() async throws {
        let lanes = Lanes([])
        let first = try await Self.full(lanes, .flash)
        let routine = try await Self.entering(try Self.lane(5, .routine), lanes)
        let urgent = try await Self.entering(try Self.lane(9, .flash), lanes)
        await lanes.leave(first[0])
        await urgent.value
        #expect(await lanes.waitingCount == 1)
        for lane in first.dropFirst() { await lanes.leave(lane) }
        await routine.value
    }

    /// One member's thousand must not stand before another's first.
    @Test func ofThoseThatAreAsUrgentTheMembersTakeTurns() async throws {
        let lanes = Lanes([])
        let first = try await Self.full(lanes)
        let senders = ["TH/hub", "TH/hub", "TH/other", "MY/hub", nil]
        var tasks: [Task<Bool, Never>] = []
        for (index, sender) in senders.enumerated() {
            let lane = try Self.lane(UInt64(20 + index), .routine, from: sender)
            tasks.append(Task { await lanes.enter(lane, atMost: .zero) })
            while await lanes.waitingCount < tasks.count { await Task.yield() }
        }
        // Four turns for five that wait.
        for lane in first { await lanes.leave(lane) }
        await lanes.dismissOverdue()
        var entered: [Bool] = []
        for task in tasks { entered.append(await task.value) }
        #expect(entered == [true, true, false, true, true])
    }

    @Test func whoeverHadATurnStandsBehindThoseThatHadNone() async throws {
        let lanes = Lanes([])
        let first = try await Self.full(lanes)
        var tasks: [Task<Bool, Never>] = []
        for (index, sender) in ["TH/hub", "TH/hub", "MY/hub"].enumerated() {
            let lane = try Self.lane(UInt64(20 + index), .routine, from: sender)
            tasks.append(Task { await lanes.enter(lane, atMost: .zero) })
            while await lanes.waitingCount < tasks.count { await Task.yield() }
        }
        // One after the other: each time it is asked anew whose turn it is.
        for lane in first.prefix(2) { await lanes.leave(lane) }
        await lanes.dismissOverdue()
        #expect(await tasks[0].value)
        #expect(await !tasks[1].value)
        #expect(await tasks[2].value)
    }

    /// However many more urgent ones come, and for however long.
    @Test func whatHasWaitedForLongGoesBesideThoseThatAreMoreUrgent() async throws {
        let lanes = Lanes([], longest: .zero)
        let flashes = try await Self.full(lanes, .flash)
        let (routine, priority) = (try Self.lane(20, .routine), try Self.lane(21, .priority))
        let one = try await Self.entering(routine, lanes)
        let other = try await Self.entering(priority, lanes)
        await lanes.dismissOverdue()
        await one.value
        await other.value
        // One of each precedence at a time, and no more urgent one stands behind it.
        let next = try await Self.entering(try Self.lane(22, .routine), lanes)
        await lanes.dismissOverdue()
        #expect(await lanes.waitingCount == 1)
        #expect(await !lanes.enterAtOnce(try Self.lane(23, .flash)))
        await lanes.leave(flashes[0])
        #expect(await lanes.enterAtOnce(try Self.lane(23, .flash)))
        await lanes.leave(routine)
        await next.value
        // Before that time it waits.
        let others = Lanes([])
        _ = try await Self.full(others, .flash)
        let patient = Task { await others.enter(routine, atMost: .zero) }
        while await others.waitingCount == 0 { await Task.yield() }
        await others.dismissOverdue()
        #expect(await !patient.value)
    }

    /// One that is less urgent, and was there before, does not stand in for it.
    @Test func whatHasWaitedForLongGoesBesideWhatIsLessUrgentToo() async throws {
        let lanes = Lanes([], longest: .zero)
        await lanes.enter(try Self.lane(20, .routine))
        _ = try await Self.full(lanes, .flash)
        let priority = try await Self.entering(try Self.lane(21, .priority), lanes)
        await lanes.dismissOverdue()
        await priority.value
        let next = try await Self.entering(try Self.lane(22, .priority), lanes)
        await lanes.dismissOverdue()
        #expect(await lanes.waitingCount == 1)
        await lanes.leave(try Self.lane(21, .priority))
        await next.value
    }

    @Test func theLongestWaitIsShown() async throws {
        let lanes = Lanes([])
        let first = try await Self.full(lanes)
        #expect(await lanes.loads.map(\.waitingSeconds) == [nil])
        let waiting = try await Self.entering(try Self.lane(20, .routine), lanes)
        try await Task.sleep(for: .milliseconds(1_100))
        let late = try await Self.entering(try Self.lane(21, .routine, from: "MY/hub"), lanes)
        let seconds = try #require(await lanes.loads.first?.waitingSeconds)
        #expect(seconds >= 1)
        for lane in first { await lanes.leave(lane) }
        await waiting.value
        await late.value
    }

    @Test func whatIsLessUrgentTakesNobodysLane() async throws {
        let lanes = Lanes([])
        _ = try await Self.full(lanes)
        await lanes.enter(try Self.lane(10, .priority))
        await lanes.enter(try Self.lane(11, .flash))
        // And what is more urgent takes those of what is less.
        let others = Lanes([])
        let flashes = try await Self.full(others, .flash)
        let routine = try await Self.entering(try Self.lane(12, .routine), others)
        await others.leave(flashes[0])
        await routine.value
    }

    @Test func smallOnesNeverWaitForUploads() async throws {
        let lanes = Lanes([])
        _ = try await Self.full(lanes)
        for number in UInt64(20)..<36 {
            await lanes.enter(try Self.lane(number, .routine, size: 1_024))
        }
        #expect(await lanes.waitingCount == 0)
        #expect(await !lanes.enterAtOnce(try Self.lane(40, .routine, size: 1_024)))
        let next = try await Self.entering(try Self.lane(42, .routine, size: 1_024), lanes)
        await lanes.leave(try Self.lane(20, .routine, size: 1_024))
        await next.value
        #expect(await lanes.enterAtOnce(try Self.lane(41, .flash, size: 1_024)))
    }

    /// Each lies in memory while it is offered.
    @Test func smallOnesAreBoundedByTheirBytesToo() async throws {
        let lanes = Lanes([])
        let size = UInt64(Limits.inlinePackageBytesMax / 2 - 1)
        for number in UInt64(20)..<28 {
            #expect(await lanes.enterAtOnce(try Self.lane(number, .routine, size: size)))
        }
        #expect(await !lanes.enterAtOnce(try Self.lane(30, .routine, size: 1_024)))
        // One that does not fit is overtaken by none that would.
        let large = try await Self.entering(try Self.lane(30, .routine, size: size), lanes)
        await lanes.enter(try Self.lane(9, .immediate, size: 1_024))
        await lanes.leave(try Self.lane(20, .routine, size: size))
        #expect(await lanes.waitingCount == 1)
        #expect(await !lanes.enterAtOnce(try Self.lane(31, .routine, size: 1_024)))
        let small = try await Self.entering(try Self.lane(32, .routine, size: 1_024), lanes)
        await lanes.leave(try Self.lane(9, .immediate, size: 1_024))
        await large.value
        await lanes.leave(try Self.lane(21, .routine, size: size))
        await small.value
    }

    @Test func whoGivesUpLetsThoseBehindItIn() async throws {
        let lanes = Lanes([])
        for number in UInt64(20)..<28 {
            await lanes.enter(try Self.lane(number, .routine, size: 500_000))
        }
        let large = try Self.lane(30, .routine, size: 500_000)
        let first = Task { await lanes.enter(large, atMost: .zero) }
        while await lanes.waitingCount == 0 { await Task.yield() }
        let small = try await Self.entering(try Self.lane(31, .routine, size: 1_024), lanes)
        await lanes.dismissOverdue()
        #expect(await !first.value)
        await small.value
    }

    /// A node takes 64 connections of another: what is more urgent has places of its own, and they have an end.
    @Test func eachPrecedenceHasPlacesThatNobodyTakes() async throws {
        let lanes = Lanes([])
        var number: UInt64 = 100
        var entered: [Int] = []
        for precedence in [Precedence.routine, .priority, .immediate, .flash] {
            var count = 0
            while await lanes.enterAtOnce(try Self.lane(number, precedence, size: 1)) {
                number += 1
                count += 1
            }
            entered.append(count)
        }
        #expect(entered == [16, 8, 8, 8])
    }

    @Test func otherNodesHaveLanesOfTheirOwn() async throws {
        let lanes = Lanes([])
        _ = try await Self.full(lanes)
        await lanes.enter(try Self.lane(40, .routine, to: "TH/hub"))
        #expect(await lanes.waitingCount == 0)
    }

    @Test func anUploadGivesWayToAnyLinksFlashUntilThatIsOver() async throws {
        let lanes = Lanes([])
        let (upload, flash) = (
            try Self.lane(1, .routine), try Self.lane(2, .flash, size: 1, to: "TH/hub")
        )
        await lanes.enter(upload)
        await lanes.enter(flash)
        let piece = Task { try await lanes.admit(upload, 1 << 20, at: Timestamp(seconds: 0)) }
        while await lanes.loads.first(where: { $0.givingWay == 1 }) == nil { await Task.yield() }
        // Its own kind does not overtake a flash.
        try await lanes.admit(flash, 1, at: Timestamp(seconds: 0))
        await lanes.leave(flash)
        try await piece.value
        let load = try #require(await lanes.loads.last)
        #expect(load.peer == upload.peer && load.givingWay == 0)
        #expect(load.sending == [.routine: 1])
    }

    /// A node may take an urgent transfer, and no byte of it.
    @Test func whoMovesNothingHoldsNobodyUp() async throws {
        let lanes = Lanes([], stillness: .milliseconds(20))
        let upload = try Self.lane(1, .routine)
        await lanes.enter(upload)
        let slow = try await Self.full(lanes, .flash)
        _ = try await Self.entering(try Self.lane(9, .flash), lanes)
        try await Task.sleep(for: .milliseconds(30))
        try await lanes.admit(upload, 1, at: Timestamp(seconds: 0))
        let load = await lanes.loads.first
        #expect(load?.givingWay == 0 && load?.waiting == [.flash: 1])
        let start = ContinuousClock.now
        try await lanes.giveWay(.routine)
        #expect(.now - start < .milliseconds(500))
        // As soon as one moves it goes first.
        try await lanes.admit(slow[0], 1, at: Timestamp(seconds: 0))
        let piece = Task { try await lanes.admit(upload, 1, at: Timestamp(seconds: 0)) }
        while await lanes.loads.first?.givingWay == 0 { await Task.yield() }
        try await piece.value
    }

    @Test func nobodyWaitsForATurnBeyondItsTime() async throws {
        let lanes = Lanes([])
        let first = try await Self.full(lanes)
        let late = try Self.lane(9, .routine)
        let task = Task { await lanes.enter(late, atMost: .milliseconds(20)) }
        while await lanes.waitingCount == 0 { await Task.yield() }
        let patient = try await Self.entering(try Self.lane(8, .routine), lanes)
        try await Task.sleep(for: .milliseconds(30))
        await lanes.dismissOverdue()
        #expect(await !task.value)
        #expect(await lanes.waitingCount == 1)
        await lanes.leave(first[1])
        await patient.value
        await lanes.leave(first[0])
        #expect(await lanes.enter(late, atMost: .zero))
    }

    /// Those that have the turns may be held by nobody any more who would give them back.
    @Test func whoseTaskIsCancelledWaitsNoLonger() async throws {
        let lanes = Lanes([])
        let first = try await Self.full(lanes)
        let late = try Self.lane(9, .routine)
        let task = Task { await lanes.enter(late) }
        while await lanes.waitingCount == 0 { await Task.yield() }
        task.cancel()
        for _ in 0..<10_000 where await lanes.waitingCount > 0 { await Task.yield() }
        #expect(await lanes.waitingCount == 0)
        for lane in first { await lanes.leave(lane) }
        #expect(await !task.value)
    }

    @Test func whatIsOvertakenForEverGoesOn() async throws {
        let lanes = Lanes([])
        let upload = try Self.lane(1, .priority)
        await lanes.enter(upload)
        await lanes.enter(try Self.lane(2, .immediate))
        let start = ContinuousClock.now
        try await lanes.admit(upload, 1, at: Timestamp(seconds: 0))
        #expect(.now - start >= Lanes.patience)
    }

    @Test func oneThatWasBegunIsWaitedForUntilItIsThereOrWithdrawn() async throws {
        let lanes = Lanes([])
        let flash = try Self.lane(5, .flash, size: 1)
        await lanes.announce(flash.id, .flash)
        let sealing = Task { try await lanes.giveWay(.routine) }
        await lanes.withdraw(flash.id)
        try await sealing.value
        await lanes.announce(flash.id, .routine)
        let start = ContinuousClock.now
        try await lanes.giveWay(.routine)
        #expect(.now - start < Lanes.patience)
    }

    @Test func aLimitPacesUploadsAndNoFlash() async throws {
        let limit = BandwidthLimit(node: nil, hours: nil, bytesPerSecond: 1_000_000)
        let lanes = Lanes([limit])
        let (upload, flash) = (try Self.lane(1, .routine), try Self.lane(2, .flash))
        #expect(
            await lanes.pieceBytes(upload, atMost: 1 << 20, at: Timestamp(seconds: 0)) == 250_000)
        let start = ContinuousClock.now
        for _ in 0..<3 { try await lanes.admit(upload, 100_000, at: Timestamp(seconds: 0)) }
        #expect(.now - start >= .milliseconds(200))
        await lanes.replace([])
        #expect(
            await lanes.pieceBytes(upload, atMost: 1 << 20, at: Timestamp(seconds: 0)) == 1 << 20)
        await lanes.replace([BandwidthLimit(node: nil, hours: nil, bytesPerSecond: 1)])
        try await lanes.admit(flash, 1_000_000, at: Timestamp(seconds: 0))
    }

    /// Whoever sends less than 16 KiB in 30 seconds is cut off.
    @Test(arguments: [(2_048, 1), (6_000, 2), (8_192, 4), (1 << 20, 4)] as [(UInt64, Int)])
    func underALowLimitFewerUploadsGoAtOnce(_ bytes: UInt64, _ count: Int) async throws {
        // In some other hour of the day none at all.
        let limits = [
            BandwidthLimit(node: nil, hours: .init(from: 8, to: 18), bytesPerSecond: nil),
            BandwidthLimit(node: nil, hours: nil, bytesPerSecond: bytes),
        ]
        let lanes = Lanes(limits)
        let routine = try (0...UInt64(count)).map { try Self.lane($0, .routine) }
        for lane in routine.dropLast() { #expect(await lanes.enterAtOnce(lane)) }
        #expect(await !lanes.enterAtOnce(routine[count]))
        let others = [
            try Self.lane(101, .routine, size: 1_000), try Self.lane(102, .immediate),
            try Self.lane(103, .flash), try Self.lane(104, .flash),
        ]
        for lane in others { #expect(await lanes.enterAtOnce(lane)) }
    }

    @Test func whereALimitIsLiftedThoseThatWaitGo() async throws {
        let lanes = Lanes([BandwidthLimit(node: nil, hours: nil, bytesPerSecond: 2_048)])
        await lanes.enter(try Self.lane(1, .routine))
        let second = try await Self.entering(try Self.lane(2, .routine), lanes)
        await lanes.replace([])
        await second.value
    }

    @Test func whatAFlashTakesHoldsNobodyUpForLong() async throws {
        let now = Timestamp(seconds: 0)
        let limit = BandwidthLimit(node: nil, hours: nil, bytesPerSecond: 1_000)
        let lanes = Lanes([limit], debt: .seconds(3_600))
        let (upload, flash) = (try Self.lane(1, .routine), try Self.lane(2, .flash))
        // For days, by the limit alone.
        #expect(await lanes.claim(flash, 1 << 30, at: now) == nil)
        let most = ContinuousClock.now + .seconds(3_600)
        let start = try #require(await lanes.claim(upload, 1, at: now))
        #expect(start <= most)
    }

    @Test func whatWasOwedByAnOlderLimitIsOwedNoMore() async throws {
        let now = Timestamp(seconds: 0)
        let upload = try Self.lane(1, .routine)
        let lanes = Lanes([BandwidthLimit(node: nil, hours: nil, bytesPerSecond: 1_000)])
        _ = await lanes.claim(upload, 1 << 30, at: now)
        await lanes.replace([BandwidthLimit(node: nil, hours: nil, bytesPerSecond: 1 << 30)])
        let start = try #require(await lanes.claim(upload, 1, at: now))
        #expect(start <= ContinuousClock.now)
    }

    @Test(arguments: [
        (8, 18, 7, false), (8, 18, 8, true), (8, 18, 17, true), (8, 18, 18, false),
        (22, 6, 21, false), (22, 6, 22, true), (22, 6, 0, true), (22, 6, 5, true),
        (22, 6, 6, false), (0, 24, 23, true),
    ])
    func aLimitHoldsInItsHours(_ from: Int, _ to: Int, _ hour: Int64, _ holds: Bool) throws {
        let limit = BandwidthLimit(
            node: try NodeID("VN/hub"), hours: .init(from: from, to: to), bytesPerSecond: 1)
        // The second before the hour is over, of a day long ago.
        let now = Timestamp(seconds: 20_000 * 86_400 + hour * 3_600 + 3_599)
        #expect(limit.holds(for: try NodeID("VN/hub"), at: now) == holds)
        #expect(!limit.holds(for: try NodeID("VN/other"), at: now))
    }

    /// A head lies in memory as a small payload does, and may be larger than that.
    @Test func aDescriptionCountsWithItsDataset() async throws {
        let world = try TestFederation()
        let id = try await world.sender.send(world.request(size: 1_000))
        let row = try #require(try await world.sender.outbound(id))
        let small = try Exchange.Delivery(row, requestBytes: 3_000).lane
        #expect(small.isSmall && small.size == row.payloadSize + 3_000)
        let large = try Exchange.Delivery(row, requestBytes: 3 << 20).lane
        #expect(!large.isSmall)
    }

    /// Any number may pause between two tries.
    @Test func whatWaitsHoldsNoRelease() async throws {
        let world = try TestFederation()
        let exchange = world.sender.exchange
        let id = try await world.sender.send(world.request(size: 1_000))
        let row = try #require(try await world.sender.outbound(id))
        let delivery = try Exchange.Delivery(row, requestBytes: 3_000)
        let event = try await exchange.release(delivery, attempt: 1)
        #expect(event == .released)
        #expect(delivery.released != nil)
        await exchange.leave(delivery.lane, delivery)
        #expect(delivery.released == nil)
    }

    /// The whole road: an upload that runs lets a flash pass, and both arrive.
    @Test func anUploadThatRunsGivesWayAndArrives() async throws {
        let world = try TestFederation()
        let sender = world.sender
        try await world.recipient.serving {
            let id = try await sender.send(world.request(size: 20 << 20))
            let flash = try Self.lane(1, .flash, size: 1, to: world.recipient.id.text)
            await sender.exchange.lanes.enter(flash)
            let upload = Task { await sender.exchange.pursue(id) }
            while await sender.exchange.linkLoads.first(where: { $0.givingWay == 1 }) == nil {
                await Task.yield()
            }
            let urgent = try await sender.send(world.request(size: 1_000, precedence: .flash))
            await sender.exchange.pursue(urgent)
            #expect(try await sender.outbound(urgent)?.state == "delivered")
            #expect(try await sender.outbound(id)?.state == "sending")
            await sender.exchange.lanes.leave(flash)
            await upload.value
            #expect(try await sender.outbound(id)?.state == "delivered")
        }
    }
}

extension Lanes {
    fileprivate var waitingCount: Int { loads.reduce(0) { $0 + $1.waiting.values.reduce(0, +) } }
}
