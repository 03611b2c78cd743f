import SelatCore
import SelatDelivery

// What sender and relay do alike: bring an envelope to the next node of its route, and read what is
// said there.

/// An envelope that lies here, on its way to the next node of its route.
struct Passage {
    let key: InboundKey
    let role: SpoolName.Role
    let recipient: Int
    let next: Int
    let attempt: UInt64
    /// What was in force when the try began; nil at a relay, which rests on the sender's verdict.
    let due: Basis?

    func name(_ part: SpoolName.Part) -> SpoolName { SpoolName(role, key, part) }
}

/// What the next node says about an envelope.
enum News {
    case accepted(offset: UInt64)
    case relayProven(cause: String?)
    case deliveryProven(Receipt)
    case refusalProven(cause: String, Receipt)
    case held(cause: String?)
    case headStale(cause: String)
    case blocked(cause: String, isRefusal: Bool)
    case failed(cause: String, isOwn: Bool = false)

    var receipt: Receipt? {
        switch self {
        case .deliveryProven(let receipt), .refusalProven(_, let receipt): receipt
        case .accepted, .relayProven, .held, .headStale, .blocked, .failed: nil
        }
    }

    /// What of it decides anything.
    var reply: Reply {
        switch self {
        case .accepted(let offset): .accepted(offset: offset)
        case .relayProven(let cause): .relayProven(cause: cause)
        case .deliveryProven: .deliveryProven
        case .refusalProven(let cause, _): .refusalProven(cause: cause)
        case .held(let cause): .held(cause: cause)
        case .headStale(let cause): .headStale(cause: cause)
        case .blocked(let cause, let isRefusal): .blocked(cause: cause, isRefusal: isRefusal)
        case .failed(let cause, let isOwn): .failed(cause: cause, isOwn: isOwn)
        }
    }
}

extension Process {
    /// The head as it is durable, and the payload with it where all fits into one message.
    func offer(
        _ passage: Passage, isInline: Bool, handOn: () async throws -> Void
    ) async throws -> News {
        try requireHonestClock()
        let head = try await head(passage.name(.head))
        var payload: [UInt64]?
        if isInline, head.leaves.count <= World.inlineSegmentsMax {
            payload = try await segments(passage.name(.payload)).map { $0 ?? 0 }
            try await handOn()
        }
        if let due = passage.due {
            world.judge.offers(node, head, due: due, payload: payload != nil)
            world.judge.left(node, head, whole: payload != nil)
        } else {
            world.judge.passes(node, head)
        }
        let (sent, carried) = (world.disturbed(head), world.disturbed(payload))
        let answer = try await world.call(from: self, to: passage.next) { peer in
            try await peer.offer(sent, carried, from: self.node.index)
        }
        return try await news(answer, passage, size: head.size)
    }

    /// Sends the payload from `offset` to its end.
    func upload(
        _ passage: Passage, from offset: UInt64, handOn: () async throws -> Void
    ) async throws -> News {
        let head = try await head(passage.name(.head))
        let segments = try await segments(passage.name(.payload))
        guard offset <= UInt64(segments.count) else { throw Mishap.missingFile }
        if let due = passage.due {
            world.judge.offers(node, head, due: due, payload: true)
        }
        if offset == head.size { try await handOn() }
        let answer = try await world.upload(
            from: self, to: passage.next, passage.key, at: offset
        ) { stream in
            for index in Int(offset)..<segments.count {
                let isLast = index == segments.count - 1
                // A peer may take a piece now and then for as long as it likes.
                guard self.now < head.expires else { throw Mishap.tooLate }
                if isLast { try await handOn() }
                try self.requireLife()
                if passage.due != nil { self.world.judge.left(self.node, head, whole: isLast) }
                try await self.world.carry(
                    segments[index] ?? 0, on: stream, by: self, to: passage.next)
            }
        }
        guard let receipt = answer.receipt else {
            return .failed(cause: "no receipt for the whole payload")
        }
        return try await news(of: receipt, passage, cause: nil)
    }

    func ask(_ passage: Passage) async throws -> News {
        try requireHonestClock()
        let answer = try await world.call(from: self, to: passage.next) { peer in
            try await peer.standing(passage.key, from: self.node.index)
        }
        // As if the offer had been taken anew.
        if passage.next != passage.recipient, Self.holdsNothing.contains(answer.state) {
            return .accepted(offset: 0)
        }
        let head = try await head(passage.name(.head))
        return try await news(answer, passage, size: head.size)
    }

