import SelatCore
import SelatDelivery
import Testing

// A clock that may be wrong: what it says is over neither ends nor leaves.

extension Sender {
    /// A step by a clock that is believed.
    mutating func handle(_ event: Event, at now: Timestamp) -> [Action] {
        handle(event, at: Moment(now, mayEnd: true))
    }
}

extension Relay {
    /// A step by a clock that is believed.
    mutating func handle(_ event: Event, at now: Timestamp) -> [Action] {
        handle(event, at: Moment(now, mayEnd: true))
    }
}

extension Recipient {
    /// A step by a clock that is believed.
    mutating func handle(_ event: Event, at now: Timestamp) -> [Action] {
        handle(event, at: Moment(now, mayEnd: true))
    }
}

struct MomentTests {
    static let start = SenderTests.start
    static let doubtful = Moment(SenderTests.expires, mayEnd: false)
    static let queued: [Sender.Event] = [.sealed(approvalsOwed: false), .due, .released]
    static let sending = queued + [.accepted(offset: 0), .lastPieceReady]
    static let relayed = sending + [.relayProven]

    @Test(arguments: [queued, sending, relayed])
    func nothingIsTriedByADoubtfulClock(_ events: [Sender.Event]) {
        var sender = SenderTests.sender(events)
        let before = sender
        #expect(sender.handle(.due, at: Self.doubtful) == [.waitForClock])
        #expect(sender == before)
        _ = sender.handle(.due, at: SenderTests.expires)
        #expect(sender.state.isOutcome || sender.handedOn)
    }

    /// Before its time is over it goes on as ever.
    @Test func doubtAloneHoldsNothingUp() {
        var sender = SenderTests.sender([.sealed(approvalsOwed: false)])
        let moment = Moment(Self.start, mayEnd: false)
        #expect(sender.handle(.due, at: moment) == [.release(attempt: 1)])
    }

    @Test func whatIsUnderWayEndsByNoAnswer() {
        let events: [Sender.Event] = [
            .accepted(offset: 0), .failed(cause: "it broke"), .headStale(cause: "stale"),
            .held(cause: nil, isAnother: false), .blocked(cause: "no", isAnother: false),
            .approvalsOwed(cause: "owed"), .releaseRefused(cause: "no"), .released,
        ]
        for before in [Self.queued, Self.sending, Self.relayed] {
            for event in events {
                var sender = SenderTests.sender(before)
                let actions = sender.handle(event, at: Self.doubtful)
                #expect(!sender.state.isOutcome, "\(event)")
                #expect(!actions.contains(.offer), "\(event)")
                #expect(!actions.contains(.upload(from: 0)), "\(event)")
            }
        }
    }

    /// The recipient's word is no matter of the clock.
    @Test func aReceiptSettlesItAllTheSame() {
        var sender = SenderTests.sender(Self.sending)
        _ = sender.handle(.deliveryProven, at: Self.doubtful)
        #expect(sender.state == .delivered)
    }

    @Test(arguments: [Sender.Event.released, .releasedAtOnce])
    func aReleaseIsRecordedAndNotOffered(_ release: Sender.Event) {
        var sender = SenderTests.sender([.sealed(approvalsOwed: false), .due])
        #expect(
            sender.handle(release, at: Self.doubtful)
                == [.record(Sender.releasedKind, cause: nil), .waitForClock])
        #expect(sender.attempt == 1 && !sender.handedOn)
    }

    /// The law that refuses it may be that of another day.
    @Test func noVerdictEndsItByADoubtfulClock() {
        var sender = SenderTests.sender([.sealed(approvalsOwed: false), .due])
        let moment = Moment(Self.start, mayEnd: false)
        #expect(
            sender.handle(.releaseRefused(cause: "refused"), at: moment)
                == [.save, .retry(failures: 1)])
        #expect(sender.cause == "refused")
        _ = sender.handle(.releaseRefused(cause: "refused"), at: Self.start)
        #expect(sender.state == .cancelled)
    }

    @Test func anApprovalCountsByADoubtfulClock() {
        var sender = SenderTests.sender([.sealed(approvalsOwed: true)])
        #expect(sender.handle(.due, at: Self.doubtful) == [])
        #expect(
            sender.handle(.approved, at: Self.doubtful)
                == [.record("transfer.approved", cause: nil)])
    }

    @Test func aRelayKeepsWhatMayNotBeOver() throws {
        var relay = try RelayMachineTests.relay([])
        let doubtful = Moment(relay.expires, mayEnd: false)
        #expect(relay.handle(.tick, at: doubtful) == [])
        #expect(relay.handle(.complete, at: doubtful) == [.record("relay.held", isStated: true)])
        #expect(relay.handle(.due, at: doubtful) == [.waitForClock])
        #expect(relay.handle(.accepted(offset: 0), at: doubtful) == [.waitForClock])
        _ = relay.handle(.failed(cause: "it broke"), at: doubtful)
        #expect(relay.state == .holding)
        _ = relay.handle(.tick, at: relay.expires)
        #expect(relay.state == .lapsed)
    }

    @Test func whatIsWholeNeitherArrivesNorLapses() throws {
        var recipient = try RecipientTests.known(.receiving)
        let doubtful = Moment(recipient.expires, mayEnd: false)
        #expect(recipient.handle(.tick, at: doubtful) == [])
        #expect(recipient.handle(.complete, at: doubtful) == [.waitForClock])
        #expect(recipient.state == .receiving)
        _ = recipient.handle(.complete, at: recipient.expires)
        #expect(recipient.state == .lapsed)
    }

    @Test(arguments: [Recipient.State.delivered, .opened, .recalled])
    func noRetentionEndsByADoubtfulClock(_ state: Recipient.State) throws {
        let end = RecipientTests.now + 60
        var recipient = Recipient(
            state: state, expires: end, payloadSize: 1, fixedParts: try RecipientTests.digest(9),
            durable: 1, destroyBy: end)
        let doubtful = Moment(end, mayEnd: false)
        #expect(recipient.handle(.tick, at: doubtful) == [])
        #expect(recipient.handle(.open, at: doubtful) == [.waitForClock])
        #expect(recipient.state == state)
        // What a person orders is done at once.
        _ = recipient.handle(.destroy, at: doubtful)
        #expect(recipient.state == .destroyed)
    }
}
