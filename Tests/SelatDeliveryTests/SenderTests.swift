import SelatCore
import SelatDelivery
import SelatTestSupport
import Testing

struct SenderTests {
    static let start = Timestamp(seconds: 1_788_220_800)
    static let expires = start + 3_600

    /// A machine that has taken these events.
    static func sender(_ events: [Sender.Event]) -> Sender {
        var sender = Sender(expires: expires)
        for event in events { _ = sender.handle(event, at: start) }
        return sender
    }

    @Test func theWholeRoadReadsAloud() {
        var sender = Sender(expires: Self.expires)
        #expect(
            sender.handle(.sealed(approvalsOwed: false), at: Self.start)
                == [.record("transfer.accepted", cause: nil)])
        #expect(sender.handle(.due, at: Self.start) == [.release(attempt: 1)])
        #expect(
            sender.handle(.released, at: Self.start)
                == [.record("transfer.released", cause: nil), .offer])
        #expect(
            sender.handle(.accepted(offset: 0), at: Self.start)
                == [.record("transfer.offered", cause: nil), .upload(from: 0)])
        #expect(sender.handle(.lastPieceReady, at: Self.start) == [.save, .sendLastPiece])
        #expect(
            sender.handle(.deliveryProven, at: Self.start)
                == [.record("transfer.delivered", cause: nil), .destroy])
        #expect(sender.state == .delivered)
    }

    @Test func whatLeavesAtOnceIsMarkedWithItsRelease() {
        var sender = Self.sender([.sealed(approvalsOwed: false), .due])
        #expect(
            sender.handle(.releasedAtOnce, at: Self.start)
                == [.record("transfer.released", cause: nil), .offer])
        #expect(sender.handedOn && sender.attempt == 1)
        #expect(sender.handle(.lastPieceReady, at: Self.start) == [.sendLastPiece])
        // After a crash that came first, too, its receipt is asked for.
        #expect(sender.handle(.due, at: Self.start) == [.offer])
        #expect(sender.handle(.cancelled(cause: "by hand"), at: Self.start) == [])
    }

    @Test func anOwedApprovalHoldsTheTransferBack() {
        var sender = Self.sender([.sealed(approvalsOwed: true)])
        #expect(sender.state == .waiting)
        #expect(sender.handle(.due, at: Self.start) == [])
        _ = sender.handle(.due, at: Self.expires)
        #expect(sender.state == .expired)
    }

    /// Its officer has taken it back after it may have arrived.
    @Test func nothingMoreLeavesOfWhatIsRecalled() {
        let handedOn: [Sender.Event] = [
            .sealed(approvalsOwed: false), .due, .released, .accepted(offset: 0), .lastPieceReady,
        ]
        var sending = Self.sender(handedOn + [.recalled])
        for event in [Sender.Event.headStale(cause: "stale"), .basisMoved] {
            _ = sending.handle(event, at: Self.start)
            #expect(sending.handle(.due, at: Self.start) == [.offer])
        }
        #expect(
            sending.handle(.accepted(offset: 0), at: Self.start) == [.save, .retry(failures: 2)])
        #expect(sending.state == .sending)
        #expect(sending.handle(.exported, at: Self.start) == [])
        _ = sending.handle(.headLost, at: Self.start)
        #expect(sending.handle(.due, at: Self.start) == [.retry(failures: 3)])
        _ = sending.handle(.due, at: Self.expires)
        #expect(sending.state == .unconfirmed)
    }

    @Test func whatIsRecalledIsAskedForAtItsRelayAndSentNoOtherWay() {
        var relayed = Self.sender([
            .sealed(approvalsOwed: false), .due, .released, .accepted(offset: 0),
            .lastPieceReady, .relayProven, .recalled,
        ])
        for event in [
            Sender.Event.accepted(offset: 0), .headStale(cause: "stale"),
            .blocked(cause: "no", isAnother: true),
        ] {
            for _ in 0..<Sender.asksPerRoute {
                #expect(relayed.handle(.due, at: Self.start) == [.ask])
                _ = relayed.handle(event, at: Self.start)
                #expect(relayed.state == .relayed)
            }
        }
        #expect(relayed.attempt == 1)
        _ = relayed.handle(.deliveryProven, at: Self.start)
        #expect(relayed.state == .delivered)
    }

    /// Its relay has let go of it for the recall, and never gets the receipt.
    @Test func whatTheRecipientDidWithItProvesThatItHasArrived() {
        let road: [Sender.Event] = [
            .sealed(approvalsOwed: false), .due, .released, .accepted(offset: 0),
            .lastPieceReady, .relayProven, .arrivalProven,
        ]
        let delivered: [Sender.Action] = [.record("transfer.delivered", cause: nil), .destroy]
        var recalled = Self.sender(road + [.recalled])
        for _ in 1..<Sender.asksPerRoute {
            _ = recalled.handle(.accepted(offset: 0), at: Self.start)
            #expect(recalled.state == .relayed)
        }
        #expect(recalled.handle(.accepted(offset: 0), at: Self.start) == delivered)
        // Any other may bring it still, with the recipient's verdict.
        var asked = Self.sender(road)
        for _ in 0..<(2 * Sender.asksPerRoute) {
            _ = asked.handle(.held(cause: nil, isAnother: false), at: Self.start)
            #expect(asked.state == .relayed)
        }
        #expect(asked.handle(.held(cause: nil, isAnother: false), at: Self.expires) == delivered)
        var late = Self.sender([.sealed(approvalsOwed: false), .due, .released, .lastPieceReady])
        _ = late.handle(.failed(cause: "link"), at: Self.expires)
        #expect(late.state == .unconfirmed)
        #expect(late.handle(.arrivalProven, at: Self.expires) == delivered)
    }

    /// A backup that is older than what was handed on was laid down.
    @Test(arguments: [0, 1] as [UInt64])
    func whatHasArrivedIsNoPersonsToTakeBack(attempt: UInt64) {
        for state in [Sender.State.queued, .sending] {
            let delivered: [Sender.Action] = [.record("transfer.delivered", cause: nil), .destroy]
            var sender = Sender(
                expires: Self.expires, state: state, handedOn: false, attempt: attempt, cause: nil)
            #expect(sender.handle(.arrivalProven, at: Self.start) == [.save])
            #expect(sender.handedOn)
            #expect(sender.handle(.arrivalProven, at: Self.start) == [])
            // As it is after a start, before anybody has told it.
            var again = Sender(
                expires: Self.expires, state: state, handedOn: sender.handedOn, attempt: attempt,
                cause: nil)
            for event in [Sender.Event.cancelled(cause: "x"), .approvalRefused(cause: "x")] {
                #expect(again.handle(event, at: Self.start) == [])
            }
            _ = sender.handle(.recalled, at: Self.start)
            // Without a head nobody can be asked.
            #expect(
                sender.handle(.due, at: Self.start)
                    == (attempt > 0 ? [.offer] : [.retry(failures: 1)]))
            #expect(
                sender.handle(.due, at: Self.expires) == (attempt > 0 ? [.offer] : delivered))
        }
    }

    @Test func failuresAreRetriedAndCounted() {
        var sender = Self.sender([.sealed(approvalsOwed: false), .due, .released])
        #expect(
            sender.handle(.failed(cause: "down"), at: Self.start) == [.save, .retry(failures: 1)])
        #expect(sender.handle(.due, at: Self.start) == [.offer])
        #expect(
            sender.handle(.failed(cause: "down"), at: Self.start) == [.save, .retry(failures: 2)])
        _ = sender.handle(.accepted(offset: 5), at: Self.start)
        #expect(sender.failures == 0)
        #expect(sender.cause == nil)
    }

    /// Its relay may have erased what it stated, or answered before it could.
    @Test func aRelayThatStatesNothingIsAskedAgain() {
        for offset in [UInt64?.none, 0] {
            var sender = Self.sender([.sealed(approvalsOwed: false), .due, .released])
            if let offset { _ = sender.handle(.accepted(offset: offset), at: Self.start) }
            for count in 1..<10 {
                #expect(
                    sender.handle(.held(cause: nil, isAnother: true), at: Self.start)
                        == [.save, .retry(failures: count)])
                #expect(sender.handle(.due, at: Self.start) == [.offer])
            }
            _ = sender.handle(.held(cause: nil, isAnother: true), at: Self.start)
            #expect(sender.handle(.due, at: Self.start) == [.release(attempt: 2)])
            _ = sender.handle(.held(cause: nil, isAnother: false), at: Self.expires)
            #expect(sender.state == .expired)
        }
    }

    @Test func aStaleHeadLeadsToANewAttempt() {
        var sender = Self.sender([.sealed(approvalsOwed: false), .due, .released])
        _ = sender.handle(.headStale(cause: "edition"), at: Self.start)
        #expect(sender.handle(.due, at: Self.start) == [.release(attempt: 2)])
        _ = sender.handle(.released, at: Self.start)
        #expect(sender.attempt == 2)
        #expect(sender.handle(.due, at: Self.start) == [.offer])
    }

    @Test(arguments: [(false, Sender.State.expired), (true, .unconfirmed)])
    func expiryDependsOnWhatMayHaveArrived(_ handedOn: Bool, _ outcome: Sender.State) {
        var sender = Self.sender(
            [.sealed(approvalsOwed: false), .due, .released, .accepted(offset: 0)]
                + (handedOn ? [.lastPieceReady] : []))
        var actions = sender.handle(.due, at: Self.expires)
        if handedOn {
            // It is asked for once more, and no byte of it is sent any more.
            #expect(actions == [.offer])
            actions = sender.handle(.accepted(offset: 0), at: Self.expires)
        }
        #expect(sender.state == outcome)
        #expect(actions.last == .destroy)
    }

    @Test func theLastQuestionMayStillBringTheReceipt() {
        var sender = Self.sender(
            [.sealed(approvalsOwed: false), .due, .released, .accepted(offset: 0), .lastPieceReady])
        #expect(sender.handle(.due, at: Self.expires) == [.offer])
        _ = sender.handle(.deliveryProven, at: Self.expires)
        #expect(sender.state == .delivered)
    }

    @Test func aLateReceiptSettlesUnconfirmedAndNothingElse() {
        var sender = Self.sender(
            [.sealed(approvalsOwed: false), .due, .released, .accepted(offset: 0), .lastPieceReady])
        _ = sender.handle(.due, at: Self.expires)
        _ = sender.handle(.failed(cause: "no answer"), at: Self.expires)
        #expect(sender.state == .unconfirmed)
        _ = sender.handle(.deliveryProven, at: Self.expires)
        #expect(sender.state == .delivered)
        let settled = sender
        for event in Self.everyEvent { #expect(sender.handle(event, at: Self.expires) == []) }
        #expect(sender == settled)
    }

    @Test func whatIsUnconfirmedSaysWhatItWaitedForLast() {
        var sender = Self.sender(
            [.sealed(approvalsOwed: false), .due, .released, .accepted(offset: 0), .lastPieceReady])
        _ = sender.handle(.failed(cause: "connection refused"), at: Self.start)
        #expect(sender.handle(.due, at: Self.expires) == [.offer])
        _ = sender.handle(.failed(cause: "connection refused"), at: Self.expires)
        #expect(
            sender.cause
                == "it expired after it may have arrived, and no receipt came; last: connection refused"
        )
    }

    @Test func aRefusalNeedsTheRecipientsSignatureOnceItMayHaveArrived() {
        var early = Self.sender([.sealed(approvalsOwed: false), .due])
        _ = early.handle(.releaseRefused(cause: "no ground"), at: Self.start)
        #expect(early.state == .cancelled)
        var late = Self.sender(
            [.sealed(approvalsOwed: false), .due, .released, .accepted(offset: 0), .lastPieceReady])
        _ = late.handle(.releaseRefused(cause: "no ground"), at: Self.start)
        #expect(late.state == .unconfirmed)
        _ = late.handle(.refusalProven(cause: "no ground"), at: Self.start)
        #expect(late.state == .refused)
    }

    @Test func anOfficersNoEndsWhatCannotHaveArrived() {
        for events in [
            [Sender.Event.sealed(approvalsOwed: true)],
            [.sealed(approvalsOwed: true), .approved],
            [.sealed(approvalsOwed: false), .due, .released, .accepted(offset: 0)],
        ] {
            var sender = Self.sender(events)
            let actions = sender.handle(.approvalRefused(cause: "no"), at: Self.start)
            #expect(sender.state == .refused)
            #expect(actions == [.record("transfer.refused", cause: "no"), .destroy])
        }
        var late = Self.sender(
            [.sealed(approvalsOwed: false), .due, .released, .accepted(offset: 0), .lastPieceReady])
        #expect(late.handle(.approvalRefused(cause: "no"), at: Self.start).isEmpty)
        #expect(late.state == .sending)
    }

    @Test func whatWaitsAfterAReleaseMayHaveLeft() {
        var sender = Self.sender([.sealed(approvalsOwed: true)])
        #expect(sender.isBeforePayload)
        for event in [Sender.Event.approved, .due, .released, .approvalsOwed(cause: "x")] {
            _ = sender.handle(event, at: Self.start)
        }
        #expect(sender.state == .waiting)
        #expect(!sender.isBeforePayload)
        _ = sender.handle(.approved, at: Self.expires)
        #expect(sender.state == .expired)
    }

    @Test func whatIsQueuedAgainAfterAReleaseMayHaveLeft() {
        var sender = Self.sender([.sealed(approvalsOwed: true), .approved])
        #expect(sender.state == .queued)
        #expect(sender.isBeforePayload)
        for event in [
            Sender.Event.due, .released, .accepted(offset: 0), .approvalsOwed(cause: "lapsed"),
            .approved,
        ] {
            _ = sender.handle(event, at: Self.start)
        }
        #expect(sender.state == .queued)
        #expect(!sender.isBeforePayload)
    }

    /// It was on its way before an approval stopped counting: its receipt is no less true for that.
    @Test(arguments: [
        (Sender.Event.deliveryProven, Sender.State.delivered),
        (.refusalProven(cause: "no"), .refused),
    ])
    func aReceiptSettlesWhatWaitsForAPersonAgain(_ event: Sender.Event, _ outcome: Sender.State) {
        var sender = Self.sender([
            .sealed(approvalsOwed: true), .approved, .due, .released, .accepted(offset: 0),
            .lastPieceReady, .approvalsOwed(cause: "revoked"),
        ])
        #expect(sender.state == .waiting)
        #expect(sender.handle(event, at: Self.start).last == .destroy)
        #expect(sender.state == outcome)
    }

    /// A recipient that takes every offer and no payload is not asked four times a second.
    @Test func failuresGoOnWhereNothingGoesOn() {
        var sender = Self.sender([.sealed(approvalsOwed: false), .due, .released])
        for failures in 1...9 {
            _ = sender.handle(.accepted(offset: 7), at: Self.start)
            #expect(
                sender.handle(.failed(cause: "full"), at: Self.start)
                    == [.save, .retry(failures: failures)])
        }
        _ = sender.handle(.accepted(offset: 8), at: Self.start)
        #expect(
            sender.handle(.failed(cause: "full"), at: Self.start) == [.save, .retry(failures: 1)])
        _ = sender.handle(.accepted(offset: 0), at: Self.start)
        #expect(
            sender.handle(.failed(cause: "full"), at: Self.start) == [.save, .retry(failures: 2)])
    }

    /// A relay that breaks every upload off is gone round, where there is another way.
    @Test func aRelayThatIsTriedInVainIsGoneRound() {
        var sender = Self.sender([.sealed(approvalsOwed: false), .due, .released])
        for _ in 1..<Sender.asksPerRoute {
            _ = sender.handle(.failed(cause: "broken", isAnother: true), at: Self.start)
            #expect(sender.handle(.due, at: Self.start) == [.offer])
        }
        _ = sender.handle(.failed(cause: "broken", isAnother: true), at: Self.start)
        #expect(sender.handle(.due, at: Self.start) == [.release(attempt: 2)])
    }

    @Test func aRelayThatHeldItAndAnswersNoMoreIsGoneRound() {
        var sender = Self.sender([
            .sealed(approvalsOwed: false), .due, .released, .accepted(offset: 0), .relayProven,
        ])
        for _ in 1..<Sender.asksPerRoute {
            _ = sender.handle(.failed(cause: "nonsense", isAnother: true), at: Self.start)
        }
        #expect(sender.state == .relayed)
        _ = sender.handle(.failed(cause: "nonsense", isAnother: true), at: Self.start)
        #expect(sender.state == .queued)
    }

    /// A relay that states that it holds the whole, and then that it does not, makes entries each time.
    @Test func aRelayThatLosesItAgainAndAgainIsTriedEverLater() {
        var sender = Self.sender([.sealed(approvalsOwed: false), .due, .released])
        for time in 1...20 {
            _ = sender.handle(.relayProven, at: Self.start)
            #expect(
                sender.handle(.accepted(offset: 0), at: Self.start).last
                    == .retry(failures: time))
            #expect(sender.state == .queued)
            _ = sender.handle(.due, at: Self.start)
            _ = sender.handle(.released, at: Self.start)
        }
    }

    @Test func aMovedBasisIsJudgedBeforeAnythingLeaves() {
        var sender = Self.sender([.sealed(approvalsOwed: false), .due, .released, .basisMoved])
        #expect(sender.handle(.due, at: Self.start) == [.release(attempt: 2)])
        _ = sender.handle(.released, at: Self.start)
        #expect(sender.handle(.due, at: Self.start) == [.offer])
    }

    /// What may have arrived whole is asked for first; more of the payload needs a new verdict.
    @Test func aMovedBasisAsksForTheReceiptAndSendsNoMore() {
        let handedOn: [Sender.Event] = [
            .sealed(approvalsOwed: false), .due, .released, .accepted(offset: 0), .lastPieceReady,
            .failed(cause: "link"), .basisMoved,
        ]
        var sender = Self.sender(handedOn)
        #expect(sender.handle(.due, at: Self.start) == [.offer])
        #expect(sender.handle(.accepted(offset: 3), at: Self.start) == [.release(attempt: 2)])
        _ = sender.handle(.releaseRefused(cause: "no"), at: Self.start)
        #expect(sender.state == .unconfirmed)
        var other = Self.sender(handedOn + [.due])
        _ = other.handle(.deliveryProven, at: Self.start)
        #expect(other.state == .delivered)
    }

    @Test func aLostHeadIsMadeAnewAndNeverAskedWith() {
        var sender = Self.sender(
            [.sealed(approvalsOwed: false), .due, .released, .lastPieceReady, .headLost])
        #expect(sender.handle(.due, at: Self.start) == [.release(attempt: 2)])
        _ = sender.handle(.due, at: Self.expires)
        #expect(sender.state == .unconfirmed)
    }

    @Test func aPackageTakenAwayIsHandedOn() {
        var early = Self.sender([.sealed(approvalsOwed: false)])
        #expect(early.handle(.exported, at: Self.start).isEmpty)
        var sender = Self.sender([.sealed(approvalsOwed: false), .due, .released])
        #expect(
            sender.handle(.exported, at: Self.start)
                == [.record("transfer.exported", cause: nil)])
        #expect(sender.handedOn)
        _ = sender.handle(.failed(cause: "link"), at: Self.expires)
        #expect(sender.state == .unconfirmed)
        #expect(sender.handle(.exported, at: Self.expires).isEmpty)
    }

    @Test func aStartLeavesNothingOpenBehind() {
        for state in Sender.State.allCases {
            #expect((state.atStart == .leave) == state.isOutcome)
        }
        #expect(Sender.State.sealing.atStart == .endSealing)
    }

    static let everyEvent: [Sender.Event] = [
        .sealed(approvalsOwed: true), .sealingFailed(cause: "x"), .due, .released, .releasedAtOnce,
        .releaseRefused(cause: "x"), .accepted(offset: 1), .lastPieceReady, .deliveryProven,
        .refusalProven(cause: "x"), .headStale(cause: "x"), .failed(cause: "x"), .approved,
        .approvalRefused(cause: "x"), .approvalsOwed(cause: "x"), .basisMoved, .headLost, .exported,
        .held(cause: nil, isAnother: true), .arrivalProven,
    ]

    /// Any order of events, also impossible ones: outcomes are final, `handedOn` never falls, the
    /// attempt never falls, every outcome destroys what was kept, and no clock in doubt makes one.
    @Test(arguments: 0..<200 as Range<UInt64>)
    func anyOrderOfEventsKeepsTheInvariants(_ seed: UInt64) throws {
        var random = SeededEntropy(seed)
        var sender = Sender(expires: Self.expires)
        for step in 0..<60 {
            let event = try #require(Self.everyEvent.randomElement(using: &random))
            let before = sender
            let mayEnd = Bool.random(using: &random)
            let actions = sender.handle(
                event, at: Moment(Self.start + Int64(step * 70), mayEnd: mayEnd))
            if !mayEnd, sender.state != before.state {
                #expect(![.expired, .unconfirmed].contains(sender.state))
            }
            #expect(sender.handedOn || !before.handedOn)
            #expect(sender.attempt >= before.attempt)
            if before.state.isOutcome, before.state != .unconfirmed { #expect(sender == before) }
            if sender.state != before.state {
                #expect(actions.contains { if case .record = $0 { true } else { false } })
            }
            if sender.state.isOutcome, sender.state != before.state {
                #expect(actions.last == .destroy)
                if sender.handedOn {
                    #expect([.delivered, .refused, .unconfirmed].contains(sender.state))
                }
            }
        }
    }

    @Test(arguments: [
        (1, 0, 187), (1, 255, 312), (2, 0, 375), (40, 255, 375_000), (1_000, 0, 225_000),
    ])
    func backoffDoublesToALimit(_ failures: Int, _ jitter: UInt8, _ milliseconds: Int64) {
        #expect(Backoff.milliseconds(failures: failures, jitter: jitter) == milliseconds)
    }
}
