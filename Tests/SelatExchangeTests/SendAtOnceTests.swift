import NIOCore
import NIOPosix
import SelatAudit
import SelatCore
import SelatDelivery
import SelatEnvelope
import SelatHTTP
import SelatPolicy
import SelatStore
import SelatTestSupport
import Testing

@testable import SelatExchange

/// Small datasets that come with their request.
struct SendAtOnceTests {
    let world: TestFederation
    var sender: TestNode { world.sender }
    var recipient: TestNode { world.recipient }

    init() throws { world = try TestFederation() }

    private func send(
        _ request: OutboundRequest, _ count: Int = 5_000, as id: TransferID? = nil,
        from node: TestNode? = nil
    ) async throws -> Exchange.Begun {
        let exchange = (node ?? sender).exchange
        return try await exchange.send(
            request, TestFederation.bytes(count), as: id, lifeSeconds: 3_600, by: 7)
    }

    /// An id as a caller makes it, so many seconds from now.
    private func chosen(after seconds: Int64 = 0, _ number: UInt8 = 1) -> TransferID {
        TransferID(
            milliseconds: UInt64(world.clock.now().seconds + seconds) * 1_000,
            entropy: [UInt8](repeating: number, count: 10))
    }

    private func kinds(_ id: TransferID) async throws -> [String] {
        try await sender.store.entries(EntryFilter(transfer: id)).map { $0.entry.kind.text }
    }

    private static let begun = ["transfer.permitted", "transfer.accepted", "transfer.released"]

    @Test(arguments: [0, 1, 5_000, 48 << 10])
    func arrivesAndCanBeOpened(_ count: Int) async throws {
        let (sender, recipient, world) = (sender, recipient, world)
        try await recipient.serving {
            try await sender.running {
                for _ in 0..<2 {
                    let begun = try await send(try world.request(size: count), count)
                    #expect(begun.state == "queued")
                    let row = try await sender.ended(begun.id)
                    #expect(row.state == "delivered" && row.attempt == 1 && row.contentKey == nil)
                    #expect(try await recipient.opened(begun.id) == TestFederation.bytes(count))
                    #expect(try await kinds(begun.id) == Self.begun + ["transfer.delivered"])
                    #expect(try sender.parts == [])
                }
            }
        }
        // Each is as well proven as one that went step by step.
        let slow = try await sender.send(world.request())
        try await recipient.serving { await sender.exchange.pursue(slow) }
        #expect(try await kinds(slow) == Self.begun + ["transfer.delivered"])
    }

    /// The first goes out on a connection that is dialled, the next on the one that is kept.
    @Test func theMarkOfWhatMayHaveLeftIsSetWithTheReleaseWhereItLeavesAtOnce() async throws {
        let first = try await send(world.request())
        #expect(try await sender.outbound(first.id)?.handedOn == false)
        try await recipient.serving {
            await sender.exchange.pursue(first.id)
            #expect(try await sender.outbound(first.id)?.state == "delivered")
            let second = try await send(world.request())
            let row = try #require(try await sender.outbound(second.id))
            #expect(row.handedOn && row.state == "queued" && row.attempt == 1)
            await sender.exchange.pursue(second.id)
            #expect(try await sender.outbound(second.id)?.state == "delivered")
        }
        #expect(await sender.exchange.linkLoads.isEmpty)
    }

    @Test func whatACrashFoundReleasedIsOfferedAsItIs() async throws {
        let begun = try await send(world.request())
        let head = try await sender.exchange.part(.head, of: .init(outbound: begun.id))
        try await sender.restart()
        try await recipient.serving { await sender.exchange.pursue(begun.id) }
        let row = try #require(try await sender.outbound(begun.id))
        #expect(row.state == "delivered" && row.attempt == 1)
        #expect(try await recipient.opened(begun.id) == TestFederation.bytes(5_000))
        let arrived = try await recipient.exchange.part(
            .head, of: .init(inbound: begun.id, from: sender.id))
        #expect(arrived == head)
    }

