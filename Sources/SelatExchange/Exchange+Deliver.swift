import Logging
import NIOCore
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

// The sender's road, second half: release, offer, upload, keep the receipt. The machine says what to
// do next; here it is done.

extension Exchange {
    /// One transfer while this process pursues it. Only its own task touches it.
    private final class Delivery {
        let id: TransferID
        let to: NodeID
        let precedence: Precedence
        var sender: Sender
        var receipt: [UInt8]?
        /// What the last release has signed, until it is recorded.
        var released: Released?
        /// How long to wait before the next try.
        var pause: Duration?

        init(_ row: OutboundRow) throws {
            id = row.id
            to = row.to
            precedence = row.precedence
            sender = try Sender(row)
        }
    }

    /// A header as it was signed, and the verdict under which.
    private struct Released {
        let envelope: Digest
        let header: [UInt8]
        let verdict: JSON
        /// What it adds to the counters, also to those that an edition brought meanwhile.
        let raised: [CountedRow]
        /// The digests of the approvals that it carries.
        let approvals: [Digest]
    }

    /// Pursues one transfer until it has ended or the task is cancelled.
    func pursue(_ id: TransferID) async {
        var faults = 0
        while !Task.isCancelled {
            do {
                return try await pursueFromStore(id)
            } catch {
                if Task.isCancelled { return }
                // Not the link but this node: the disk is full, a file cannot be read. What is
                // durable is right, so the pursuit begins again from there.
                faults += 1
                logger.error("transfer waits", metadata: ["id": "\(id)", "error": "\(error)"])
                await note(cause: "\(error)", id)
                try? await Task.sleep(for: backoff(faults))
            }
        }
    }

    private func pursueFromStore(_ id: TransferID) async throws {
        guard let row = try await store.read({ try $0.outbound(id) }) else { return }
        let delivery = try Delivery(row)
        while !delivery.sender.state.isOutcome {
            await lanes.enter(delivery.to, delivery.precedence, id)
            delivery.pause = nil
            do {
                try Task.checkCancellation()
                if let lack = await lack(of: id, attempt: delivery.sender.attempt) {
                    try await drive(delivery, lack)
                }
                try await drive(delivery, .due)
                await lanes.leave(delivery.to)
            } catch {
                await lanes.leave(delivery.to)
                throw error
            }
            guard !delivery.sender.state.isOutcome else { return }
            // Until a person has spoken there is nothing to pursue; housekeeping looks at its time.
            guard delivery.sender.state != .waiting else { return }
            try await Task.sleep(for: delivery.pause ?? untilExpiry(of: delivery.sender))
        }
    }

    /// Why a transfer waits, for `selat show`, where the database still takes it.
    private func note(cause: String, _ id: TransferID) async {
        _ = try? await store.commit { transaction in
            guard var row = try transaction.outbound(id), !(try Sender(row)).state.isOutcome else {
                return
            }
            row.cause = cause
            try transaction.save(row)
        }
    }

    private func backoff(_ failures: Int) -> Duration {
        .milliseconds(Backoff.milliseconds(failures: failures, jitter: entropy.bytes(1)[0]))
    }

    private func untilExpiry(of sender: Sender) -> Duration {
        .seconds(max(1, sender.expires - clock.now()))
    }

    /// Feeds the machine with an event and with what its actions lead to.
    private func drive(_ delivery: Delivery, _ first: Sender.Event) async throws {
        var event: Sender.Event? = first
        while let current = event {
            event = nil
            let before = delivery.sender
            for action in delivery.sender.handle(current, at: clock.now()) {
                event = try await perform(action, delivery, from: before) ?? event
            }
        }
    }

