import SelatAudit
import SelatCore
import SelatEnvelope
import SelatStore
import SelatTestSupport
import Synchronization
import Testing

@testable import SelatExchange

@Suite struct HonestTests {
    @Test func aClockThatRunsIsNoStep() {
        var watch = ClockWatch()
        // Whole seconds are cut off at either clock, and a look may come late.
        for (wall, steady) in [(100, 0), (101, 0), (103, 3), (103, 4), (160, 60)]
            as [(Int64, Int64)]
        {
            #expect(watch.look(wall: wall, steady: steady) == nil)
        }
    }

    @Test func aClockThatWasSetIsSeenOnce() {
        var watch = ClockWatch()
        _ = watch.look(wall: 100, steady: 0)
        #expect(watch.look(wall: 3_701, steady: 1) == 3_600)
        #expect(watch.look(wall: 3_702, steady: 2) == nil)
        #expect(watch.look(wall: 103, steady: 3) == -3_600)
        #expect(watch.look(wall: 104, steady: 4) == nil)
    }

    @Test func refusedCallsAreSummarised() throws {
        var counted = Counted()
        for _ in 0..<3 { counted.count(Counted.Call(user: 7, cause: "bad-request")) }
        counted.count(Counted.Call(user: 5, cause: "bad-request"))
        let drafts = counted.takeDrafts()
        #expect(drafts.map(\.actor) == [.user(5), .user(7)])
        #expect(try drafts.map { try JSON(parsing: $0.details)["count"] } == [1, 3])
        #expect(counted.takeDrafts().isEmpty)
    }

    @Test func manyCausesAreNotManyEntries() {
        var counted = Counted()
        for index in 0..<10_000 { counted.count(Counted.Call(user: 7, cause: "cause \(index)")) }
        let drafts = counted.takeDrafts()
        #expect(drafts.count == Counted.callsMax + 1)
    }

    @Test func theyAreEnteredBeforeTheNodeStops() async throws {
        let world = try TestFederation()
        let node = world.sender
        for _ in 0..<2 {
            node.exchange.refusedCall(
                by: 1_000, cause: "role-missing", route: "POST /v1/policies", roles: ["auditor"])
        }
        try await node.exchange.enterLast()
        let entries = try await node.store.entries(EntryFilter(kind: "calls.refused"))
        #expect(entries.map(\.entry.actor) == [.user(1_000)])
        let details = try JSON(parsing: try #require(entries.first?.details))
        #expect(
            details == [
                "cause": "role-missing", "count": 2, "route": "POST /v1/policies",
                "roles": ["auditor"],
            ])
        #expect(try await node.entries("node.stopped") == 1)
        #expect(try await node.entries("keys.used") == 0)
    }
}

@Suite struct ClockTests {
    private static let now = Timestamp(seconds: 1_793_491_200)

    @Test(arguments: [
        (0, [] as [Int64], true), (300, [], true), (301, [], false), (-9_999, [], true),
        // One country alone proves nothing; two do, where both say the same.
        (0, [9_000], true), (0, [9_000, 301], false), (0, [9_000, 300], true),
        (0, [-9_000, 9_000], true), (0, [-301, -400], false), (0, [0, 0, 9_000], true),
        (0, [0, 400, 9_000], false),
    ])
    func onlyAClockThatCannotBeRightIsFound(ahead: Int64, skews: [Int64], isGood: Bool) {
        let judgement = ClockJudgement(floor: Self.now + ahead, skews: skews)
        #expect((judgement.fault(at: Self.now) == nil) == isGood)
    }

    /// An upload that has not begun, and whose time is over.
    @Test func nothingEndsByAClockThatCannotBeRight() async throws {
        let world = try TestFederation()
        let (sender, recipient) = (world.sender, world.recipient)
        let sealing = try await world.seal()
        _ = try await recipient.exchange.offer(
            head: world.head(sealing), payload: nil, from: sender.id)
        world.clock.advance(seconds: 3_601)
        let witnesses = recipient.exchange.witnesses
        witnesses.state.withLock { $0.clockFault = "it is ahead" }
        try await recipient.exchange.endOverdue()
        #expect(try await recipient.inbound(sealing.core.id, from: sender)?.state == "receiving")
        witnesses.state.withLock { $0.clockFault = nil }
        witnesses.noteStep(by: 301)
        try await recipient.exchange.endOverdue()
        #expect(try await recipient.inbound(sealing.core.id, from: sender)?.state == "receiving")
        witnesses.state.withLock { $0.clockDoubt = nil }
        try await recipient.exchange.endOverdue()
        #expect(try await recipient.inbound(sealing.core.id, from: sender)?.state == "lapsed")
    }