    @Test func whatAPersonOwesAWordForWaits() async throws {
        let begun = try await send(world.inference())
        #expect(begun.state == "waiting")
        #expect(try await kinds(begun.id) == ["transfer.permitted", "transfer.accepted"])
        let word = try await world.word(on: begun.id)
        _ = try await sender.exchange.take(approval: word, of: begun.id, by: 7)
        try await recipient.serving { await sender.exchange.pursue(begun.id) }
        #expect(try await sender.outbound(begun.id)?.state == "delivered")
    }

    @Test func whereTheLinkIsTakenItIsAcceptedAndGoesInItsTurn() async throws {
        let exchange = sender.exchange
        let taken = (0..<Lanes.smallPerPeer).map { number in
            Lanes.Lane(
                to: recipient.id, .routine, size: 1,
                TransferID(
                    milliseconds: UInt64(number), entropy: [UInt8](repeating: 1, count: 10)))
        }
        for lane in taken { await exchange.lanes.enter(lane) }
        let begun = try await send(world.request())
        #expect(begun.state == "queued")
        #expect(try await kinds(begun.id) == ["transfer.permitted", "transfer.accepted"])
        // What is more urgent waits for none of them.
        let flash = try await send(world.request(precedence: .flash))
        #expect(try await kinds(flash.id) == Self.begun)
        for lane in taken { await exchange.lanes.leave(lane) }
        try await recipient.serving {
            await exchange.pursue(flash.id)
            await exchange.pursue(begun.id)
        }
        for id in [begun.id, flash.id] {
            #expect(try await sender.outbound(id)?.state == "delivered")
        }
        #expect(await exchange.linkLoads.isEmpty)
    }

    @Test func whatIsNotPermittedIsRecordedAsAlways() async throws {
        let refused = try await send(
            world.request(to: "MY/hub", personal: true))
        #expect(refused.state == "refused")
        #expect(try await kinds(refused.id) == ["transfer.refused"])
        #expect(try await sender.outbound(refused.id)?.state == "refused")
        let request = try world.request()
        let vague = OutboundRequest(
            to: request.to, label: request.label, facts: Facts(), ground: nil,
            precedence: .routine, dataset: request.dataset)
        let incomplete = try await send(vague)
        #expect(incomplete.state == "incomplete")
        #expect(try await kinds(incomplete.id) == ["transfer.incomplete"])
        #expect(try await sender.outbound(incomplete.id) == nil)
        #expect(try sender.parts == [])
    }

    @Test(arguments: [0, 4_999, 5_001])
    func whatIsNotAsLongAsItIsSaidToBeIsNotSent(_ count: Int) async throws {
        let problem = await problem { _ = try await send(try world.request(), count) }
        #expect(problem == "bad-dataset")
        #expect(try await sender.store.read { try $0.outbound(TransferFilter(limit: 1)) }.isEmpty)
        #expect(try await sender.entries("transfer.permitted") == 0)
    }

    /// Over a relay it is the link to that whose turn it takes.
    @Test func overARelayItTakesTheLinkToThat() async throws {
        let world = try RelayTests.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let begun = try await send(try world.request(), from: sender)
        #expect(await sender.exchange.linkLoads.map(\.peer) == [relay.id])
        let row = try #require(try await sender.outbound(begun.id))
        #expect(row.attempt == 1 && row.route == [sender.id, relay.id, recipient.id])
        try await recipient.running {
            try await relay.running {
                await sender.exchange.pursue(begun.id)
            }
        }
        #expect(try await sender.outbound(begun.id)?.state == "delivered")
        #expect(await sender.exchange.linkLoads.isEmpty)
        #expect(try await recipient.opened(begun.id) == TestFederation.bytes(5_000))
    }

    /// What does not fit the database, though no caller may ask for it.
    @Test func whatIsLargerGoesStepByStep() async throws {
        let count = Limits.storedPayloadBytesMax
        let begun = try await send(world.request(size: count), count)
        #expect(begun.state == "queued")
        #expect(try await kinds(begun.id) == ["transfer.permitted", "transfer.accepted"])
        try await recipient.serving { await sender.exchange.pursue(begun.id) }
        #expect(try await recipient.opened(begun.id) == TestFederation.bytes(count))
    }