    /// - Returns: the event that the action led to.
    private func perform(
        _ action: Sender.Action, _ delivery: Delivery, from before: Sender
    ) async throws -> Sender.Event? {
        switch action {
        case .record(let kind, let cause):
            try await record(delivery, kind: kind, cause: cause, from: before)
        case .save:
            try await record(delivery, kind: nil, cause: nil, from: before)
        case .release(let attempt):
            return try await tried(delivery) {
                try await self.release(delivery, attempt: attempt)
            }
        case .offer:
            return try await tried(delivery) { try await self.offer(delivery) }
        case .upload(let offset):
            return try await tried(delivery) { try await self.upload(delivery, from: offset) }
        case .sendLastPiece:
            break
        case .retry(let failures):
            delivery.pause = backoff(failures)
        case .destroy:
            await spool.remove(SpoolFolder.Name(outbound: delivery.id))
        }
        return nil
    }

    /// A link that breaks is an event, not the end of the pursuit.
    private func tried(
        _ delivery: Delivery, _ work: () async throws -> Sender.Event
    ) async throws -> Sender.Event {
        do {
            return try await work()
        } catch let error as StoreError {
            throw error
        } catch is CancellationError {
            throw CancellationError()
        } catch let problem as Problem where Self.asksForNewAttempt.contains(problem.type) {
            if problem.type == Self.staleEdition { await catchUp(with: delivery.to) }
            return .headStale(cause: "\(problem)")
        } catch let fault as FileFault {
            return .failed(cause: "\(fault)")
        } catch let error as CryptoError where error.isOfToken {
            // A fault of this node, not of the link: the transfer waits, and says so.
            throw error
        } catch EnvelopeError.crypto(let error) where error.isOfToken {
            throw error
        } catch {
            if Task.isCancelled { throw CancellationError() }
            return .failed(cause: "\(delivery.to): \(error)")
        }
    }

    private static let staleEdition =
        "urn:selat:problem:\(Recipient.Refusal.staleEdition.rawValue)"

    /// Refusals that another head can mend.
    private static let asksForNewAttempt = Set(
        [
            Recipient.Refusal.staleEdition, .staleMembership, .verdictTooOld, .approvalOwed,
            .approvalInvalid,
        ].map { "urn:selat:problem:\($0.rawValue)" })

    // MARK: Recording

    private nonisolated(nonsending) func record(
        _ delivery: Delivery, kind: String?, cause: String?, from before: Sender
    ) async throws {
        let (sender, id, receipt) = (delivery.sender, delivery.id, delivery.receipt)
        let released = kind == Sender.releasedKind ? delivery.released : nil
        let entryKind = try kind.map { try EntryKind($0) }
        let isUnwitnessed = receipt.map { witnesses.lacksWitnesses($0, of: delivery.to) } ?? false
        _ = try await store.commit { transaction in
            // The state that this was decided on; else the pursuit begins again from the row.
            guard var row = try transaction.outbound(id), row.isAs(before) else {
                throw ServiceProblem.notReady(
                    "`\(id)` has changed meanwhile", remedy: "it goes on by itself")
            }
            row.take(sender)
            // With the key the payload is destroyed, also where a disk keeps old blocks.
            if sender.state.isOutcome { row.contentKey = nil }
            if sender.state.isOutcome, !row.handedOn, before.isBeforePayload {
                try transaction.uncount(id)
            }
            if let receipt { row.receipt = receipt }
            if isUnwitnessed { try transaction.awaitWitnesses(id, of: row.to) }
            try transaction.save(row)
            guard let entryKind else { return }
            var details: [String: JSON] = ["to": .string(row.to.text)]
            if let cause { details["cause"] = .string(cause) }
            if sender.attempt > 0 { details["attempt"] = .integer(sender.attempt) }
            if let receipt { details["receipt"] = .string(SHA256.digest(receipt).text) }
            if let released {
                try transaction.keep(header: released.header, of: released.envelope)
                details["envelope"] = .string(released.envelope.text)
                details["verdict"] = released.verdict
                if !released.approvals.isEmpty {
                    details["approvals"] = .strings(released.approvals.map(\.text))
                }
                for row in released.raised { try transaction.count(row) }
            }
            try transaction.append(
                EntryDraft(kind: entryKind, transfer: id, details: .object(details)))
        }
        if sender.state.isOutcome {
            logger.info(
                "transfer ended",
                metadata: [
                    "id": "\(id)", "to": "\(delivery.to)", "state": "\(sender.state.rawValue)",
                ])
            await endings.tell(id)
        }
    }

