import SelatCore
import SelatStore
import SelatTestSupport
import Testing

@testable import SelatExchange

/// What ended as nobody here asked for, and what can be done about it.
struct DeadLetterTests {
    private func dead(_ node: TestNode, limit: Int = 100) async throws -> [DeadLetter] {
        try await node.exchange.deadLetters(limit: limit)
    }

    @Test func whatExpiredIsShownWithCauseTimeAndRemedy() async throws {
        let world = try TestFederation()
        let sender = world.sender
        let id = try await sender.send(world.request(), life: 60)
        #expect(try await dead(sender).isEmpty)
        #expect(try await sender.exchange.deadWarnings().isEmpty)
        world.clock.advance(seconds: 60)
        await sender.exchange.pursue(id)
        let letters = try await dead(sender)
        #expect(letters.map(\.row.id) == [id])
        #expect(letters.first?.row.state == "expired")
        #expect(letters.first?.row.cause?.hasPrefix("it expired") == true)
        #expect(letters.first?.ended == world.clock.now())
        #expect(letters.first?.remedy.contains("send it anew") == true)
        #expect(
            try await sender.exchange.deadWarnings() == [
                "1 of the own transfers ended undelivered in the last three days: "
                    + "selat transfers --dead"
            ])
        // It is a warning while it is news, and stays in the list.
        world.clock.advance(seconds: 3 * 86_400)
        #expect(try await sender.exchange.deadWarnings().count == 1)
        world.clock.advance(seconds: 1)
        #expect(try await sender.exchange.deadWarnings().isEmpty)
        #expect(try await dead(sender).count == 1)
    }

    @Test func whatTheRecipientRefusedIsOne() async throws {
        let world = try DutyTests.imports(DutyTests.untilTomorrow)
        let (sender, recipient) = (world.sender, world.recipient)
        let id = try await DutyTests.releasedTooEarly(in: world, isHandedOn: true)
        let exchange = sender.exchange
        try await recipient.serving { await exchange.pursue(id) }
        let letter = try #require(try await dead(sender).first)
        #expect(letter.row.state == "refused")
        #expect(letter.remedy.contains("selat check"))
        #expect(try await dead(recipient).isEmpty)
    }

    @Test func whatTheDaemonCancelledIsOneAndWhatAnOperatorDidIsNone() async throws {
        let world = try DutyTests.imports(DutyTests.untilTomorrow)
        let (sender, recipient) = (world.sender, world.recipient)
        let id = try await DutyTests.releasedTooEarly(in: world, isHandedOn: false)
        try await recipient.serving { await sender.exchange.pursue(id) }
        #expect(try await sender.outbound(id)?.state == "cancelled")
        let letters = try await dead(sender)
        #expect(letters.map(\.row.id) == [id])
        #expect(letters.first?.remedy.contains("selat show \(id)") == true)

        let plain = try TestFederation()
        let taken = try await plain.sender.send(plain.request())
        _ = try await plain.sender.exchange.cancel(taken, reason: "the wrong file", by: 1_000)
        #expect(try await dead(plain.sender).isEmpty)
    }

    /// Nobody was promised anything: refused at once, and cut short while it was sealed.
    @Test func whatWasNeverAcceptedIsNone() async throws {
        let world = try TestFederation()
        let sender = world.sender
        let refused = try await sender.exchange.begin(
            world.request(personal: true), lifeSeconds: 60, by: 0)
        #expect(refused.state != "sealing")
        let begun = try await sender.exchange.begin(world.request(), lifeSeconds: 60, by: 0)
        try await sender.restart()
        #expect(try await sender.outbound(begun.id)?.state == "cancelled")
        #expect(try await dead(sender).isEmpty)
        #expect(try await sender.exchange.deadWarnings().isEmpty)
    }

    @Test func whatWasDeliveredAfterAllIsNoneAndTheNewestComeFirst() async throws {
        let world = try TestFederation()
        let sender = world.sender
        var ids: [TransferID] = []
        for _ in 0..<3 {
            world.clock.advance(seconds: 1)
            ids.append(try await sender.send(world.request(), life: 60))
        }
        let second = ids[1]
        try await world.recipient.serving { await sender.exchange.pursue(second) }
        world.clock.advance(seconds: 60)
        for id in ids { await sender.exchange.pursue(id) }
        #expect(try await dead(sender).map(\.row.id) == [ids[2], ids[0]])
        #expect(try await dead(sender, limit: 1).map(\.row.id) == [ids[2]])
    }

    @Test(
        arguments: [
            ("expired", "it expired; last: an approval is owed", "selat approve list"),
            ("expired", "it expired; last: VN/hub: nobody answers", "selat ping VN/hub"),
            ("unconfirmed", "it expired after it may have arrived", "selat receipt import"),
            ("refused", "suite-too-weak: suite 1", "selat keys"),
            ("refused", "import-refused: VN/none", "selat check"),
            ("refused", "SG/hub/lee: not this one", "says who refused it"),
            ("refused", nil, "says who refused it"),
            ("cancelled", "VN: no-ground", "names the clause"),
        ] as [(String, String?, String)])
    func eachEndHasItsRemedy(state: String, cause: String?, remedy: String) throws {
        var row = OutboundRow(
            id: TransferID(milliseconds: 1, entropy: [UInt8](repeating: 0, count: 10)),
            to: try NodeID("VN/hub"), created: TestFederation.start, expires: TestFederation.start,
            precedence: .routine, state: state, payloadSize: 1)
        row.cause = cause
        #expect(row.remedy.contains(remedy), "\(row.remedy)")
    }
}