    @Test func permitsThatComeTogetherNeverPassALimit() async throws {
        let (world, node) = (world, recipient)
        let states = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let request = try world.health()
                    let count = Int(request.dataset.totalBytes)
                    return try await send(request, count, from: node).state
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(states.count { $0 == "queued" } == 1)
        #expect(states.count { $0 == "refused" } == 7)
    }

    /// What waits for its turn has recorded nothing, and leaves with its sender.
    @Test func whoHangsUpWhileItWaitsSendsNothing() async throws {
        let exchange = sender.exchange
        for number in 0..<Sealings.smallBytesMax / Sealings.smallBytesMin {
            let id = TransferID(milliseconds: number, entropy: [UInt8](repeating: 1, count: 10))
            try await exchange.sealings.enter(.init(id: id, precedence: .routine, size: 1))
        }
        let gone = NIOSingletons.posixEventLoopGroup.next().makePromise(of: Void.self)
        let (request, future) = (try world.request(), gone.futureResult)
        let sending = Task {
            try await exchange.send(
                request, TestFederation.bytes(5_000), lifeSeconds: 3_600, by: 7, unless: future)
        }
        while await exchange.sealings.load.waiting == 0 { await Task.yield() }
        gone.succeed()
        await #expect(throws: HTTPFault.closed) { _ = try await sending.value }
        #expect(await exchange.sealings.load.waiting == 0)
        #expect(try await sender.store.read { try $0.outbound(TransferFilter(limit: 1)) }.isEmpty)
    }

    /// It may have waited long for its turn: then the release is another verdict's.
    @Test func anOldVerdictReleasesNothing() async throws {
        let exchange = sender.exchange
        let plaintext = ArrivingPlaintext(
            body: Pieces(pieces: [TestFederation.bytes(5_000)]))
        for (age, isReleased) in [(Int64(5), true), (6, false), (-6, false)] {
            let asked = try await exchange.ask(world.request(), 3_600, by: 7)
            world.clock.advance(seconds: age)
            let begun = try #require(try await exchange.sendAtOnce(asked, plaintext))
            let kinds = try await kinds(begun.id)
            #expect(kinds.contains("transfer.released") == isReleased, "\(age) s")
        }
    }

