import Logging
import SelatAudit
import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatPolicy
import SelatStore
import SelatTransport
import Synchronization

// The relay's road, first half: verify, ask whether the envelope may pass here, store, and state that.
// A relay has no key: it sees the header, and whether each segment is the one that the header means.

extension Exchange {
    /// An offered envelope that leads through this node.
    func offer(
        _ head: VerifiedHead, _ bytes: [UInt8], _ payload: [UInt8]?,
        through hop: (previous: NodeID, next: NodeID), from peer: NodeID, by actor: EntryActor
    ) async throws -> OfferAnswer {
        let id = head.core.id
        let known = try store.lookUp { try $0.relayed(id, from: head.core.from) }
        let upload = UploadID(from: head.core.from, transfer: id)
        let now = clock.now()
        let answer = Relay.answer(
            to: Recipient.Offer(head, at: identity.node), attempt: head.header.attempt,
            peer: peer, at: place, known: try known.map { try Relay($0) }, now: now)
        switch answer {
        case .refuse(let refusal):
            throw try await refuse(
                refusal, words(for: refusal, of: head, from: peer, at: now), head: head, by: actor)
        case .standing:
            return try await standing(of: upload, created: false)
        case .resume(let offset):
            return try await taken(
                upload, head, by: peer, offset: offset, created: false, payload)
        case .consider, .renew:
            if answer == .renew { try countRenewal(by: peer) }
            // Alone, or two offers of one new id would each begin its files.
            let isNew = try await uploads.alone(upload) {
                try await self.pass(
                    head, bytes, Self.whole(payload, of: head), through: hop, by: actor)
            }
            let row = try store.lookUp { try $0.relayed(id, from: head.core.from) }
            guard let row, row.state == Relay.State.receiving.rawValue else {
                return try await standing(of: upload, created: isNew)
            }
            return try await taken(
                upload, head, by: peer, offset: row.durable, created: isNew, payload)
        }
    }

    /// Each new attempt is kept and entered for good.
    private func countRenewal(by peer: NodeID) throws {
        let count = renewals.withLock { counts in
            counts[peer, default: 0] += 1
            return counts[peer, default: 0]
        }
        guard count <= Self.renewalsPerMinuteMax else {
            throw Problem.tooManyRequests(.seconds(60))
        }
    }

    private static let renewalsPerMinuteMax = 600

    /// What a relay says of an envelope that asks nothing of the one who brings it.
    private func standing(of upload: UploadID, created: Bool) async throws -> OfferAnswer {
        guard
            let row = try store.lookUp({
                try $0.relayed(upload.transfer, from: upload.from)
            })
        else { throw Problem.unknownUpload(upload) }
        return OfferAnswer(
            created: created, upload: upload, state: row.state, offset: row.durable,
            cause: row.cause, receipt: try await receipt(of: row))
    }

    // MARK: Whether it may pass

    /// Judges whether an envelope may pass here, and records that its payload may come or has come, or that a
    /// newer attempt takes the place of the one before.
    /// - Parameter payload: what came with a small envelope, checked.
    /// - Returns: whether it is new here.
    private func pass(
        _ head: VerifiedHead, _ bytes: [UInt8], _ payload: [UInt8]?,
        through hop: (previous: NodeID, next: NodeID), by actor: EntryActor
    ) async throws -> Bool {
        let grounds = try await judgeTransit(head, through: hop, by: actor)
        let name = SpoolFolder.Name(relayed: head.core.id, from: head.core.from)
        let known = try store.lookUp {
            try $0.relayed(head.core.id, from: head.core.from)
        }
        if let known, try !isNew(known, attempt: head.header.attempt) {
            guard head.header.attempt > known.attempt else { return false }
            let isStored = Self.isStored(sealed: known.payloadSize)
            if !isStored { try await spool.write(bytes, to: name, .head) }
            // It may have ended meanwhile: then the head that was just written is nobody's.
            if try await !renew(head, isStored ? bytes : nil, through: hop) {
                await spool.remove(name)
            }
            return false
        }
        try await requireReserve(
            for: head.header.precedence, size: head.header.payload.size, from: .peer)
        try await requireRoom(for: head, by: actor)
        let new = new(head, through: hop, grounds)
        if let payload {
            try await record(new, head, bytes, payload: payload)
            return true
        }
        try await place(bytes, payloadSize: head.header.payload.size, as: name) {
            _ = try await self.store.commit { transaction in
                try self.enter(new, head, in: transaction)
                try transaction.save(new.row)
            }
        }
        return true
    }

    /// Whether what may be known of a transfer hinders nobody from offering this attempt as a new one.
    private func isNew(_ known: RelayedRow?, attempt: UInt64) throws -> Bool {
        try known.map { try Relay($0).isOpenAnew(to: attempt, at: clock.now()) } ?? true
    }