    /// As after a start: with a clock that is ahead, or while it lay still.
    @Test(arguments: [3_600, 31_536_000])
    func nothingThatIsUnderWayEndsByAClockThatNobodyBearsOut(_ ahead: Int64) async throws {
        let world = try TestFederation()
        let (sender, recipient) = (world.sender, world.recipient)
        let id = try await sender.send(world.gauges(to: "VN/hub"))
        let exchange = sender.exchange
        exchange.witnesses.state.withLock { $0.clockDoubt = .now }
        world.clock.advance(seconds: ahead)
        try await recipient.serving {
            let pursuing = Task { await exchange.pursue(id) }
            try await Task.sleep(for: .milliseconds(300))
            // Nor does it leave, which may be too late.
            #expect(try await sender.outbound(id)?.state == "queued")
            #expect(try await sender.entries("transfer.released") == 0)
            if ahead == 3_600 {
                exchange.witnesses.state.withLock { $0.clockDoubt = nil }
            } else {
                world.clock.advance(seconds: -ahead)
            }
            await exchange.pursuits.wake(.outbound(id))
            await pursuing.value
        }
        #expect(
            try await sender.outbound(id)?.state == (ahead == 3_600 ? "expired" : "delivered"))
    }

    @Test func aClockThatWasSetIsBelievedOnceTwoCountriesBearItOut() async throws {
        let world = try TestFederation()
        let witnesses = world.sender.exchange.witnesses
        func answer(of node: TestNode, skew: Int64) {
            witnesses.state.withLock {
                $0.dialogues[node.id] = Witnesses.Dialogue(
                    size: 1, time: world.clock.now(), skew: skew)
            }
        }
        for node in [world.recipient, world.stranger] { answer(of: node, skew: 0) }
        witnesses.noteStep(by: Limits.clockSkewSecondsMax)
        #expect(witnesses.mayEnd)
        // What they said before the step is no word about it.
        witnesses.noteStep(by: Limits.clockSkewSecondsMax + 1)
        try await witnesses.judgeClock()
        #expect(!witnesses.mayEnd)
        answer(of: world.recipient, skew: -400)
        try await witnesses.judgeClock()
        #expect(!witnesses.mayEnd && witnesses.clockFault == nil)
        answer(of: world.stranger, skew: -400)
        try await witnesses.judgeClock()
        #expect(!witnesses.mayEnd && witnesses.clockFault != nil)
        for node in [world.recipient, world.stranger] { answer(of: node, skew: 1) }
        try await witnesses.judgeClock()
        #expect(witnesses.mayEnd)
    }

    @Test func whereNobodyWitnessesAClockIsBelievedAfterAWhile() async throws {
        var plan = TestFederation.Plan()
        plan.awaitsProof = true
        let witnesses = try TestFederation(plan).sender.exchange.witnesses
        #expect(!witnesses.mayEnd)
        let longest = Witnesses.doubtLongest
        witnesses.state.withLock { $0.clockDoubt = ContinuousClock.now - longest }
        #expect(witnesses.mayEnd)
    }

    @Test func anEntryOfTheFutureStopsTheExchangeUntilItIsOver() async throws {
        let world = try TestFederation()
        let node = world.sender
        world.clock.advance(seconds: 1_000)
        _ = try await node.store.commit { transaction in
            try transaction.append(EntryDraft(kind: "node.started", details: [:]))
        }
        world.clock.advance(seconds: -300)
        try await node.exchange.witnesses.judgeClock()
        try node.exchange.witnesses.requireExchange()
        world.clock.advance(seconds: -1)
        try await node.exchange.witnesses.judgeClock()
        #expect(throws: (any Error).self) { try node.exchange.witnesses.requireExchange() }
        #expect(throws: (any Error).self) { try node.exchange.witnesses.requireNewTransfers() }
        world.clock.advance(seconds: 1)
        try await node.exchange.witnesses.judgeClock()
        try node.exchange.witnesses.requireExchange()
    }
}