    /// An edition that comes between the verdict and its commit.
    @Test func nothingIsRecordedUnderWhatIsNotInForceAnyMore() async throws {
        let register = try await world.register(of: sender)
        try sender.judge(by: register)
        let exchange = sender.exchange
        let asked = try await exchange.ask(world.request(), 3_600, by: 7)
        #expect(try await register.refusal(try world.later("SG", 9)) == nil)
        await #expect(throws: Exchange.Overtaken.self) {
            _ = try await exchange.sendAtOnce(
                asked,
                ArrivingPlaintext(
                    body: Pieces(pieces: [TestFederation.bytes(5_000)])))
        }
        #expect(try await kinds(asked.id) == [])
        #expect(try await sender.outbound(asked.id) == nil)
        #expect(try sender.parts == [])
        #expect(await exchange.linkLoads.isEmpty)
        let begun = try await send(world.request())
        #expect(try await kinds(begun.id) == Self.begun)
    }

    @Test func whatIsAskedAgainUnderOneIDIsSentOnce() async throws {
        let id = chosen()
        let begun = try await send(world.request(), as: id)
        #expect(begun.id == id && begun.state == "queued")
        func isKnown(_ id: TransferID) async throws -> Bool {
            let request = try world.request()
            let again = await problem { _ = try await send(request, as: id) }
            let step = await problem {
                _ = try await sender.exchange.begin(request, as: id, lifeSeconds: 3_600, by: 7)
            }
            return again == "known-transfer" && step == "known-transfer"
        }
        #expect(try await isKnown(id))
        try await sender.restart()
        #expect(try await isKnown(id))
        try await recipient.serving { await sender.exchange.pursue(id) }
        #expect(try await isKnown(id))
        // However late.
        world.clock.advance(seconds: 3_000)
        #expect(try await isKnown(id))
        #expect(try await kinds(id) == Self.begun + ["transfer.delivered"])
        #expect(try await recipient.opened(id) == TestFederation.bytes(5_000))
        // So is one that was refused, and one whose payload is awaited.
        let (refused, awaited) = (chosen(2), chosen(3))
        #expect(
            try await send(world.request(to: "MY/hub", personal: true), as: refused).state
                == "refused")
        #expect(try await isKnown(refused))
        let step = try await sender.exchange.begin(
            world.request(), as: awaited, lifeSeconds: 3_600, by: 7)
        #expect(step.id == awaited && step.state == "sealing")
        // Whoever asks the same may send its payload, and nobody else.
        let same = try await sender.exchange.begin(
            world.request(), as: awaited, lifeSeconds: 3_600, by: 7)
        #expect(same.id == awaited && same.state == "sealing")
        for (size, life) in [(5_000, Int64(3_601)), (5_001, 3_600)] {
            let other = await problem {
                _ = try await sender.exchange.begin(
                    world.request(size: size), as: awaited, lifeSeconds: life, by: 7)
            }
            #expect(other == "known-transfer")
        }
        #expect(try await kinds(awaited) == ["transfer.permitted"])
        let whole = try await send(world.request(), as: awaited)
        #expect(whole.id == awaited && whole.state == "queued")
        #expect(try await kinds(awaited) == ["transfer.permitted", "transfer.accepted"])
        #expect(try await isKnown(awaited))
    }

    @Test func ofManyWhoAskAtOnceUnderOneIDOneSends() async throws {
        let (world, id) = (world, chosen())
        let outcomes = await withTaskGroup(of: String?.self) { group in
            for _ in 0..<12 {
                group.addTask { await problem { _ = try await send(try world.request(), as: id) } }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count { $0 == nil } == 1)
        #expect(outcomes.allSatisfy { [nil, "known-transfer", "not-yet"].contains($0) })
        try await recipient.serving { await sender.exchange.pursue(id) }
        #expect(try await kinds(id) == Self.begun + ["transfer.delivered"])
        #expect(try await recipient.opened(id) == TestFederation.bytes(5_000))
    }

    @Test func anIDThatNobodyKnowsIsTakenWhereItWasMadeJustNow() async throws {
        for (seconds, isTaken) in [(Int64(-301), false), (-300, true), (300, true), (301, false)] {
            let id = chosen(after: seconds)
            #expect(id.made == world.clock.now() + seconds)
            let problem = await problem { _ = try await send(world.request(), as: id) }
            #expect(problem == (isTaken ? nil : "bad-request"), "\(seconds) s")
        }
        // What was not recorded has used nothing up.
        let id = chosen(9)
        #expect(
            await problem { _ = try await send(world.request(), 4_999, as: id) } == "bad-dataset")
        let request = try world.request()
        let vague = OutboundRequest(
            to: request.to, label: request.label, facts: Facts(), ground: nil,
            precedence: .routine, dataset: request.dataset)
        #expect(try await send(vague, as: id).state == "incomplete")
        #expect(try await send(request, as: id).state == "queued")
    }

    @Test func anIDThatAnotherHasChosenIsTakenToo() async throws {
        let (id, request) = (chosen(), try world.request())
        _ = try await send(request, as: id)
        try await recipient.serving { await sender.exchange.pursue(id) }
        let back = await problem { _ = try await send(request, as: id, from: recipient) }
        #expect(back == "known-transfer")
    }

    /// What was read of the first try under an id is not what the second one sends.
    @Test func whatWasOvertakenIsSentUnderTheSameIDAsItIsJudgedThen() async throws {
        let register = try await world.register(of: sender)
        try sender.judge(by: register)
        let (exchange, id) = (sender.exchange, chosen())
        let asked = try await exchange.ask(world.request(), as: id, 3_600, by: 7)
        #expect(try await register.refusal(try world.later("SG", 9)) == nil)
        await #expect(throws: Exchange.Overtaken.self) {
            _ = try await exchange.sendAtOnce(
                asked, ArrivingPlaintext(body: Pieces(pieces: [TestFederation.bytes(5_000)])))
        }
        #expect(exchange.requests[id] == nil && exchange.sealedRecords[id] == nil)
        #expect(try await send(world.request(), as: id).id == id)
        #expect(try await kinds(id) == Self.begun)
    }
}