    /// By the own policies and from what the header shows; the editions that the sender judged by
    /// must be those in force here.
    /// - Returns: the grounds on which it may pass.
    private func judgeTransit(
        _ head: VerifiedHead, through hop: (previous: NodeID, next: NodeID), by actor: EntryActor
    ) async throws -> [String] {
        try await followLaw()
        let header = head.header
        if let stale = staleMembership(of: head) {
            throw try await refuse(.staleMembership, stale, head: head, by: actor)
        }
        if let fault = invalidRoute(of: head, through: hop) {
            throw try await refuse(.routeInvalid, fault, head: head, by: actor)
        }
        let country = identity.node.country
        let pinned = header.transit[country]
        let active = policies.editions[country.code]?.digest
        guard pinned != nil, pinned == active else {
            let isHeld = pinned.map { editions.holds($0) } ?? false
            let stale = EditionRegister.Stale(
                name: country.code, pinned: pinned, active: active,
                reason: isHeld ? "is not in force" : nil)
            throw try await refuse(stale, head, by: actor)
        }
        let judgements = try transit(of: header.route, head.core.label).filter {
            $0.jurisdiction == country.code
        }
        let names = judgements.flatMap { judgement in
            judgement.clauses.map { "\(judgement.jurisdiction)/\($0.rule)" }
        }
        guard judgements.allSatisfy({ $0.outcome == .permitted }) else {
            throw try await refuse(
                .transitRefused,
                "`\(country)` lets it not pass: "
                    + (names.isEmpty ? "no ground" : names.joined(separator: ", ")), head: head,
                by: actor)
        }
        return names
    }

    /// What lies here for one country's senders is bounded: they fill nobody else's room.
    private func requireRoom(for head: VerifiedHead, by actor: EntryActor) async throws {
        guard let lack = try await store.read({ try self.lackOfRoom(for: head, in: $0) }) else {
            return
        }
        throw try await refuse(lack.refusal, lack.detail, head: head, by: actor)
    }

    /// Why one more envelope of a member's finds no room here.
    private func lackOfRoom(
        for head: VerifiedHead, in snapshot: Snapshot
    ) throws -> (refusal: Recipient.Refusal, detail: String)? {
        let (country, size) = (head.core.from.country, head.header.payload.size)
        let quota = relaying.extended(for: head.header.precedence)
        guard size <= quota.bytesMax else {
            return (
                .relayTooSmall,
                "it has \(size) bytes, and of `\(country)` at most \(quota.bytesMax) may lie here: "
                    + "it never passes here"
            )
        }
        let held = try snapshot.relayedLoad(of: country)
        guard !quota.hasRoom(for: size, beside: held) else { return nil }
        return (.relayFull, "transfers of `\(country)` that lie here: \(quota.words(held))")
    }

    /// A transfer that may pass, before it is recorded.
    private struct New: Sendable {
        let row: RelayedRow
        /// What is entered of it.
        let details: JSON
    }

    private func new(
        _ head: VerifiedHead, through hop: (previous: NodeID, next: NodeID), _ grounds: [String]
    ) -> New {
        let (core, header) = (head.core, head.header)
        let row = RelayedRow(
            from: core.from, id: core.id, to: core.to, previous: hop.previous, next: hop.next,
            received: clock.now(), expires: core.expires, precedence: header.precedence,
            state: Relay.State.receiving.rawValue, attempt: header.attempt,
            payloadSize: header.payload.size, fixedParts: head.fixedParts,
            header: header.json.canonical)
        let details: JSON = [
            "envelope": .string(head.identity.text), "from": .string(core.from.text),
            "to": .string(core.to.text), "route": .strings(header.route.map(\.text)),
            "size": .integer(row.payloadSize), "grounds": .strings(grounds),
        ]
        return New(row: row, details: details)
    }

    /// Enters a transfer that may pass, where nobody was faster and there is room still.
    private func enter(
        _ new: New, _ head: VerifiedHead, in transaction: Transaction
    ) throws {
        let row = new.row
        guard try isNew(transaction.relayed(row.id, from: row.from), attempt: row.attempt) else {
            throw ServiceProblem.changed(row.id)
        }
        if let lack = try lackOfRoom(for: head, in: transaction.snapshot) {
            throw ServiceProblem.refusal(lack.refusal, lack.detail)
        }
        try transaction.keep(header: head.head.headerCMS, of: head.identity)
        try transaction.append(
            EntryDraft(
                kind: "relay.received", transfer: row.id, actor: .node(row.previous),
                details: new.details))
    }

    /// Records in one commit that a small package may pass, and that it is here.
    private func record(
        _ new: New, _ head: VerifiedHead, _ bytes: [UInt8], payload: [UInt8]
    ) async throws {
        try await requireSender(new.row.from, by: .node(new.row.previous))
        await lookAtClock(past: new.row.expires)
        let now = clock.now()
        let name = SpoolFolder.Name(relayed: new.row.id, from: new.row.from)
        let statement = try sign(.relayed, head, reason: nil, at: now)
        let isOpen: Bool
        do {
            isOpen = try await store.commit { transaction in
                try self.enter(new, head, in: transaction)
                var row = new.row
                try self.complete(
                    &row, head, statement, at: max(now, self.clock.now()), in: transaction)
                try transaction.keep(bytes, as: .head, of: name)
                try transaction.keep(payload, as: .payload, of: name)
                try transaction.save(row)
                return try !Relay(row).state.isOutcome
            }.value
        } catch {
            throw Self.problem(of: error)
        }
        if isOpen { accepted.yield(.relayed(new.row.id, from: new.row.from)) }
    }

