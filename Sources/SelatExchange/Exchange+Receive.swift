import NIOCore
import SelatAudit
package import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatPolicy
import SelatStore
package import SelatTransport
import Synchronization

// The recipient's road: verify the head, look inside, judge, record; take the payload in; record,
// sign, answer.

extension Exchange: EnvelopeService {
    package func offer(
        head bytes: [UInt8], payload: [UInt8]?, from peer: NodeID
    ) async throws -> OfferAnswer {
        try await offer(head: bytes, payload: payload, from: peer, by: .node(peer))
    }

    /// - Parameter actor: who brings it: `peer`, or somebody who stands for it.
    func offer(
        head bytes: [UInt8], payload: [UInt8]?, from peer: NodeID, by actor: EntryActor
    ) async throws -> OfferAnswer {
        try witnesses.requireExchange()
        let head = try await authentic(bytes, from: peer, by: actor)
        if let hop = head.hop(at: identity.node), let next = hop.next {
            let hop = (previous: hop.previous, next: next)
            return try await offer(head, bytes, payload, through: hop, from: peer, by: actor)
        }
        let id = head.core.id
        let known = try store.lookUp { try $0.inbound(id, from: head.core.from) }
        let upload = UploadID(from: head.core.from, transfer: id)
        let now = clock.now()
        let answer = Recipient.answer(
            to: Recipient.Offer(head, at: identity.node), peer: peer, at: place,
            known: try known.map { try Recipient($0) }, now: now)
        switch answer {
        case .refuse(let refusal) where refusal.isFinal:
            let reason = words(for: refusal, of: head, from: peer, at: now)
            return try await refuseFinally(head, refusal, reason, upload, by: actor)
        case .refuse(let refusal):
            throw try await refuse(
                refusal, words(for: refusal, of: head, from: peer, at: now), head: head, by: actor)
        case .repeated(let state):
            return OfferAnswer(
                created: false, upload: upload, state: state.rawValue,
                offset: known?.durable ?? 0,
                receipt: try await receiptJSON(known?.statement, known?.statementEntry))
        case .resume(let offset):
            let attempt = head.header.attempt
            let first = try known.map { try Header(parsing: $0.header).attempt } ?? attempt
            let isAdmitted = newestAttempts.withLock {
                $0.admits(
                    attempt, of: upload, first: first,
                    isSenders: actor != .node(peer) || peer == head.core.from)
            }
            guard isAdmitted else { throw ServiceProblem.superseded(upload) }
            try await carry(upload, by: peer)
            return try await taken(
                upload, head, by: peer, offset: offset, created: false, payload)
        case .consider:
            // Alone, or two offers of one new id would each begin its files.
            let considered = try await uploads.alone(upload) {
                try await self.consider(
                    head, bytes, Self.whole(payload, of: head), upload, peer, by: actor)
            }
            switch considered {
            case .known:
                return try await offer(
                    head: bytes, payload: payload, from: peer, by: actor)
            case .refused(let answer): return answer
            case .arrived(let row): return try await self.answer(of: row, upload)
            case .taken:
                return try await taken(upload, head, by: peer, offset: 0, created: true, payload)
            }
        }
    }

    package func uploadState(_ upload: UploadID, from peer: NodeID) async throws -> UploadState {
        try witnesses.requireExchange()
        return try await state(of: try await arrival(of: upload, peer))
    }

    package func append(
        _ upload: UploadID, from peer: NodeID, offset: UInt64, length: UInt64?, complete: Bool,
        body: UploadBody
    ) async throws -> UploadState {
        try witnesses.requireExchange()
        _ = try await arrival(of: upload, peer)
        return try await uploads.alone(upload, .link) {
            try await self.take(
                upload, peer, by: .node(peer), offset: offset, length: length, complete: complete,
                body)
        }
    }

    // MARK: Offers

    var place: Recipient.Place {
        let (federation, now) = (federation, clock.now())
        return Recipient.Place(
            node: identity.node, federation: federation.id,
            suites: federation.list.suites(at: now),
            postQuantumFrom: federation.postQuantumFrom(identity.node, at: now),
            membershipExpires: federation.expires)
    }

