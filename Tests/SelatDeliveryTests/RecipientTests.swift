import SelatCore
import SelatDelivery
import Testing

struct RecipientTests {
    static let now = Timestamp(seconds: 1_788_220_800)

    static func digest(_ byte: UInt8) throws -> Digest {
        try Digest(bytes: Array(repeating: byte, count: 32))
    }

    static func offer(
        from: String = "SG/hub", to: String = "VN/hub", federation: UInt8 = 1,
        suite: Suite = .p256, created: Int64 = 0, fixed: UInt8 = 9
    ) throws -> Recipient.Offer {
        Recipient.Offer(
            from: try NodeID(from), to: try NodeID(to), previous: try NodeID(from),
            federation: try digest(federation), suite: suite, created: now + created,
            expires: now + created + 3_600, fixedParts: try digest(fixed))
    }

    static func answer(
        _ offer: Recipient.Offer, known: Recipient? = nil, at now: Timestamp = now
    ) throws -> Recipient.Answer {
        Recipient.answer(
            to: offer, peer: try NodeID("SG/hub"),
            at: Recipient.Place(
                node: try NodeID("VN/hub"), federation: try digest(1), suites: [.p256],
                membershipExpires: now + 86_400),
            known: known, now: now)
    }

    static func known(_ state: Recipient.State, durable: UInt64 = 0) throws -> Recipient {
        Recipient(
            state: state, expires: now + 60, payloadSize: 100, fixedParts: try digest(9),
            durable: durable)
    }

    @Test func aFreshOfferIsConsidered() throws {
        #expect(try Self.answer(Self.offer()) == .consider)
    }

    @Test func whatDoesNotFitIsRefusedWithItsReason() throws {
        #expect(try Self.answer(Self.offer(to: "MY/hub")) == .refuse(.wrongAddress))
        #expect(try Self.answer(Self.offer(from: "MY/hub")) == .refuse(.wrongSender))
        #expect(try Self.answer(Self.offer(federation: 2)) == .refuse(.foreignFederation))
        #expect(try Self.answer(Self.offer(suite: .p384)) == .refuse(.unsupportedSuite))
        #expect(try Self.answer(Self.offer(created: 301)) == .refuse(.datedAhead))
        #expect(try Self.answer(Self.offer(created: 300)) == .consider)
        #expect(try Self.answer(Self.offer(created: -3_600)) == .refuse(.expired))
    }

    @Test func aKnownIDIsHarmlessAndAChangedOneIsAConflict() throws {
        #expect(
            try Self.answer(Self.offer(), known: Self.known(.receiving, durable: 50))
                == .resume(offset: 50))
        for state in Recipient.State.allCases where state != .receiving && state != .lapsed {
            #expect(try Self.answer(Self.offer(), known: Self.known(state)) == .repeated(state))
        }
        #expect(
            try Self.answer(Self.offer(fixed: 8), known: Self.known(.delivered))
                == .refuse(.idConflict))
    }

    @Test func aPayloadIsDeliveredOnceAndOnlyInTime() throws {
        var recipient = try Self.known(.receiving)
        #expect(recipient.handle(.durable(40), at: Self.now) == [.save])
        #expect(recipient.handle(.durable(40), at: Self.now) == [])
        #expect(recipient.handle(.durable(101), at: Self.now) == [])
        #expect(recipient.handle(.open, at: Self.now) == [])
        #expect(
            recipient.handle(.complete, at: Self.now)
                == [.record("transfer.arrived", statement: .delivered)])
        #expect(recipient.handle(.complete, at: Self.now) == [])
        #expect(
            recipient.handle(.open, at: Self.now)
                == [.record("transfer.opened", statement: .opened), .handOut])
        // Only the first opening is stated.
        #expect(
            recipient.handle(.open, at: Self.now)
                == [.record("transfer.opened", statement: nil), .handOut])
        #expect(recipient.handle(.tick, at: Self.now + 3_600) == [])

    }

    @Test func aRetentionDutyEndsOpening() throws {
        var recipient = Recipient(
            state: .delivered, expires: Self.now + 60, payloadSize: 100,
            fixedParts: try Self.digest(9), durable: 100, destroyBy: Self.now + 10)
        #expect(recipient.handle(.tick, at: Self.now) == [])
        #expect(recipient.handle(.open, at: Self.now).last == .handOut)
        #expect(recipient.handle(.open, at: Self.now + 10).last == .destroy)
        #expect(recipient.state == .destroyed)
        #expect(recipient.handle(.open, at: Self.now) == [])
    }

    @Test func anOperatorDestroysWhatLiesHereAndNothingElse() throws {
        for state in [Recipient.State.delivered, .opened] {
            var recipient = try Self.known(state)
            #expect(
                recipient.handle(.destroy, at: Self.now)
                    == [.record("transfer.destroyed", statement: .destroyed), .destroy])
            #expect(recipient.handle(.destroy, at: Self.now) == [])
        }
        for state in [Recipient.State.receiving, .refused, .lapsed, .destroyed] {
            var recipient = try Self.known(state)
            #expect(recipient.handle(.destroy, at: Self.now) == [])
            #expect(recipient.state == state)
        }
    }

    @Test func whatComesLateLapses() throws {
        var late = try Self.known(.receiving)
        #expect(late.handle(.complete, at: Self.now + 60).last == .destroy)
        #expect(late.state == .lapsed)
        #expect(late.handle(.complete, at: Self.now) == [])
    }

    /// Nobody had it, and by a clock that is right again it has time left.
    @Test func whatLapsedByAClockAheadIsTakenAnew() throws {
        let lapsed = try Self.known(.lapsed)
        #expect(try Self.answer(Self.offer(), known: lapsed) == .consider)
        #expect(
            try Self.answer(Self.offer(fixed: 8), known: lapsed) == .refuse(.idConflict))
        #expect(
            try Self.answer(Self.offer(), known: lapsed, at: Self.now + 60) == .repeated(.lapsed))
        var withdrawn = try Self.known(.receiving)
        #expect(
            withdrawn.handle(.withdrawn, at: Self.now)
                == [.record("transfer.withdrawn", statement: nil), .destroy])
        #expect(try Self.answer(Self.offer(), known: withdrawn) == .repeated(.withdrawn))
        // What was taken back after it lapsed is not open any more.
        for (event, kind, statement, state)
            in [
                (.recall, "transfer.recalled", .refused, .refused),
                (.withdrawn, "transfer.withdrawn", nil, .withdrawn),
            ] as [(Recipient.Event, String, ReceiptKind?, Recipient.State)]
        {
            var taken = lapsed
            #expect(
                taken.handle(event, at: Self.now)
                    == [.record(kind, statement: statement), .destroy])
            #expect(try Self.answer(Self.offer(), known: taken) == .repeated(state))
        }
    }
}