    /// A link that breaks is news, not the end of the pursuit.
    func tried(_ passage: Passage, _ work: () async throws -> News) async throws -> News {
        do { try requireHonestClock() } catch Mishap.notReady(let cause) {
            return .failed(cause: cause, isOwn: true)
        }
        do {
            return try await work()
        } catch Mishap.refused(let refusal) where Self.mendable.contains(refusal) {
            try requireLife()
            if refusal == .staleEdition { try await catchUp(with: passage.next) }
            return .headStale(cause: refusal.rawValue)
        } catch Mishap.refused(let refusal) where Self.asksForAnotherRoute.contains(refusal) {
            try requireLife()
            return .blocked(cause: refusal.rawValue, isRefusal: true)
        } catch Mishap.notReady(let cause) where passage.next != passage.recipient {
            try requireLife()
            return .blocked(cause: cause, isRefusal: true)
        } catch Mishap.unreadable, Mishap.missingFile {
            try requireLife()
            return .failed(cause: "unreadable here", isOwn: true)
        } catch Mishap.crashed, Mishap.changedMeanwhile, Mishap.diskFull {
            throw isDead ? Mishap.crashed : Mishap.changedMeanwhile
        } catch {
            try requireLife()
            if case Mishap.linkBroken = error {
                outOfReach[passage.next] = VirtualExecutor.shared.now + 60_000
            }
            return isOutOfReach(passage.next)
                ? .blocked(cause: "\(error)", isRefusal: false) : .failed(cause: "\(error)")
        }
    }

    func isOutOfReach(_ peer: Int) -> Bool {
        outOfReach[peer].map { $0 >= VirtualExecutor.shared.now } ?? false
    }

    /// Refusals that another head can mend.
    private static let mendable: Set<Recipient.Refusal> = [
        .staleEdition, .staleMembership, .verdictTooOld, .approvalOwed, .approvalInvalid,
    ]

    /// Refusals that another relay may not have.
    private static let asksForAnotherRoute: Set<Recipient.Refusal> = [
        .transitRefused, .relayFull, .routeInvalid,
    ]

    // MARK: What is said

    /// States in which a relay has let go of the envelope, its own statement notwithstanding.
    private static let holdsNothing = Set([Relay.State.lapsed, .withdrawn].map(\.rawValue))

    private func news(_ answer: Answer, _ passage: Passage, size: UInt64) async throws -> News {
        let isRelay = passage.next != passage.recipient
        if isRelay, answer.state == Relay.State.returned.rawValue {
            return .headStale(cause: answer.cause ?? "asks for another attempt")
        }
        if isRelay, Self.holdsNothing.contains(answer.state) {
            return .blocked(cause: answer.cause ?? answer.state, isRefusal: true)
        }
        if let receipt = answer.receipt {
            return try await news(of: receipt, passage, cause: answer.cause)
        }
        switch answer.state {
        case Recipient.State.receiving.rawValue where answer.offset <= size:
            return .accepted(offset: answer.offset)
        case Relay.State.holding.rawValue where isRelay,
            Relay.State.forwarded.rawValue where isRelay:
            return .held(cause: answer.cause)
        default: return .failed(cause: "an unexpected answer: \(answer.state)")
        }
    }

    /// What a receipt means; one that proves nothing is dropped, and entered.
    private func news(of receipt: Receipt, _ passage: Passage, cause: String?) async throws -> News
    {
        do {
            try verify(receipt, passage)
        } catch {
            let entry = Entry(kind: "receipt.rejected", transfer: nil, sender: nil, time: now)
            try await commit { $0.append(entry) }
            throw error
        }
        switch receipt.kind {
        case .delivered: return .deliveryProven(receipt)
        case .refused: return .refusalProven(cause: receipt.reason ?? "refused", receipt)
        case .relayed:
            return world.hasPlanted(.relayTakenForRecipient)
                ? .deliveryProven(receipt) : .relayProven(cause: cause)
        case .opened, .recalled, .retained, .cancelled, .destroyed:
            throw Mishap.refused(.envelopeInvalid)
        }
    }

    /// A relay speaks for itself alone; the outcome is the recipient's to state.
    private func verify(_ receipt: Receipt, _ passage: Passage) throws {
        let isRelays = receipt.kind == .relayed
        let signer = isRelays ? passage.next : passage.recipient
        let isKnown = receipt.signer == signer && !(isRelays && passage.next == passage.recipient)
        guard isKnown || world.hasPlanted(.foreignReceiptAccepted) else {
            throw Mishap.untrustedReceipt("foreign signer")
        }
        let isPast = receipt.isOutcome && passage.role == .relayed
        let isAboutThis =
            receipt.from == passage.key.from && (receipt.attempt <= passage.attempt || isPast)
            && (receipt.transfer == passage.key.transfer
                || world.hasPlanted(.receiptOfAnotherAccepted))
        guard isAboutThis else { throw Mishap.untrustedReceipt("about another") }
    }
}