    /// The head, once its signature and its parts are verified.
    func authentic(
        _ bytes: [UInt8], from peer: NodeID, by actor: EntryActor
    ) async throws -> VerifiedHead {
        let now = clock.now()
        // A witness has a certificate too.
        let roles = try federation.node(peer, at: now).roles
        guard !roles.isDisjoint(with: [.exchange, .relay]) else {
            throw try await refuse(
                .wrongSender, "`\(peer)` is to send nothing", head: nil, by: actor)
        }
        let head: VerifiedHead
        do {
            // Not the peer where that is a relay. Whoever is named is the one who must have signed.
            head = try EnvelopeHead(parsing: bytes).verify {
                try self.federation.signer($0, node: $1, at: now)
            }
        } catch {
            throw try await refuse(.envelopeInvalid, "\(error)", head: nil, by: actor)
        }
        // What is signed by another is brought by a relay of its route, or by nobody.
        let needed: NodeRole = peer == head.core.from ? .exchange : .relay
        guard roles.contains(needed), isSender(head.core.from, at: now) else {
            throw try await refuse(
                .wrongSender, "the envelope of `\(head.core.from)` is not `\(peer)`'s to bring",
                head: head, by: actor)
        }
        return head
    }

    func isSender(_ node: NodeID, at now: Timestamp) -> Bool {
        (try? federation.node(node, at: now))?.roles.contains(.exchange) == true
    }

    /// From now on the upload belongs to another peer: a later attempt came by another way.
    private func carry(_ upload: UploadID, by peer: NodeID) async throws {
        _ = try await store.commit { transaction in
            guard var row = try transaction.inbound(upload.transfer, from: upload.from),
                row.peer != peer
            else { return }
            row.peer = peer
            try transaction.save(row)
        }
    }

    enum Considered: Sendable {
        /// Another offer of the same id was faster.
        case known
        case refused(OfferAnswer)
        /// Its payload may come.
        case taken
        /// It came whole.
        case arrived(InboundRow)
    }

    /// The payload of a small envelope that came whole and is the one that the head means; nil for any other,
    /// which goes the way of an upload.
    static func whole(_ payload: [UInt8]?, of head: VerifiedHead) -> [UInt8]? {
        guard let payload, isStored(sealed: head.header.payload.size),
            (try? PayloadIntake.check(payload, of: head)) != nil
        else { return nil }
        return payload
    }

    /// Looks inside a new envelope, judges it, and records that its payload may come, or that it has.
    /// - Parameter payload: what came with a small envelope, checked.
    func consider(
        _ head: VerifiedHead, _ bytes: [UInt8], _ payload: [UInt8]?, _ upload: UploadID,
        _ peer: NodeID, by actor: EntryActor
    ) async throws -> Considered {
        let from = head.core.from
        let size = head.header.payload.size
        let (row, lack) = try store.lookUp {
            (
                try $0.inbound(upload.transfer, from: from),
                try self.lackOfRoom(for: head, in: $0)
            )
        }
        guard try isNew(row) else { return .known }
        if let lack {
            throw try await refuse(lack.refusal, lack.detail, head: head, by: actor)
        }
        try await requireReserve(
            for: head.header.precedence, size: size, from: .peer)
        let (contentKey, manifest) = try await opened(head, by: actor)
        switch try await judge(head, manifest) {
        case .refused(let refusal, let reason) where refusal.isFinal:
            return .refused(try await refuseFinally(head, refusal, reason, upload, by: actor))
        case .refused(let refusal, let reason):
            throw try await refuse(refusal, reason, head: head, by: actor)
        case .stale(let stale):
            throw try await refuse(stale, head, by: actor)
        case .asking(let debts):
            throw try await refuse(asking: debts, head, by: actor)
        case .permitted(let own, let destroyBy, let approvals):
            let new = try new(head, contentKey, manifest, own, destroyBy, approvals, by: peer)
            if let payload {
                return .arrived(try await record(new, head, bytes, payload: payload))
            }
            try await record(new, head, bytes)
            return .taken
        }
    }