    // MARK: Release

    /// Makes the verdict again and signs the head of this attempt.
    private func release(_ delivery: Delivery, attempt: UInt64) async throws -> Sender.Event {
        try witnesses.requireExchange()
        let id = delivery.id
        let (found, kept) = try await store.read {
            (try $0.outbound(id), try $0.approvals(of: id))
        }
        guard let row = found, let wrapped = row.contentKey else {
            throw ServiceProblem.unknownTransfer(id)
        }
        let judged = try await judgeAgain(row)
        let again = judged.again
        if let reason = suiteFault(judged.record.core, again.verdict) {
            return .releaseRefused(cause: reason)
        }
        guard let permit = again.permit else {
            return .releaseRefused(
                cause: "judged again at release: \(again.verdict.outcome.rawValue)")
        }
        guard judged.permit != nil else {
            return .releaseRefused(
                cause: "judged again at release: other grounds or duties than those it was sealed"
                    + " under; send it anew")
        }
        // Verified once more: meanwhile one may have expired, or its officer been revoked.
        let approvals = kept.isEmpty ? [] : counting(kept, judged.rules, at: clock.now())
        let counted = approvals.compactMap(\.approval)
        guard let release = permit.release(approvals: counted, again: again) else {
            return .approvalsOwed(
                cause: "owed: \(ApprovalDebt.list(permit.outstanding(counted)))")
        }
        let (record, request) = (judged.record, judged.request)
        let key = try ContentKey(stored: try storageKey.unwrap(wrapped, for: .outbound(id)))
        let leaves = try Leaves(try await spool.read(SpoolFolder.Name(outbound: id), .leaves))
        let head = try EnvelopeHead.sign(
            release: release, core: record.core, keys: record.keys, contentKey: key,
            dataset: request.dataset, approvals: approvals.map(\.message),
            statements: judged.presented.messages,
            series: request.series?.text,
            payload: try SealedPayload(identity: record.payload, leaves: leaves),
            attempt: EnvelopeHead.Attempt(
                number: attempt, route: [identity.node, delivery.to],
                precedence: delivery.precedence, membershipSerial: federation.serial,
                membershipDigest: federation.listDigest, transit: [:]),
            signer: try identity.signer(for: record.core.suite), at: clock.now())
        try await spool.write(head.encoded(), to: SpoolFolder.Name(outbound: id), .head)
        delivery.released = Released(
            envelope: try head.unverifiedIdentity(), header: head.headerCMS,
            verdict: again.verdict.json, raised: judged.raised,
            approvals: approvals.map(\.digest))
        return .released
    }

    // MARK: Link

    private func offer(_ delivery: Delivery) async throws -> Sender.Event {
        try witnesses.requireExchange()
        let name = SpoolFolder.Name(outbound: delivery.id)
        let head = try await spool.read(name, .head)
        let upload = UploadID(from: identity.node, transfer: delivery.id)
        let size = try EnvelopeHead(parsing: head).payloadSize
        var payload: [UInt8]?
        if head.count + Int(clamping: size) <= Limits.inlinePackageBytesMax,
            !delivery.sender.handedOn
        {
            let stream = try SpoolStream(spool.path(of: name, .payload), in: spool)
            payload = Array(try await stream.buffer(0..<size).readableBytesView)
            try await handOn(delivery)
        }
        let client = try await peers.take(delivery.to)
        do {
            let answer = try await client.offer(upload, head: head, payload: payload)
            await peers.keep(client)
            if let receipt = answer.receipt {
                return try await event(of: receipt, head: head, delivery)
            }
            guard answer.state == Recipient.State.receiving.rawValue, answer.offset <= size else {
                throw TransportFault.unexpectedAnswer(
                    "`\(answer.state)` at byte \(answer.offset), and no receipt")
            }
            return .accepted(offset: answer.offset)
        } catch {
            try await release(client, after: error)
            throw error
        }
    }

