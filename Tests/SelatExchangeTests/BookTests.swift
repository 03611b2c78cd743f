import SelatAudit
import SelatCore
import SelatHTTP
import SelatPolicy
import SelatStore
import SelatTestSupport
import Testing

@testable import SelatEnvelope
@testable import SelatExchange

/// What the sender's own books say: counters and lineage.
struct BookTests {
    let world: TestFederation

    init() throws { world = try TestFederation() }

    /// Viet Nam keeps a counter.
    private var counting: TestNode { world.recipient }

    private func state(_ request: OutboundRequest) async throws -> String {
        try await counting.exchange.begin(request, lifeSeconds: 3_600, by: 0).state
    }

    // MARK: Counters

    @Test func aCounterHoldsWhatWasPermittedBefore() async throws {
        #expect(try await state(world.health()) == "sealing")
        #expect(try await state(world.health()) == "refused")
        // What was refused raised nothing.
        #expect(try await state(world.health(39_999)) == "sealing")
        #expect(try await state(world.health(1)) == "refused")
    }

    @Test func permitsThatComeTogetherNeverPassALimit() async throws {
        let (world, exchange) = (world, counting.exchange)
        let states = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try await exchange.begin(try world.health(), lifeSeconds: 3_600, by: 0).state
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(states.filter { $0 == "sealing" }.count == 1)
    }

    @Test func whereNoByteLeftTheCounterIsLowered() async throws {
        let exchange = counting.exchange
        let begun = try await exchange.begin(world.health(), lifeSeconds: 3_600, by: 0)
        #expect(try await state(world.health()) == "refused")
        try await exchange.endSealing(begun.id, cause: "cut short")
        #expect(try await state(world.health()) == "sealing")
    }

    @Test func whatExpiredUnsentIsLoweredAndWhatArrivedIsNot() async throws {
        let exchange = counting.exchange
        let unsent = try await counting.send(world.health())
        world.clock.advance(seconds: 3_601)
        await exchange.pursue(unsent)
        #expect(try await counting.outbound(unsent)?.state == "expired")
        let sent = try await counting.send(world.health())
        try await world.sender.serving { await exchange.pursue(sent) }
        #expect(try await counting.outbound(sent)?.state == "delivered")
        #expect(try await state(world.health()) == "refused")
    }

    /// Of two releases at once the later one is committed with what the earlier one has counted.
    @Test func aReleaseIsCommittedWithinTheLimitsOfThenAlone() async throws {
        let (exchange, store) = (counting.exchange, counting.store)
        let id = try await counting.send(world.health())
        let row = try #require(try await counting.outbound(id))
        let judged = try await exchange.judgeAgain(row)
        let own = try #require(judged.raised.first)
        func commit() async throws {
            _ = try await store.commit { transaction in
                try exchange.requireWithinLimits(
                    judged.prepared, judged.again.verdict, id, in: transaction)
            }
        }
        try await commit()
        let other = CountedRow(
            transfer: TransferID(milliseconds: 0, entropy: [UInt8](repeating: 1, count: 10)),
            counter: own.counter, destination: own.destination, series: nil, time: own.time,
            amount: own.amount)
        _ = try await store.commit { try $0.count(other) }
        await #expect(throws: Problem.self) { try await commit() }
    }

    @Test func theSamePersonsCountOnce() async throws {
        #expect(try await state(world.health(60_000, series: "relief")) == "sealing")
        #expect(try await state(world.health(50_000, series: "relief")) == "sealing")
        #expect(try await state(world.health(99_999, series: "relief")) == "sealing")
        #expect(try await state(world.health(1, series: "other")) == "refused")
    }

    @Test func transfersLeaveTheWindowWithTime() async throws {
        let world = try TestFederation(
            TestFederation.Plan(
                edit: (
                    file: "VN.yaml", old: "    to: anywhere\n    over: 365 days",
                    new: "    to: destination\n    over: 2 hours"
                )))
        let exchange = world.recipient.exchange
        func state() async throws -> String {
            try await exchange.begin(try world.health(), lifeSeconds: 3_600, by: 0).state
        }
        #expect(try await state() == "sealing")
        world.clock.advance(seconds: 7_199)
        #expect(try await state() == "refused")
        world.clock.advance(seconds: 1)
        #expect(try await state() == "sealing")
    }

    @Test func sumsNeverOverflow() {
        let most = UInt64(JSON.integerMax)
        #expect(Exchange.total([nil: most, "a": most], adding: most, nil) == most)
        #expect(Exchange.total([nil: 5, "a": 7], adding: 3, "a") == 12)
        #expect(Exchange.total([nil: 5, "a": 7], adding: 9, "a") == 14)
        #expect(Exchange.total([nil: 5, "a": 7], adding: 9, nil) == 21)
        #expect(Exchange.total([:], adding: 0, "a") == 0)
        #expect(Exchange.shared(7, among: 3) == 21)
        #expect(Exchange.shared(most, among: 2) == most)
        #expect(Exchange.shared(.max, among: 2) == most)
    }