    func opened(
        _ head: VerifiedHead, by actor: EntryActor
    ) async throws -> (contentKey: ContentKey, manifest: Manifest) {
        do {
            guard let keys = identity.openingKeys(for: head.core) else {
                throw EnvelopeError.wrongRecipient(to: head.core.to)
            }
            return try head.open(with: keys)
        } catch EnvelopeError.crypto(let error) where error.isOfToken {
            // It says nothing of the envelope: the peer offers it again.
            throw ServiceProblem.token(error)
        } catch {
            throw try await refuse(.envelopeInvalid, "\(error)", head: head, by: actor)
        }
    }

    /// A transfer that was taken, before it is recorded.
    private struct New: Sendable {
        let row: InboundRow
        let own: Verdict
        /// What is entered of it.
        let details: JSON

        var name: SpoolFolder.Name { SpoolFolder.Name(inbound: row.id, from: row.from) }
    }

    private func new(
        _ head: VerifiedHead, _ contentKey: ContentKey, _ manifest: Manifest, _ own: Verdict,
        _ destroyBy: Timestamp?, _ approvals: [VerifiedApproval], by peer: NodeID
    ) throws -> New {
        let core = head.core
        var row = InboundRow(
            from: core.from, id: core.id, received: clock.now(), expires: core.expires,
            state: Recipient.State.receiving.rawValue, payloadSize: head.header.payload.size,
            fixedParts: head.fixedParts, header: head.header.json.canonical, peer: peer)
        row.contentKey = try storageKey.wrap(
            contentKey.secret, for: .inbound(core.id, from: core.from))
        row.destroyBy = destroyBy
        var members: JSON.Object = [
            "envelope": .string(head.identity.text), "size": .integer(row.payloadSize),
            "verdict": .string(SHA256.digest(manifest.verdictRecord).text),
            Receipt.importKey: own.json,
        ]
        if peer != core.from { members["route"] = .strings(head.header.route.map(\.text)) }
        if !approvals.isEmpty { members["approvals"] = .array(approvals.map(\.summary)) }
        return New(row: row, own: own, details: .object(members))
    }

    /// Records that the payload may come.
    private func record(_ new: New, _ head: VerifiedHead, _ bytes: [UInt8]) async throws {
        try await place(bytes, payloadSize: new.row.payloadSize, as: new.name) {
            _ = try await self.store.commit { transaction in
                try self.requireRoom(for: head, in: transaction.snapshot)
                try self.enter(new, head, in: transaction)
                try transaction.save(new.row)
            }
        }
        // It may have lapsed before.
        restore(UploadID(from: new.row.from, transfer: new.row.id))
    }

    /// Why one more payload of a sender's finds no room here.
    private func lackOfRoom(
        for head: VerifiedHead, in snapshot: Snapshot
    ) throws -> (refusal: Recipient.Refusal, detail: String)? {
        let (from, precedence) = (head.core.from, head.header.precedence)
        let begun = try snapshot.inboundCount(
            from: from, state: Recipient.State.receiving.rawValue)
        let flash = precedence == .flash ? Limits.flashTransfersMax : 0
        guard begun < Limits.uploadsPerPeerMax + flash else {
            return (.tooManyUploads, "\(begun) have not ended")
        }
        let quota = inbox.extended(for: precedence)
        let held = try snapshot.inboundLoad(of: from.country)
        guard !quota.hasRoom(for: head.header.payload.size, beside: held) else { return nil }
        return (.inboxFull, "datasets of `\(from.country)` that lie here: \(quota.words(held))")
    }

    /// Once more, now that nothing comes in between: many offers of one member's may have found the same room.
    private func requireRoom(for head: VerifiedHead, in snapshot: Snapshot) throws {
        if let lack = try lackOfRoom(for: head, in: snapshot) {
            throw ServiceProblem.refusal(lack.refusal, lack.detail)
        }
    }