    /// A peer's refusal leaves the connection usable; anything else does not.
    private func release(_ client: PeerClient, after error: any Error) async throws {
        if error is Problem { await peers.keep(client) } else { await peers.drop(client) }
    }

    /// The last piece is about to leave: from now on a complete envelope may be with the recipient.
    private nonisolated(nonsending) func handOn(_ delivery: Delivery) async throws {
        let before = delivery.sender
        if delivery.sender.handle(.lastPieceReady, at: clock.now()).contains(.save) {
            try await record(delivery, kind: nil, cause: nil, from: before)
        }
    }

    private func upload(_ delivery: Delivery, from offset: UInt64) async throws -> Sender.Event {
        let name = SpoolFolder.Name(outbound: delivery.id)
        let head = try await spool.read(name, .head)
        let stream = try SpoolStream(spool.path(of: name, .payload), in: spool)
        let upload = UploadID(from: identity.node, transfer: delivery.id)
        guard offset <= stream.size else {
            throw FileFault(
                "reading", spool.path(of: name, .payload), code: 0, reason: "ends before \(offset)")
        }
        // It lacks nothing but the word that it is whole.
        if offset == stream.size { try await handOn(delivery) }
        let client = try await peers.take(delivery.to)
        var position = offset
        do {
            let state = try await client.upload(upload, from: offset, length: stream.size) {
                guard position < stream.size else { return nil }
                let end = min(position + SpoolStream.pieceBytes, stream.size)
                if end == stream.size { try await self.handOn(delivery) }
                defer { position = end }
                return try await stream.buffer(position..<end)
            }
            await peers.keep(client)
            guard let receipt = state.receipt else {
                return .failed(cause: "\(delivery.to) gave no receipt for the whole payload")
            }
            return try await event(of: receipt, head: head, delivery)
        } catch {
            try await release(client, after: error)
            throw error
        }
    }

    /// What the recipient's receipt means; one that proves nothing is dropped, and entered.
    private nonisolated(nonsending) func event(
        of receipt: [UInt8], head: [UInt8], _ delivery: Delivery
    ) async throws -> Sender.Event {
        do {
            return try verified(receipt, head: head, delivery)
        } catch {
            let (id, to) = (delivery.id, delivery.to)
            _ = try await store.commit { transaction in
                try transaction.append(
                    EntryDraft(
                        kind: "receipt.rejected", transfer: id, actor: .node(to),
                        details: ["cause": .string(String("\(error)".prefix(1_000)))]))
            }
            throw error
        }
    }

    private func verified(
        _ receipt: [UInt8], head: [UInt8], _ delivery: Delivery
    ) throws -> Sender.Event {
        let now = clock.now()
        let recipient = try federation.node(delivery.to, at: now)
        let statement = try Receipt(parsing: receipt).verify(
            signer: { try self.federation.signer($0, node: delivery.to, at: now) },
            log: try VerifierKey(recipient.logKey))
        guard statement.signer == delivery.to else {
            throw ReceiptError.foreignSigner(statement.signer)
        }
        guard statement.federation == federation.id else {
            throw ReceiptError.aboutAnother("federation")
        }
        guard statement.from == identity.node, statement.id == delivery.id else {
            throw ReceiptError.aboutAnother("transfer")
        }
        // The recipient may have finished an earlier attempt: its identity is another, its number
        // tells.
        let identity = try EnvelopeHead(parsing: head).unverifiedIdentity()
        guard statement.envelope == identity || statement.attempt < delivery.sender.attempt else {
            throw ReceiptError.aboutAnother("envelope")
        }
        delivery.receipt = receipt
        switch statement.kind {
        case .delivered: return .deliveryProven
        case .refused: return .refusalProven(cause: statement.reason ?? "refused by \(delivery.to)")
        }
    }
}