    // MARK: Lineage

    private func gauges(
        to: String, derivedFrom: [TransferID] = [], tlp: TLP = .green
    ) throws -> OutboundRequest {
        let to = try NodeID(to)
        var facts = TestFederation.facts()
        facts["national-category"] = Fact(.set([]), .stated)
        return OutboundRequest(
            to: to,
            label: Label(classification: .unclassified, releasableTo: [to.country], tlp: tlp),
            facts: facts, ground: nil, precedence: .routine,
            dataset: try TestFederation.dataset(500),
            derivedFrom: derivedFrom.map { TransferReference($0) })
    }

    /// Delivers gauges from SG to VN.
    private func delivered(_ world: TestFederation, tlp: TLP = .green) async throws -> TransferID {
        let id = try await world.sender.send(try gauges(to: "VN/hub", tlp: tlp))
        let exchange = world.sender.exchange
        try await world.recipient.serving { await exchange.pursue(id) }
        return id
    }

    @Test func whatIsSentOnKeepsWhatItWasReceivedUnder() async throws {
        let id = try await delivered(world, tlp: .amber)
        let exchange = counting.exchange
        let onward = try await exchange.decide(try gauges(to: "MY/hub", derivedFrom: [id])).verdict
        #expect(onward.outcome == .refused)
        #expect(onward.builtIn.contains("selat/outside-received-onward"))
        #expect(onward.question.lineage == [world.sender.id.country])
        let back = try await exchange.decide(try gauges(to: "SG/hub", derivedFrom: [id])).verdict
        #expect(back.outcome == .permitted)
        #expect(back.obligations.map(\.summary).contains("onward-only-to none"))
        let hidden = try await exchange.decide(try gauges(to: "MY/hub")).verdict
        #expect(hidden.question.lineage == [])
    }

    /// Although what is recorded names the sender of each part.
    @Test func whoAsksAgainForWhatIsSentOnIsAnsweredTheSame() async throws {
        let request = try gauges(to: "SG/hub", derivedFrom: [try await delivered(world)])
        let id = TransferID(
            milliseconds: UInt64(world.clock.now().seconds) * 1_000,
            entropy: [UInt8](repeating: 7, count: 10))
        for _ in 0..<2 {
            let begun = try await counting.exchange.begin(
                request, as: id, lifeSeconds: 3_600, by: 7)
            #expect(begun.id == id && begun.state == "sealing")
        }
        #expect(try await counting.entries("transfer.permitted") == 1)
    }

    @Test func theEarliestDestructionGoesAlong() async throws {
        let world = try TestFederation(
            TestFederation.Plan(
                edit: (
                    file: "VN.yaml", old: "  - ground: receive\n    flow: import\n",
                    new: "  - ground: receive\n    flow: import\n    obligations:\n"
                        + "      - retention: {at-most: 1 days}\n"
                )))
        let id = try await delivered(world)
        let kept = try await world.recipient.inbound(id, from: world.sender)
        let moment = try #require(kept?.destroyBy)
        #expect(moment == TestFederation.start + 86_400)
        world.clock.advance(seconds: 3_600)
        let exchange = world.recipient.exchange
        let back = try await world.recipient.send(try gauges(to: "SG/hub", derivedFrom: [id]))
        try await world.sender.serving { await exchange.pursue(back) }
        let returned = try await world.sender.inbound(back, from: world.recipient)
        #expect(returned?.state == "delivered")
        #expect(returned?.destroyBy == moment)
        world.clock.advance(seconds: 86_400)
        let late = try await exchange.decide(try gauges(to: "SG/hub", derivedFrom: [id])).verdict
        #expect(late.builtIn.contains("selat/received-past-destroy-by"))
        let own = world.sender.exchange
        #expect(await problem { _ = try await own.open(back, by: 0) } == "not-ready")
    }

    @Test func whatWasNeverReceivedHasNoLineage() async throws {
        let id = TransferID(milliseconds: 1, entropy: [UInt8](repeating: 1, count: 10))
        let exchange = counting.exchange
        #expect(
            await problem {
                _ = try await exchange.decide(try gauges(to: "SG/hub", derivedFrom: [id]))
            } == "bad-facts")
        // A transfer that this node itself sends is none that it received.
        let own = try await counting.send(try gauges(to: "SG/hub"))
        #expect(
            await problem {
                _ = try await exchange.decide(try gauges(to: "SG/hub", derivedFrom: [own]))
            } == "bad-facts")
    }
}
