package import SelatCore

/// A relay's side of one transfer as a pure machine: it verifies, stores and forwards what it cannot
/// open.
package struct Relay: Hashable, Sendable {
    package enum State: String, CaseIterable, Sendable {
        /// The offer was taken; payload bytes are arriving.
        case receiving
        /// Whole, verified and durable here, which is stated; the next node is offered it.
        case holding
        /// The next relay has stated that it holds the whole; the recipient's receipt is awaited.
        case forwarded
        /// The next node asks for another attempt, which only the sender can make.
        case returned
        /// The recipient's receipt is held.
        case delivered, refused
        /// It expired by this node's clock, and no receipt came; nothing of it is left.
        case lapsed
        /// The sender, or an officer of the sender, took it back; nothing of it is left.
        case withdrawn

        /// Whether nothing lies here any more.
        package var isOutcome: Bool {
            switch self {
            case .receiving, .holding, .forwarded, .returned: false
            case .delivered, .refused, .lapsed, .withdrawn: true
            }
        }
    }

    package enum Event: Hashable, Sendable {
        /// These bytes of the payload are in the spool for good.
        case durable(UInt64)
        /// What was durable is gone.
        case payloadLost
        /// The whole payload is durable and every leaf was checked.
        case complete
        /// The head of a newer attempt is verified, lawful here and durable.
        case renewed(attempt: UInt64)
        /// Nothing holds the transfer back: try now.
        case due
        /// The next node took the offer and holds `offset` bytes of the payload for good.
        case accepted(offset: UInt64)
        /// The last piece of the payload comes next.
        case lastPieceReady
        /// The next relay signed that it holds the whole.
        case relayProven
        /// The next node has no news.
        case held
        /// The recipient signed that it has the dataset.
        case deliveryProven
        /// The recipient signed that it will not take it.
        case refusalProven(cause: String)
        /// The next node asks for a new attempt.
        case headStale(cause: String)
        /// The link broke, or the next node could not take it now.
        case failed(cause: String)
        /// The sender, or an officer of the sender, takes it back: whoever holds it by now, it is not
        /// held here any more.
        case withdrawn(cause: String)
        /// Time has passed.
        case tick
    }

    package enum Action: Hashable, Sendable {
        /// Commit this state with an audit entry of this kind; where `isStated`, with a signed
        /// statement that the whole is held here.
        case record(String, isStated: Bool = false)
        /// Commit this state; it is no change that the log tells of.
        case save
        /// Offer the head to the next node.
        case offer
        /// Send the payload from this offset on.
        case upload(from: UInt64)
        /// Send the last piece of the payload.
        case sendLastPiece
        /// Ask the next node where the transfer stands.
        case ask
        /// Come back with `due` after the backoff of this many failures in a row.
        case retry(failures: Int)
        /// By a clock that may be wrong its time is over: come back with `due` a little later.
        case waitForClock
        /// Remove the spooled parts.
        case destroy
    }

    package enum Answer: Hashable, Sendable {
        /// New here: judge whether it may pass.
        case consider
        /// Known, with a newer attempt: judge it again.
        case renew
        /// Known, and its payload goes on from this offset.
        case resume(offset: UInt64)
        /// Known, and nothing is asked of the one who offers it.
        case standing(State)
        case refuse(Recipient.Refusal)
    }

    package let expires: Timestamp
    package let payloadSize: UInt64
    package let fixedParts: Digest
    package private(set) var state: State
    package private(set) var durable: UInt64
    /// Whether a complete envelope may be with the next node; never falls.
    package private(set) var handedOn: Bool
    /// The newest attempt whose head is durable here.
    package private(set) var attempt: UInt64
    /// Why it waits, or ended as it did.
    package private(set) var cause: String?
    /// Failures in a row; not durable.
    package private(set) var failures = 0
    /// How often the next relay has lost what it had stated to hold; not durable.
    private var losses = 0
    /// How far the next node has come, as it last said; nil before its first answer.
    private var reached: UInt64?

    package init(
        state: State = .receiving, expires: Timestamp, payloadSize: UInt64, fixedParts: Digest,
        durable: UInt64 = 0, handedOn: Bool = false, attempt: UInt64, cause: String? = nil
    ) {
        self.expires = expires
        self.payloadSize = payloadSize
        self.fixedParts = fixedParts
        self.state = state
        self.durable = durable
        self.handedOn = handedOn
        self.attempt = attempt
        self.cause = cause
    }

    /// What to answer to an offer whose header is authentic and leads through this node.
    /// - Parameters:
    ///   - peer: the node at the other end of the connection.
    ///   - known: the transfer under the same sender and id, if there is one.
    package static func answer(
        to offer: Recipient.Offer, attempt: UInt64, peer: NodeID, at place: Recipient.Place,
        known: Relay?, now: Timestamp
    ) -> Answer {
        if offer.federation != place.federation { return .refuse(.foreignFederation) }
        if offer.previous != peer { return .refuse(.wrongSender) }
        if let known, known.fixedParts != offer.fixedParts { return .refuse(.idConflict) }
        guard let known, !known.isOpenAnew(to: attempt, at: now) else {
            return offer.fault(at: place, now: now).map { .refuse($0) } ?? .consider
        }
        if known.state.isOutcome { return .standing(known.state) }
        if now >= known.expires { return .refuse(.expired) }
        if attempt > known.attempt { return .renew }
        return known.state == .receiving
            ? .resume(offset: known.durable) : .standing(known.state)
    }

    /// Whether an offer of `attempt` is considered as if it were new: the transfer lapsed by a clock that
    /// was ahead.
    package func isOpenAnew(to attempt: UInt64, at now: Timestamp) -> Bool {
        state == .lapsed && now < expires && attempt >= self.attempt
    }

    /// Takes one step.
    /// - Returns: what to do now, in order; nothing for an event that does not fit the state.
    package mutating func handle(_ event: Event, at moment: Moment) -> [Action] {
        guard moment.isDoubtful(expires) else { return step(event, at: moment.time) }
        switch (event, state) {
        case (.due, .holding), (.due, .forwarded), (.accepted, .holding): return [.waitForClock]
        // What was under way when the clock came into doubt has not expired.
        default: return step(event, at: expires + -1)
        }
    }

    private mutating func step(_ event: Event, at now: Timestamp) -> [Action] {
        switch event {
        case .deliveryProven where state != .delivered && state != .refused:
            return end(.delivered, nil)
        case .refusalProven(let cause) where state != .delivered && state != .refused:
            return end(.refused, cause)
        case .renewed(let newer): return state.isOutcome ? [] : renew(newer)
        // What lapsed could be offered anew.
        case .withdrawn(let cause) where !state.isOutcome || state == .lapsed:
            return end(.withdrawn, cause)
        case .tick: return !state.isOutcome && now >= expires ? lapse() : []
        default: break
        }
        return state == .receiving ? receive(event, at: now) : forward(event, at: now)
    }

    private mutating func receive(_ event: Event, at now: Timestamp) -> [Action] {
        switch event {
        case .durable(let offset) where offset > durable && offset <= payloadSize:
            durable = offset
            return [.save]
        case .payloadLost:
            durable = 0
            return [.save]
        case .complete:
            if now >= expires { return lapse() }
            durable = payloadSize
            state = .holding
            cause = nil
            return [.record("relay.held", isStated: true)]
        default: return []
        }
    }

    private mutating func forward(_ event: Event, at now: Timestamp) -> [Action] {
        switch (event, state) {
        case (.due, .holding): return now >= expires ? lapse() : [.offer]
        case (.due, .forwarded): return [.ask]
        case (.accepted, .holding) where now >= expires, (.failed, .holding) where now >= expires,
            (.headStale, .holding) where now >= expires,
            (.held, .holding) where now >= expires, (.held, .forwarded) where now >= expires,
            (.failed, .forwarded) where now >= expires,
            (.accepted, .forwarded) where now >= expires:
            return lapse()
        case (.accepted(let offset), .holding):
            // Failures count anew only where something went on.
            if reached.map({ offset > $0 }) ?? true {
                failures = 0
                reached = offset
            }
            cause = nil
            return [.upload(from: offset)]
        case (.lastPieceReady, .holding):
            defer { handedOn = true }
            return handedOn ? [.sendLastPiece] : [.save, .sendLastPiece]
        case (.relayProven, .holding):
            state = .forwarded
            failures = 1
            cause = nil
            return [.record("relay.forwarded"), .retry(failures: failures)]
        case (.accepted, .forwarded):
            // The next relay has lost it; the whole is here still. Each time makes entries.
            state = .holding
            failures = 1
            losses += 1
            return [.record("relay.held"), .retry(failures: losses)]
        // The next relay may have it, and no statement of that any more.
        case (.relayProven, .forwarded), (.held, .forwarded), (.held, .holding):
            failures += 1
            return [.retry(failures: failures)]
        case (.headStale(let cause), .holding), (.headStale(let cause), .forwarded):
            state = .returned
            self.cause = cause
            return [.record("relay.returned")]
        case (.failed(let cause), .holding), (.failed(let cause), .forwarded):
            self.cause = cause
            failures += 1
            return [.save, .retry(failures: failures)]
        default: return []
        }
    }

    /// A newer attempt may go another way; what lies here stays.
    private mutating func renew(_ newer: UInt64) -> [Action] {
        guard newer > attempt else { return [] }
        attempt = newer
        cause = nil
        failures = 0
        if state != .receiving { state = .holding }
        return [.record("relay.renewed")]
    }

    private mutating func lapse() -> [Action] {
        end(.lapsed, cause.map { "it expired; last: \($0)" } ?? "it expired")
    }

    private mutating func end(_ outcome: State, _ cause: String?) -> [Action] {
        state = outcome
        self.cause = cause
        failures = 0
        return [.record("relay.\(outcome.rawValue)"), .destroy]
    }
}