    /// - Parameter bytes: the whole head of a small transfer, which goes into the database.
    /// - Returns: whether it is under way here still.
    private func renew(
        _ head: VerifiedHead, _ bytes: [UInt8]?, through hop: (previous: NodeID, next: NodeID)
    ) async throws -> Bool {
        let (core, header, now) = (head.core, head.header, clock.now())
        let isOpen = try await store.commit { transaction -> Bool in
            guard var row = try transaction.relayed(core.id, from: core.from),
                try !Relay(row).state.isOutcome
            else { return false }
            var relay = try Relay(row)
            for case .record(let kind, _) in relay.handle(
                .renewed(attempt: header.attempt), at: self.moment(at: now))
            {
                try transaction.keep(header: head.head.headerCMS, of: head.identity)
                try transaction.append(
                    EntryDraft(
                        kind: try EntryKind(kind), transfer: core.id, actor: .node(hop.previous),
                        details: [
                            "envelope": .string(head.identity.text),
                            "attempt": .integer(header.attempt),
                            "route": .strings(header.route.map(\.text)),
                        ]))
            }
            row.take(relay)
            (row.previous, row.next) = (hop.previous, hop.next)
            (row.header, row.precedence) = (header.json.canonical, header.precedence)
            if let bytes {
                try transaction.keep(
                    bytes, as: .head, of: SpoolFolder.Name(relayed: core.id, from: core.from))
            }
            try transaction.save(row)
            return true
        }.value
        if isOpen { accepted.yield(.relayed(core.id, from: core.from)) }
        return isOpen
    }

    // MARK: The whole is here

    /// The whole payload is durable and checked: signs that, records it, and passes it on.
    func complete(_ row: RelayedRow, _ head: VerifiedHead) async throws -> UploadState {
        await lookAtClock(past: row.expires)
        let now = clock.now()
        let statement = try sign(.relayed, head, reason: nil, at: now)
        let after = try await store.commit { transaction -> RelayedRow? in
            guard var row = try transaction.relayed(row.id, from: row.from) else { return nil }
            // The clock of the commit: it may have waited behind others.
            try self.complete(
                &row, head, statement, at: max(now, self.clock.now()), in: transaction)
            try transaction.save(row)
            return row
        }.value
        guard let after else { throw ServiceProblem.unknownTransfer(row.id) }
        if try Relay(after).state.isOutcome {
            await spool.remove(SpoolFolder.Name(relayed: row.id, from: row.from))
        } else {
            accepted.yield(.relayed(row.id, from: row.from))
        }
        return try await state(of: .relayed(after))
    }

    /// Enters that the whole payload is here, with what was signed of that.
    private func complete(
        _ row: inout RelayedRow, _ head: VerifiedHead, _ statement: [UInt8], at now: Timestamp,
        in transaction: Transaction
    ) throws {
        var relay = try Relay(row)
        for case .record(let kind, let isStated) in relay.handle(
            .complete, at: self.moment(at: now))
        {
            var details: JSON.Object = ["envelope": .string(head.identity.text)]
            if isStated {
                details[Receipt.statementKey] = .string(SHA256.digest(statement).text)
                row.statement = statement
            }
            let sequence = try transaction.append(
                EntryDraft(
                    kind: try EntryKind(kind), transfer: row.id, actor: .node(row.previous),
                    details: .object(details)))
            if isStated { row.statementEntry = sequence }
        }
        row.take(relay)
    }

    /// The head of what passes through here. Its signature is judged as of when it came, and as of now:
    /// a key that has changed meanwhile breaks nothing.
    func head(of row: RelayedRow) async throws -> VerifiedHead {
        let name = SpoolFolder.Name(relayed: row.id, from: row.from)
        let bytes: [UInt8]
        do { bytes = try await part(.head, of: name) } catch let error as FileFault {
            throw ServiceProblem.disk(error)
        }
        let (current, now) = (federation, clock.now())
        let then = try await membership.federation(asOf: row.received)
        do {
            return try EnvelopeHead(parsing: bytes).verify { name, _ in
                do {
                    return try current.signer(name, node: row.from, at: now)
                } catch {
                    return try then.signer(name, node: row.from, at: row.received)
                }
            }
        } catch {
            throw ServiceProblem.verificationFailed("`\(row.id)`: \(error)")
        }
    }
}

extension Relay {
    /// States in which parts of a transfer lie in the spool.
    static let spooledStates = State.allCases.filter { !$0.isOutcome }.map(\.rawValue)
}
