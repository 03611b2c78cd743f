package import SelatCore

/// The sender's side of one transfer as a pure machine: an event in, actions out, no I/O.
///
/// The shell performs the actions in their order and decides nothing. `record` comes before every
/// effect that it announces; the effect is performed only when the record is durable.
package struct Sender: Hashable, Sendable {
    /// Where the transfer stands. Each change is an audit entry in the same commit.
    package enum State: String, CaseIterable, Sendable {
        /// Judged and permitted; the dataset is being sealed into the spool. No id was answered yet.
        case sealing
        /// Sealed; a person's approval is owed.
        case waiting
        /// Sealed and free to go; nothing is with the recipient.
        case queued
        /// The recipient accepted the offer; the payload is on its way.
        case sending
        /// A relay has stated that it holds the whole; the recipient's receipt is awaited.
        case relayed
        case delivered, refused, cancelled, expired, unconfirmed

        /// Whether the transfer has ended. Only `unconfirmed` can still change: a late receipt
        /// settles it.
        package var isOutcome: Bool {
            switch self {
            case .sealing, .waiting, .queued, .sending, .relayed: false
            case .delivered, .refused, .cancelled, .expired, .unconfirmed: true
            }
        }

        /// What becomes of the transfer when the node starts.
        package var atStart: Start {
            switch self {
            case .sealing: .endSealing
            case .waiting, .queued, .sending, .relayed: .pursue
            case .delivered, .refused, .cancelled, .expired, .unconfirmed: .leave
            }
        }
    }

    /// What a node does at its start with a transfer that it finds in its store.
    package enum Start: Hashable, Sendable {
        /// Nobody was promised anything: it ends, with `sealingFailed`.
        case endSealing
        /// It is pursued as if it were due.
        case pursue
        /// It has ended.
        case leave
    }

    package enum Event: Hashable, Sendable {
        /// The payload is sealed and durable in the spool.
        case sealed(approvalsOwed: Bool)
        /// Sealing was cut short; nothing of the payload is left.
        case sealingFailed(cause: String)
        /// Nothing holds the transfer back: try now.
        case due
        /// What the durable head rests on is not in force here any more: an edition, the membership
        /// list, or an approval. It is judged again before any byte of the payload leaves.
        case basisMoved
        /// The spool does not hold the head whose release is durable: a crash came between the two,
        /// or somebody's hand. It is made anew.
        case headLost
        /// The verdict was made again, permits, and the signed head of this attempt is durable.
        case released
        /// The same, and the whole leaves with its offer, over a connection that is at hand: that it may have arrived is
        /// recorded with the release.
        case releasedAtOnce
        /// The verdict was made again and does not permit any more.
        case releaseRefused(cause: String)
        /// Every approval that was owed is there.
        case approved
        /// An operator takes the transfer back.
        case cancelled(cause: String)
        /// An officer of a side that owes an approval said no.
        case approvalRefused(cause: String)
        /// Approvals do not count any more, or the recipient asks for others.
        case approvalsOwed(cause: String)
        /// The recipient accepted the offer and holds `offset` bytes of the payload for good.
        case accepted(offset: UInt64)
        /// Every byte before the last piece was handed on; the last piece comes next.
        case lastPieceReady
        /// An operator takes the package away; whoever carries it, it is a complete envelope.
        case exported
        /// An officer recalled what may have arrived: it is asked for until its end, and nothing more of it leaves.
        case recalled
        /// The recipient signed that it has the dataset.
        case deliveryProven
        /// The recipient signed what it did with the dataset since: so it has arrived.
        case arrivalProven
        /// The recipient signed that it will not take the dataset.
        case refusalProven(cause: String)
        /// The recipient asks for a new attempt: an edition that the head names is stale there.
        case headStale(cause: String)
        /// The link broke, or the next node could not take it now. `isAnother` says whether a lawful route past
        /// this relay is open.
        case failed(cause: String, isAnother: Bool = false)
        /// The next node cannot be reached, or may not or will not pass it on. `isAnother` says
        /// whether another lawful route is open.
        case blocked(cause: String, isAnother: Bool)
        /// The first relay of the route signed that it holds the whole.
        case relayProven
        /// The relay has no news. `isAnother` says whether another lawful route is open.
        case held(cause: String?, isAnother: Bool)

        /// Whether a head is signed that may leave.
        package var isRelease: Bool { self == .released || self == .releasedAtOnce }
    }

    package enum Action: Hashable, Sendable {
        /// Commit this state with an audit entry of this kind.
        case record(String, cause: String?)
        /// Commit this state; it is no change that the log tells of.
        case save
        /// Make the verdict again, and with it and the approvals the signed head of `attempt`.
        case release(attempt: UInt64)
        /// Offer the head to the recipient.
        case offer
        /// Send the payload from this offset on.
        case upload(from: UInt64)
        /// Send the last piece of the payload.
        case sendLastPiece
        /// Ask the relay where the transfer stands.
        case ask
        /// Come back with `due` after the backoff of this many failures in a row.
        case retry(failures: Int)
        /// By a clock that may be wrong its time is over: come back with `due` a little later.
        case waitForClock
        /// Destroy the content key, then the spooled payload.
        case destroy
    }

    package let expires: Timestamp
    package private(set) var state: State
    /// Whether a complete envelope may be with the recipient; never falls.
    package private(set) var handedOn: Bool
    /// The attempt whose head is durable; 0 before the first release.
    package private(set) var attempt: UInt64
    /// Why the transfer waits, or ended as it did.
    package private(set) var cause: String?
    /// Failures in a row; not durable: after a start everything is tried at once.
    package private(set) var failures = 0
    /// How often a relay's word that it holds the whole led to nothing. Each time makes entries, so that one which
    /// loses everything that it takes is tried later each time; not durable.
    private var requeued = 0
    /// Whether the recipient asked for a new attempt; it will ask again after a start.
    private var headIsStale = false
    /// Whether the next bytes of the payload need a new attempt.
    private var basisHasMoved = false
    /// Whether nothing can be offered: no head lies here that the log tells of.
    private var headIsLost = false
    /// Whether it is taken back. Not durable here: the recall lies in the store, and is told after a start.
    private var isRecalled = false
    /// Whether the recipient has stated what it did with it. Not durable here: the statement lies in the store, and is
    /// told after a start.
    private var hasArrived = false
    /// How far the recipient has come, as it last said; nil before its first answer.
    private var reached: UInt64?

    package init(expires: Timestamp) {
        self.expires = expires
        state = .sealing
        handedOn = false
        attempt = 0
    }

    /// The machine as the store kept it.
    package init(
        expires: Timestamp, state: State, handedOn: Bool, attempt: UInt64, cause: String?
    ) {
        self.expires = expires
        self.state = state
        self.handedOn = handedOn
        self.attempt = attempt
        self.cause = cause
    }

    /// Whether no byte of the payload can have left by now. What waits or is queued after a release
    /// may have been on its way before.
    package var isBeforePayload: Bool {
        switch state {
        case .sealing: true
        case .waiting, .queued: attempt == 0
        case .sending, .relayed, .delivered, .refused, .cancelled, .expired, .unconfirmed: false
        }
    }

    /// Whether the next try makes a new attempt, if nothing else is found out before: it may take another route.
    package func isToBeReleased(at now: Timestamp) -> Bool {
        guard state == .queued || state == .sending else { return false }
        return now < expires && !isRecalled && mustJudge
    }

    /// The entry that names a signed header and the verdict under which it was signed.
    package static let releasedKind = "transfer.released"

    /// Failures in a row after which another route is taken: a node that starts anew is back by then.
    package static let failuresPerRoute = 3
    /// How often a relay is asked or tried in vain before another route is taken beside it: over four minutes,
    /// since the waits double.
    package static let asksPerRoute = 10

    /// Takes one step.
    /// - Returns: what to do now, in order. An event that does not fit the state does nothing: a
    ///   repeated answer, or one that crossed with the outcome.
    package mutating func handle(_ event: Event, at moment: Moment) -> [Action] {
        if case .releaseRefused(let cause) = event, !moment.mayEnd {
            // The law that refuses it may be that of another day.
            return handle(.failed(cause: cause), at: moment)
        }
        guard moment.isDoubtful(expires) else { return step(event, at: moment.time) }
        switch (event, state) {
        case (.due, .queued), (.due, .sending), (.due, .relayed), (.accepted, .queued),
            (.accepted, .sending):
            return [.waitForClock]
        case (.released, .queued), (.released, .sending), (.releasedAtOnce, .queued),
            (.releasedAtOnce, .sending):
            return release().map { $0 == .offer ? .waitForClock : $0 }
        // What was under way when the clock came into doubt has not expired.
        default: return step(event, at: expires + -1)
        }
    }

    private mutating func step(_ event: Event, at now: Timestamp) -> [Action] {
        switch (event, state) {
        case (.sealed(let approvalsOwed), .sealing):
            state = approvalsOwed ? .waiting : .queued
            cause = approvalsOwed ? "an approval is owed" : nil
            return [.record("transfer.accepted", cause: cause)]
        case (.sealingFailed(let cause), .sealing):
            return end(.cancelled, cause)
        case (.due, .waiting):
            return now >= expires ? expire() : []
        case (.approved, .waiting) where now >= expires: return expire()
        case (.approved, .waiting):
            state = .queued
            cause = nil
            return [.record("transfer.approved", cause: nil)]
        // What may have arrived whole is not ours to take back.
        case (.cancelled(let cause), .waiting) where !handedOn,
            (.cancelled(let cause), .queued) where !handedOn,
            (.cancelled(let cause), .sending) where !handedOn:
            return end(.cancelled, cause)
        case (.approvalRefused(let cause), .waiting) where !handedOn,
            (.approvalRefused(let cause), .queued) where !handedOn,
            (.approvalRefused(let cause), .sending) where !handedOn:
            return end(.refused, cause)
        case (.approvalsOwed(let cause), .queued), (.approvalsOwed(let cause), .sending):
            if now >= expires { return expire() }
            state = .waiting
            self.cause = cause
            return [.record("transfer.waiting", cause: cause)]
        case (.basisMoved, .queued), (.basisMoved, .sending):
            basisHasMoved = true
            return []
        case (.headLost, .queued), (.headLost, .sending):
            headIsLost = true
            return []
        case (.recalled, _):
            isRecalled = true
            return []
        case (.exported, _) where isRecalled: return []
        case (.exported, .waiting) where attempt > 0, (.exported, .queued) where attempt > 0,
            (.exported, .sending), (.exported, .relayed):
            handedOn = true
            return [.record("transfer.exported", cause: nil)]
        case (.due, .queued), (.due, .sending):
            return tryNow(at: now)
        case (.released, .queued), (.released, .sending): return release()
        case (.releasedAtOnce, .queued), (.releasedAtOnce, .sending):
            handedOn = true
            return release()
        case (.releaseRefused(let cause), .queued), (.releaseRefused(let cause), .sending):
            return handedOn ? endUnanswered(cause) : end(.cancelled, cause)
        case (.accepted, .queued) where isOver(at: now),
            (.accepted, .sending) where isOver(at: now),
            (.failed, .queued) where isOver(at: now), (.failed, .sending) where isOver(at: now),
            (.headStale, .queued) where isOver(at: now),
            (.headStale, .sending) where isOver(at: now),
            (.held, .queued) where isOver(at: now), (.held, .sending) where isOver(at: now),
            (.blocked, .queued) where isOver(at: now), (.blocked, .sending) where isOver(at: now):
            return expire()
        case (.accepted, .queued) where isRecalled, (.accepted, .sending) where isRecalled:
            cause = "it is recalled: nothing more of it leaves"
            failures += 1
            return [.save, .retry(failures: failures)]
        case (.accepted, .queued) where basisHasMoved, (.accepted, .sending) where basisHasMoved:
            return [.release(attempt: attempt + 1)]
        case (.accepted(let offset), .queued):
            state = .sending
            goOn(at: offset)
            return [.record("transfer.offered", cause: nil), .upload(from: offset)]
        case (.accepted(let offset), .sending):
            goOn(at: offset)
            return [.upload(from: offset)]
        case (.lastPieceReady, .sending), (.lastPieceReady, .queued):
            defer { handedOn = true }
            return handedOn ? [.sendLastPiece] : [.save, .sendLastPiece]
        case (.headStale(let cause), .queued), (.headStale(let cause), .sending):
            headIsStale = true
            self.cause = cause
            failures += 1
            return [.save, .retry(failures: failures)]
        case (.failed(let cause, let isAnother), .queued),
            (.failed(let cause, let isAnother), .sending):
            if isAnother, failures + 1 >= Self.asksPerRoute { headIsStale = true }
            self.cause = cause
            failures += 1
            return [.save, .retry(failures: failures)]
        // It has it, and no statement of that any more.
        case (.held(let cause, let isAnother), .queued),
            (.held(let cause, let isAnother), .sending):
            if isAnother, failures + 1 >= Self.asksPerRoute { headIsStale = true }
            self.cause = cause ?? "the relay holds it, and states nothing"
            failures += 1
            return [.save, .retry(failures: failures)]
        case (.blocked(let cause, let isAnother), .queued),
            (.blocked(let cause, let isAnother), .sending):
            if isAnother, failures + 1 >= Self.failuresPerRoute { headIsStale = true }
            self.cause = cause
            failures += 1
            return [.save, .retry(failures: failures)]
        // What waits for a person again may have arrived before.
        case (.deliveryProven, .waiting), (.deliveryProven, .queued), (.deliveryProven, .sending),
            (.deliveryProven, .relayed), (.deliveryProven, .unconfirmed):
            return end(.delivered, nil)
        case (.refusalProven(let cause), .waiting), (.refusalProven(let cause), .queued),
            (.refusalProven(let cause), .sending), (.refusalProven(let cause), .relayed),
            (.refusalProven(let cause), .unconfirmed):
            return end(.refused, cause)
        // Nobody asks for more there.
        case (.arrivalProven, .waiting), (.arrivalProven, .unconfirmed):
            return end(.delivered, nil)
        case (.arrivalProven, .queued), (.arrivalProven, .sending), (.arrivalProven, .relayed):
            hasArrived = true
            // A restored backup may be older than the mark, and without it a person's word would still end this.
            defer { handedOn = true }
            return handedOn ? [] : [.save]
        case (.relayProven, .queued), (.relayProven, .sending):
            state = .relayed
            // A restored backup may be older than the mark.
            handedOn = true
            cause = nil
            failures = 1
            return [.record("transfer.relayed", cause: nil), .retry(failures: failures)]
        case (_, .relayed): return awaitReceipt(event, at: now)
        default:
            return []
        }
    }

    /// A relay holds the whole: its word lets nobody forget, so the receipt is asked for until the
    /// transfer expires.
    private mutating func awaitReceipt(_ event: Event, at now: Timestamp) -> [Action] {
        switch event {
        case .due: return [.ask]
        case .held, .failed, .blocked, .headStale, .relayProven, .accepted:
            if isOver(at: now) { return expire() }
        default: return []
        }
        switch event {
        case .headStale(let cause): return requeue(cause)
        // A database that was restored from an older copy, or a disk that lost the file.
        case .accepted: return requeue("the relay does not hold it any more")
        case .held(let cause, let isAnother):
            failures += 1
            if isAnother, failures > Self.asksPerRoute {
                return requeue("the relay has no receipt yet; last: \(cause ?? "no cause")")
            }
            guard cause != self.cause else { return [.retry(failures: failures)] }
            self.cause = cause
            return [.save, .retry(failures: failures)]
        case .blocked(let cause, let isAnother):
            failures += 1
            if isAnother, failures > Self.failuresPerRoute { return requeue(cause) }
            self.cause = cause
            return [.save, .retry(failures: failures)]
        case .failed(let cause, let isAnother):
            failures += 1
            if isAnother, failures > Self.asksPerRoute { return requeue(cause) }
            self.cause = cause
            return [.save, .retry(failures: failures)]
        default:
            failures += 1
            return [.retry(failures: failures)]
        }
    }

    /// Back to where another attempt is made of it.
    private mutating func requeue(_ cause: String) -> [Action] {
        if isRecalled {
            self.cause = cause
            failures += 1
            return [.save, .retry(failures: failures)]
        }
        state = .queued
        headIsStale = true
        failures = 0
        requeued += 1
        self.cause = cause
        return [.record("transfer.queued", cause: cause), .retry(failures: requeued)]
    }

    private mutating func tryNow(at now: Timestamp) -> [Action] {
        // What may have arrived is asked for once more: the recipient repeats its receipt.
        if now >= expires { return handedOn && hasHead ? [.offer] : expire() }
        if isRecalled {
            // The recipient states what became of it, or makes room for the recall that is on its way.
            if hasHead { return [.offer] }
            failures += 1
            return [.retry(failures: failures)]
        }
        return mustJudge ? [.release(attempt: attempt + 1)] : [.offer]
    }

    private mutating func release() -> [Action] {
        attempt += 1
        (headIsStale, headIsLost, basisHasMoved) = (false, false, false)
        return [.record(Self.releasedKind, cause: nil), .offer]
    }

    /// What was handed on may have arrived whole: then the receipt is asked for first.
    private var mustJudge: Bool {
        !hasHead || headIsStale || basisHasMoved && !handedOn
    }

    /// Whether there is a head to ask with. What a restored backup knows as not released may have arrived all the same.
    private var hasHead: Bool { attempt > 0 && !headIsLost }

    /// Failures count anew only where something went on: a recipient that takes every offer and no
    /// payload is not asked four times a second for days.
    private mutating func goOn(at offset: UInt64) {
        cause = nil
        guard let reached, offset <= reached else {
            failures = 0
            self.reached = offset
            return
        }
    }

    /// Whether no answer is waited for any more. `delivered` itself is, though what was stated since says as much: it
    /// shows the recipient's verdict too. But a relay that has let go of it for a recall never gets it.
    private func isOver(at now: Timestamp) -> Bool {
        now >= expires || hasArrived && isRecalled && failures >= Self.asksPerRoute
    }

    private mutating func expire() -> [Action] {
        let last = cause.map { "; last: \($0)" } ?? ""
        return handedOn
            ? endUnanswered("it expired after it may have arrived, and no receipt came\(last)")
            : end(.expired, "it expired\(last)")
    }

    private mutating func endUnanswered(_ cause: String) -> [Action] {
        hasArrived ? end(.delivered, nil) : end(.unconfirmed, cause)
    }

    private mutating func end(_ outcome: State, _ cause: String?) -> [Action] {
        state = outcome
        self.cause = cause
        failures = 0
        return [.record("transfer.\(outcome.rawValue)", cause: cause), .destroy]
    }
}
