import SelatCore
import SelatDelivery
import Testing

struct RelayMachineTests {
    static let now = Timestamp(seconds: 1_788_220_800)
    static let expires = now + 3_600

    static func relay(_ events: [Relay.Event]) throws -> Relay {
        var relay = Relay(
            expires: expires, payloadSize: 100, fixedParts: try RecipientTests.digest(9),
            attempt: 1)
        for event in events { _ = relay.handle(event, at: now) }
        return relay
    }

    @Test func theWholeRoadReadsAloud() throws {
        var relay = try Self.relay([])
        #expect(relay.handle(.durable(60), at: Self.now) == [.save])
        #expect(relay.handle(.due, at: Self.now) == [])
        #expect(relay.handle(.complete, at: Self.now) == [.record("relay.held", isStated: true)])
        #expect(relay.handle(.due, at: Self.now) == [.offer])
        #expect(relay.handle(.accepted(offset: 0), at: Self.now) == [.upload(from: 0)])
        #expect(relay.handle(.lastPieceReady, at: Self.now) == [.save, .sendLastPiece])
        #expect(
            relay.handle(.relayProven, at: Self.now)
                == [.record("relay.forwarded"), .retry(failures: 1)])
        #expect(relay.handle(.due, at: Self.now) == [.ask])
        #expect(relay.handle(.held, at: Self.now) == [.retry(failures: 2)])
        #expect(
            relay.handle(.deliveryProven, at: Self.now) == [.record("relay.delivered"), .destroy])
    }

    /// Else it would be offered again at once, and again.
    @Test func aNextRelayThatStatesNothingIsAskedAgainLater() throws {
        var relay = try Self.relay([.complete])
        #expect(relay.handle(.held, at: Self.now) == [.retry(failures: 1)])
        #expect(relay.handle(.held, at: Self.now) == [.retry(failures: 2)])
        #expect(relay.state == .holding)
        #expect(try Self.relay([.complete]).handled(.held) == .lapsed)
    }

    @Test func whatTheNextRelayHasLostIsOfferedAgain() throws {
        var relay = try Self.relay([.complete, .relayProven])
        #expect(
            relay.handle(.accepted(offset: 0), at: Self.now)
                == [.record("relay.held"), .retry(failures: 1)])
        #expect(relay.handle(.due, at: Self.now) == [.offer])
        #expect(try Self.relay([.complete, .relayProven]).handled(.accepted(offset: 0)) == .lapsed)
    }

    @Test func onlyTheSenderMakesAnotherAttempt() throws {
        var relay = try Self.relay([.complete, .headStale(cause: "edition")])
        #expect(relay.state == .returned)
        #expect(relay.handle(.due, at: Self.now) == [])
        #expect(relay.handle(.renewed(attempt: 1), at: Self.now) == [])
        #expect(relay.handle(.renewed(attempt: 2), at: Self.now) == [.record("relay.renewed")])
        #expect(relay.state == .holding)
        #expect(relay.handle(.due, at: Self.now) == [.offer])
    }

    /// A next relay that loses it again and again makes entries each time.
    @Test func whatIsLostAgainAndAgainIsTriedEverLater() throws {
        var relay = try Self.relay([.complete])
        for time in 1...20 {
            _ = relay.handle(.relayProven, at: Self.now)
            #expect(relay.state == .forwarded)
            #expect(
                relay.handle(.accepted(offset: 0), at: Self.now)
                    == [.record("relay.held"), .retry(failures: time)])
        }
    }

    @Test func aNewerAttemptDoesNotDisturbAnUpload() throws {
        var relay = try Self.relay([.durable(60)])
        #expect(relay.handle(.renewed(attempt: 2), at: Self.now) == [.record("relay.renewed")])
        #expect(relay.state == .receiving)
        #expect(relay.durable == 60)
    }

    @Test(arguments: [[Relay.Event](), [.complete], [.complete, .relayProven]])
    func itsTimeEndsAndALateReceiptSettlesIt(events: [Relay.Event]) throws {
        var relay = try Self.relay(events)
        #expect(relay.handle(.tick, at: Self.now) == [])
        #expect(relay.handle(.tick, at: Self.expires) == [.record("relay.lapsed"), .destroy])
        #expect(relay.handle(.tick, at: Self.expires) == [])
        #expect(relay.handle(.deliveryProven, at: Self.expires).first == .record("relay.delivered"))
    }

    @Test func anOutcomeStands() throws {
        for last in [Relay.Event.deliveryProven, .refusalProven(cause: "no")] {
            var relay = try Self.relay([.complete, last])
            let outcome = relay.state
            for event in [
                Relay.Event.deliveryProven, .refusalProven(cause: "no"), .due, .tick, .complete,
                .renewed(attempt: 9), .failed(cause: "x"), .headStale(cause: "x"), .durable(70),
            ] { #expect(relay.handle(event, at: Self.expires) == []) }
            #expect(relay.state == outcome)
        }
    }

    // MARK: Offers

    private func answer(
        _ offer: Recipient.Offer, attempt: UInt64 = 1, known: Relay? = nil, peer: String = "SG/hub",
        at now: Timestamp = RelayMachineTests.now
    ) throws -> Relay.Answer {
        Relay.answer(
            to: offer, attempt: attempt, peer: try NodeID(peer),
            at: Recipient.Place(
                node: try NodeID("MY/hub"), federation: try RecipientTests.digest(1),
                suites: [.p256], membershipExpires: Self.now + 86_400),
            known: known, now: now)
    }

    @Test func aFreshOfferIsConsideredAndAFalseOneIsNot() throws {
        #expect(try answer(RecipientTests.offer()) == .consider)
        #expect(try answer(RecipientTests.offer(), peer: "VN/hub") == .refuse(.wrongSender))
        #expect(
            try answer(RecipientTests.offer(federation: 2)) == .refuse(.foreignFederation))
        #expect(try answer(RecipientTests.offer(created: 301)) == .refuse(.datedAhead))
        #expect(try answer(RecipientTests.offer(created: -3_600)) == .refuse(.expired))
    }

    @Test func aKnownOfferIsAnsweredByWhereItStands() throws {
        let offer = try RecipientTests.offer()
        #expect(try answer(offer, known: Self.relay([.durable(60)])) == .resume(offset: 60))
        #expect(try answer(offer, known: Self.relay([.complete])) == .standing(.holding))
        #expect(try answer(offer, attempt: 2, known: Self.relay([.complete])) == .renew)
        #expect(
            try answer(offer, attempt: 2, known: Self.relay([.complete, .deliveryProven]))
                == .standing(.delivered))
        #expect(
            try answer(RecipientTests.offer(fixed: 8), known: Self.relay([.complete]))
                == .refuse(.idConflict))
    }

    /// A clock that was ahead let go of it; who took it back is not asked again.
    @Test func whatLapsedByAClockAheadIsConsideredAnew() throws {
        let offer = try RecipientTests.offer()
        var lapsed = try Self.relay([.complete, .headStale(cause: "edition"), .renewed(attempt: 2)])
        _ = lapsed.handle(.tick, at: Self.expires)
        for attempt in [2, 3] as [UInt64] {
            #expect(try answer(offer, attempt: attempt, known: lapsed) == .consider)
            #expect(
                try answer(offer, attempt: attempt, known: lapsed, at: Self.expires)
                    == .standing(.lapsed))
        }
        #expect(try answer(offer, attempt: 1, known: lapsed) == .standing(.lapsed))
        #expect(
            try answer(RecipientTests.offer(fixed: 8), attempt: 3, known: lapsed)
                == .refuse(.idConflict))
        #expect(
            try answer(RecipientTests.offer(created: 301), attempt: 3, known: lapsed)
                == .refuse(.datedAhead))
        let withdrawn = try Self.relay([.complete, .withdrawn(cause: "the wrong file")])
        #expect(try answer(offer, attempt: 2, known: withdrawn) == .standing(.withdrawn))
        // What was taken back after it lapsed is not open any more.
        #expect(
            lapsed.handle(.withdrawn(cause: "the wrong file"), at: Self.now)
                == [.record("relay.withdrawn"), .destroy])
        #expect(try answer(offer, attempt: 3, known: lapsed) == .standing(.withdrawn))
    }

    // MARK: The sender behind a relay

    private func sender(_ events: [Sender.Event]) -> Sender {
        SenderTests.sender(
            [.sealed(approvalsOwed: false), .due, .released, .lastPieceReady] + events)
    }

    @Test func aRelaysWordEndsNothing() {
        var sender = sender([.relayProven])
        #expect(sender.state == .relayed)
        #expect(!sender.state.isOutcome)
        #expect(sender.handle(.due, at: SenderTests.start) == [.ask])
        #expect(
            sender.handle(.held(cause: nil, isAnother: false), at: SenderTests.start)
                == [.retry(failures: 2)])
        #expect(
            sender.handle(.held(cause: "down", isAnother: false), at: SenderTests.start)
                == [.save, .retry(failures: 3)])
        _ = sender.handle(.held(cause: nil, isAnother: false), at: SenderTests.expires)
        #expect(sender.state == .unconfirmed)
        #expect(
            sender.handle(.deliveryProven, at: SenderTests.expires)
                == [.record("transfer.delivered", cause: nil), .destroy])
    }

    /// As after a restore: the backup was made before the last piece left.
    @Test func whatARelayHoldsMayHaveArrived() {
        var sender = SenderTests.sender([
            .sealed(approvalsOwed: false), .due, .released, .accepted(offset: 0), .relayProven,
        ])
        #expect(sender.handedOn)
        _ = sender.handle(.held(cause: nil, isAnother: false), at: SenderTests.expires)
        #expect(sender.state == .unconfirmed)
        #expect(
            sender.handle(.deliveryProven, at: SenderTests.expires)
                == [.record("transfer.delivered", cause: nil), .destroy])
    }

    @Test func aRelayThatGoesSilentIsPassedBy() {
        var sender = sender([.relayProven])
        var actions: [Sender.Action] = []
        for _ in 0..<8 where sender.state == .relayed {
            actions = sender.handle(
                .blocked(cause: "down", isAnother: true), at: SenderTests.start)
        }
        #expect(actions.first == .record("transfer.queued", cause: "down"))
        #expect(sender.handle(.due, at: SenderTests.start) == [.release(attempt: 2)])
        #expect(sender.handedOn)
    }

    @Test func whatTheRelayHasLostIsSentAnew() {
        var sender = sender([.relayProven])
        #expect(
            sender.handle(.accepted(offset: 0), at: SenderTests.start).first
                == .record("transfer.queued", cause: "the relay does not hold it any more"))
        #expect(sender.handle(.due, at: SenderTests.start) == [.release(attempt: 2)])
    }

    @Test func whereNoOtherRouteIsOpenTheSameIsTriedAgain() {
        var sender = SenderTests.sender([.sealed(approvalsOwed: false), .due, .released])
        for failures in 1...9 {
            #expect(
                sender.handle(.blocked(cause: "down", isAnother: false), at: SenderTests.start)
                    == [.save, .retry(failures: failures)])
        }
        #expect(sender.handle(.due, at: SenderTests.start) == [.offer])
        _ = sender.handle(.blocked(cause: "down", isAnother: true), at: SenderTests.start)
        #expect(sender.handle(.due, at: SenderTests.start) == [.release(attempt: 2)])
    }

    @Test func aRelayThatGivesItBackLeadsToAnotherAttempt() {
        var sender = sender([.relayProven])
        #expect(
            sender.handle(.headStale(cause: "edition"), at: SenderTests.start).first
                == .record("transfer.queued", cause: "edition"))
        #expect(sender.state == .queued)
        #expect(sender.handle(.due, at: SenderTests.start) == [.release(attempt: 2)])
    }
}

extension Relay {
    /// The state after an event that comes when its time is over.
    fileprivate func handled(_ event: Event) -> State {
        var relay = self
        _ = relay.handle(event, at: RelayMachineTests.expires)
        return relay.state
    }
}