    /// Records in one commit that a small package was taken, and that it is here.
    private func record(
        _ new: New, _ head: VerifiedHead, _ bytes: [UInt8], payload: [UInt8]
    ) async throws -> InboundRow {
        try await requireSender(new.row.from, by: .node(new.row.peer))
        await lookAtClock(past: new.row.expires)
        let now = clock.now()
        let statement = try sign(.delivered, head, reason: nil, at: now)
        let row: InboundRow
        do {
            row = try await store.commit { transaction in
                try self.requireRoom(for: head, in: transaction.snapshot)
                try self.enter(new, head, in: transaction)
                var row = new.row
                try self.complete(
                    &row, head, statement, new.own.json, at: max(now, self.clock.now()),
                    in: transaction)
                try transaction.keep(bytes, as: .head, of: new.name)
                try transaction.keep(payload, as: .payload, of: new.name)
                try transaction.save(row)
                return row
            }.value
        } catch {
            throw Self.problem(of: error)
        }
        restore(UploadID(from: row.from, transfer: row.id))
        logArrival(of: row)
        return row
    }

    /// Enters a transfer that was taken, where nobody was faster.
    private func enter(
        _ new: New, _ head: VerifiedHead, in transaction: Transaction
    ) throws {
        let row = new.row
        guard try isNew(transaction.inbound(row.id, from: row.from)) else {
            throw ServiceProblem.changed(row.id)
        }
        try transaction.keep(header: head.head.headerCMS, of: head.identity)
        try transaction.append(
            EntryDraft(
                kind: "transfer.received", transfer: row.id, actor: .node(row.from),
                details: new.details))
    }

    /// Whether what may be known of a transfer hinders nobody from offering it.
    func isNew(_ known: InboundRow?) throws -> Bool {
        try known.map { try Recipient($0).isOpenAnew(at: clock.now()) } ?? true
    }

    /// Puts a head, and room for its payload, into the spool, and records that it is there. What could
    /// not be recorded does not stay: nothing would name it.
    func place(
        _ head: [UInt8], payloadSize: UInt64, as name: SpoolFolder.Name,
        record: () async throws -> Void
    ) async throws {
        do {
            await spool.remove(name)
            try await spool.makePayload(of: name, size: payloadSize)
            try await spool.write(head, to: name, .head)
            try await record()
        } catch {
            await spool.remove(name)
            throw Self.problem(of: error)
        }
    }

    /// The answer to an offer whose payload may come, or has come with it: over the link.
    func taken(
        _ upload: UploadID, _ head: VerifiedHead, by peer: NodeID, offset: UInt64, created: Bool,
        _ payload: [UInt8]?
    ) async throws -> OfferAnswer {
        guard let payload else {
            return OfferAnswer(
                created: created, upload: upload, state: Recipient.State.receiving.rawValue,
                offset: offset, receipt: nil)
        }
        let body = UploadBody(
            OneBuffer(ByteBuffer(bytes: payload.dropFirst(Int(clamping: offset)))))
        let state = try await uploads.alone(upload, .link) {
            try await self.take(
                upload, peer, by: .node(peer), offset: offset, length: nil, complete: true, body,
                with: head)
        }
        return OfferAnswer(upload, state, created: created)
    }

    /// The answer to an offer that came whole.
    private func answer(of row: InboundRow, _ upload: UploadID) async throws -> OfferAnswer {
        OfferAnswer(upload, try await state(of: .inbound(row)), created: true)
    }
}

extension OfferAnswer {
    /// What stands of an upload, told to the one who made the offer.
    fileprivate init(_ upload: UploadID, _ state: UploadState, created: Bool) {
        self.init(
            created: created, upload: upload, state: state.state, offset: state.offset,
            cause: state.cause, receipt: state.receipt)
    }
}

/// A body that is at hand.
struct OneBuffer: AsyncSequence, Sendable {
    let buffer: ByteBuffer

    init(_ buffer: ByteBuffer) { self.buffer = buffer }

    func makeAsyncIterator() -> Iterator { Iterator(buffer: buffer) }

    struct Iterator: AsyncIteratorProtocol {
        var buffer: ByteBuffer?

        mutating func next() async throws -> ByteBuffer? {
            defer { buffer = nil }
            return buffer
        }
    }
}
