package import SelatCore

/// The recipient's side of one transfer as a pure machine.
package struct Recipient: Hashable, Sendable {
    package enum State: String, CaseIterable, Sendable {
        /// The offer was taken; payload bytes are arriving.
        case receiving
        /// In the inbox: verified, durable, receipted.
        case delivered
        /// Opened at least once.
        case opened
        /// The sender's officer has recalled it: it lies here, and nobody opens it.
        case recalled
        /// This node said no, and signed that.
        case refused
        /// It expired by this node's clock before its payload was complete; nothing of it is left.
        case lapsed
        /// The sender took it back before its payload was complete; nothing of it is left.
        case withdrawn
        /// A retention duty ended, or an operator destroyed it; nothing of it is left here.
        case destroyed

        /// Whether files in the spool belong to the transfer.
        package var keepsFiles: Bool {
            switch self {
            case .receiving, .delivered, .opened, .recalled: true
            case .refused, .lapsed, .withdrawn, .destroyed: false
            }
        }
    }

    /// Why an envelope is not taken. The raw value stands in problem documents and receipts.
    package enum Refusal: String, CaseIterable, Sendable {
        case wrongAddress = "wrong-address"
        case wrongSender = "wrong-sender"
        case foreignFederation = "foreign-federation"
        case unsupportedSuite = "unsupported-suite"
        case expired
        case datedAhead = "dated-ahead"
        case idConflict = "id-conflict"
        case tooManyUploads = "too-many-uploads"
        case membershipExpired = "membership-expired"
        case staleMembership = "stale-membership"
        case payloadInvalid = "payload-invalid"
        case envelopeInvalid = "envelope-invalid"
        case verdictDiffers = "verdict-differs"
        case verdictTooOld = "verdict-too-old"
        case staleEdition = "stale-edition"
        case suiteTooWeak = "suite-too-weak"
        case importRefused = "import-refused"
        case importIncomplete = "import-incomplete"
        case approvalOwed = "approval-owed"
        case approvalInvalid = "approval-invalid"
        case routeInvalid = "route-invalid"
        case transitRefused = "transit-refused"
        case relayFull = "relay-full"
        case relayTooSmall = "relay-too-small"
        case inboxFull = "inbox-full"

        /// Whether the answer can never change, so that the recipient signs it. The others tell a
        /// broken or hostile peer apart from a lawful one, or a state that the sender can mend.
        package var isFinal: Bool {
            switch self {
            case .verdictDiffers, .importRefused, .importIncomplete, .suiteTooWeak: true
            default: false
            }
        }
    }

    /// What an offered header says, once its signature is verified.
    package struct Offer: Hashable, Sendable {
        package let from: NodeID
        package let to: NodeID
        /// The node that stands before this one on the route; nil where this one is not on it.
        package let previous: NodeID?
        package let federation: Digest
        package let suite: Suite
        package let created: Timestamp
        package let expires: Timestamp
        /// Digest over what never changes between attempts.
        package let fixedParts: Digest

        package init(
            from: NodeID, to: NodeID, previous: NodeID?, federation: Digest, suite: Suite,
            created: Timestamp, expires: Timestamp, fixedParts: Digest
        ) {
            self.from = from
            self.to = to
            self.previous = previous
            self.federation = federation
            self.suite = suite
            self.created = created
            self.expires = expires
            self.fixedParts = fixedParts
        }
    }

    /// What this node is, for judging an offer's address.
    package struct Place: Hashable, Sendable {
        package let node: NodeID
        package let federation: Digest
        /// Those that the membership list allows now.
        package let suites: Set<Suite>
        /// What was made from then on has ML-KEM in its suite; nil where this node has no keys for
        /// that.
        package let postQuantumFrom: Timestamp?
        /// When the membership list expires: what was made later is not taken.
        package let membershipExpires: Timestamp

        package init(
            node: NodeID, federation: Digest, suites: Set<Suite>,
            postQuantumFrom: Timestamp? = nil, membershipExpires: Timestamp
        ) {
            self.postQuantumFrom = postQuantumFrom
            self.node = node
            self.federation = federation
            self.suites = suites
            self.membershipExpires = membershipExpires
        }
    }

    package enum Answer: Hashable, Sendable {
        /// New here: look inside and judge.
        case consider
        /// Known, and its payload goes on from this offset.
        case resume(offset: UInt64)
        /// Known, and ended here: repeat what was said.
        case repeated(State)
        case refuse(Refusal)
    }

    package private(set) var state: State
    package let expires: Timestamp
    package let payloadSize: UInt64
    package let fixedParts: Digest
    package private(set) var durable: UInt64
    /// When a retention duty ends; the dataset is not opened after that.
    package let destroyBy: Timestamp?

    package init(
        state: State = .receiving, expires: Timestamp, payloadSize: UInt64, fixedParts: Digest,
        durable: UInt64 = 0, destroyBy: Timestamp? = nil
    ) {
        self.destroyBy = destroyBy
        self.state = state
        self.expires = expires
        self.payloadSize = payloadSize
        self.fixedParts = fixedParts
        self.durable = durable
    }

    /// What to answer to an offer whose header is authentic.
    /// - Parameters:
    ///   - peer: the node at the other end of the connection.
    ///   - known: the transfer under the same sender and id, if there is one.
    package static func answer(
        to offer: Offer, peer: NodeID, at place: Place, known: Recipient?, now: Timestamp
    ) -> Answer {
        if offer.federation != place.federation { return .refuse(.foreignFederation) }
        if offer.to != place.node { return .refuse(.wrongAddress) }
        if offer.previous != peer { return .refuse(.wrongSender) }
        if let known {
            if known.fixedParts != offer.fixedParts { return .refuse(.idConflict) }
            if known.isOpenAnew(at: now) { return fresh(offer, at: place, now: now) }
            return known.state == .receiving
                ? (now >= known.expires ? .refuse(.expired) : .resume(offset: known.durable))
                : .repeated(known.state)
        }
        return fresh(offer, at: place, now: now)
    }

    private static func fresh(_ offer: Offer, at place: Place, now: Timestamp) -> Answer {
        if let from = place.postQuantumFrom, offer.created >= from, !offer.suite.isPostQuantum,
            offer.fault(at: place, now: now) == nil
        {
            return .refuse(.suiteTooWeak)
        }
        return offer.fault(at: place, now: now).map { .refuse($0) } ?? .consider
    }

    /// Whether it may be offered as if it were new: it lapsed by a clock that was ahead, and nobody had it.
    package func isOpenAnew(at now: Timestamp) -> Bool { state == .lapsed && now < expires }

    package enum Event: Hashable, Sendable {
        /// These bytes of the payload are in the spool for good.
        case durable(UInt64)
        /// What was durable is gone: a crash of the disk, or somebody's hand, took the file.
        case payloadLost
        /// The whole payload is durable and every leaf was checked.
        case complete
        /// An operator takes the plaintext.
        case open
        /// An operator destroys it for good, or the end of a recall's hold.
        case destroy
        /// An officer of the sender wants it back.
        case recall
        /// The sender has taken it back before anything whole left.
        case withdrawn
        /// An own officer keeps it although it was recalled.
        case retain(wasOpened: Bool)
        /// Time has passed.
        case tick
    }

    package enum Action: Hashable, Sendable {
        /// Commit this state with an audit entry of this kind, and a signed statement where named.
        case record(String, statement: ReceiptKind?)
        /// Commit the offset.
        case save
        /// Hand out the plaintext.
        case handOut
        /// By a clock that may be wrong its time is over: it neither arrives nor ends now. The one who asks is to ask
        /// again.
        case waitForClock
        /// Destroy the content key, then the spooled payload.
        case destroy
    }

    /// Takes one step.
    /// - Returns: what to do now, in order; nothing for an event that does not fit the state.
    package mutating func handle(_ event: Event, at moment: Moment) -> [Action] {
        switch (event, state) {
        case (.complete, .receiving) where moment.isDoubtful(expires): [.waitForClock]
        case (.open, .delivered) where isRetentionDoubtful(at: moment),
            (.open, .opened) where isRetentionDoubtful(at: moment),
            (.open, .recalled) where isRetentionDoubtful(at: moment):
            [.waitForClock]
        case (.tick, _) where !moment.mayEnd: []
        default: step(event, at: moment.time)
        }
    }

    private func isRetentionDoubtful(at moment: Moment) -> Bool {
        destroyBy.map(moment.isDoubtful) ?? false
    }

    private mutating func step(_ event: Event, at now: Timestamp) -> [Action] {
        switch (event, state) {
        case (.durable(let offset), .receiving):
            guard offset > durable, offset <= payloadSize else { return [] }
            durable = offset
            return [.save]
        case (.payloadLost, .receiving):
            durable = 0
            return [.save]
        case (.complete, .receiving):
            // Never after `expires` on this clock: then the sender has been told otherwise.
            if now >= expires { return lapse() }
            durable = payloadSize
            state = .delivered
            return [.record("transfer.arrived", statement: .delivered)]
        case (.open, .delivered), (.open, .opened), (.tick, .delivered), (.tick, .opened):
            if let destroyBy, now >= destroyBy { return destroy() }
            if event == .tick { return [] }
            let isFirst = state == .delivered
            state = .opened
            return [.record("transfer.opened", statement: isFirst ? .opened : nil), .handOut]
        case (.destroy, .delivered), (.destroy, .opened), (.destroy, .recalled):
            return destroy()
        case (.open, .recalled), (.tick, .recalled):
            return destroyBy.map { now >= $0 } ?? false ? destroy() : []
        case (.recall, .delivered), (.recall, .opened):
            state = .recalled
            return [.record("transfer.recalled", statement: .recalled)]
        case (.recall, .receiving), (.recall, .lapsed):
            // Nobody had it: that is a no to the sender's own envelope. What lapsed could be offered anew.
            state = .refused
            return [.record("transfer.recalled", statement: .refused), .destroy]
        case (.retain(let wasOpened), .recalled):
            state = wasOpened ? .opened : .delivered
            return [.record("transfer.retained", statement: .retained)]
        case (.withdrawn, .receiving), (.withdrawn, .lapsed):
            state = .withdrawn
            return [.record("transfer.withdrawn", statement: nil), .destroy]
        case (.tick, .receiving):
            return now >= expires ? lapse() : []
        default:
            return []
        }
    }

    private mutating func destroy() -> [Action] {
        state = .destroyed
        return [.record("transfer.destroyed", statement: .destroyed), .destroy]
    }

    private mutating func lapse() -> [Action] {
        state = .lapsed
        return [.record("transfer.lapsed", statement: nil), .destroy]
    }
}

extension Recipient.Offer {
    /// What is wrong with a new envelope, wherever on its route it is looked at.
    func fault(at place: Recipient.Place, now: Timestamp) -> Recipient.Refusal? {
        if !place.suites.contains(suite) { return .unsupportedSuite }
        if created - now > Limits.clockSkewSecondsMax { return .datedAhead }
        if now >= expires { return .expired }
        return created >= place.membershipExpires ? .membershipExpired : nil
    }
}
