import Glibc
import Logging
import NIOCore
import SelatAudit
package import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatFederation
import SelatHTTP
import SelatPolicy
package import SelatStore
package import SelatTransport
import Synchronization

// The recipient's road: verify the head, look inside, judge, record; take the payload in; record,
// sign, answer.

extension Exchange: EnvelopeService {
    package func offer(
        head bytes: [UInt8], payload: [UInt8]?, from peer: NodeID
    ) async throws -> OfferAnswer {
        let head = try await authentic(bytes, from: peer)
        let id = head.core.id
        let known = try await store.read { try $0.inbound(id, from: head.core.from) }
        let upload = UploadID(from: head.core.from, transfer: id)
        let answer = Recipient.answer(
            to: Recipient.Offer(head), peer: peer, at: place,
            known: try known.map { try Recipient($0) }, now: clock.now())
        switch answer {
        case .refuse(let refusal) where refusal.isFinal:
            return try await refuseFinally(head, refusal, "header of `\(id)`", upload)
        case .refuse(let refusal):
            throw try await refuse(refusal, "header of `\(id)`", head: head, peer: peer)
        case .repeated(let state):
            return OfferAnswer(
                created: false, upload: upload, state: state.rawValue,
                offset: known?.durable ?? 0, receipt: try await receipt(of: known))
        case .resume(let offset):
            return try await taken(upload, offset: offset, created: false, payload)
        case .consider:
            // Alone, or two offers of one new id would each begin its files.
            let considered = try await uploads.alone(upload) {
                try await self.consider(head, bytes, upload)
            }
            switch considered {
            case .known: return try await offer(head: bytes, payload: payload, from: peer)
            case .refused(let answer): return answer
            case .taken: return try await taken(upload, offset: 0, created: true, payload)
            }
        }
    }

    package func uploadState(_ upload: UploadID, from peer: NodeID) async throws -> UploadState {
        let row = try await row(of: upload, peer)
        return try await state(of: row)
    }

    package func append(
        _ upload: UploadID, from peer: NodeID, offset: UInt64, length: UInt64?, complete: Bool,
        body: UploadBody
    ) async throws -> UploadState {
        _ = try await row(of: upload, peer)
        return try await uploads.alone(upload) {
            try await self.take(
                upload, peer, offset: offset, length: length, complete: complete, body)
        }
    }

    // MARK: Offers

    private var place: Recipient.Place {
        Recipient.Place(
            node: identity.node, federation: federation.id,
            suites: federation.suites(at: clock.now()), membershipExpires: federation.expires)
    }

    /// The head, once its signature and its parts are verified.
    private func authentic(_ bytes: [UInt8], from peer: NodeID) async throws -> VerifiedHead {
        let now = clock.now()
        // A witness or a relay has a certificate too.
        guard try federation.node(peer, at: now).roles.contains(.exchange) else {
            throw try await refuse(
                .wrongSender, "`\(peer)` is to send nothing", head: nil, peer: peer)
        }
        do {
            return try EnvelopeHead(parsing: bytes).verify { name in
                // Direct exchange: the peer is the sender, so its record alone can name the signer.
                try self.federation.signer(name, node: peer, at: now)
            }
        } catch {
            throw try await refuse(.envelopeInvalid, "\(error)", head: nil, peer: peer)
        }
    }

    private enum Considered: Sendable {
        /// Another offer of the same id was faster.
        case known
        case refused(OfferAnswer)
        case taken
    }

    /// Looks inside a new envelope, judges it, and records that its payload may come.
    private func consider(
        _ head: VerifiedHead, _ bytes: [UInt8], _ upload: UploadID
    ) async throws -> Considered {
        let from = head.core.from
        let (row, begun) = try await store.read {
            (
                try $0.inbound(upload.transfer, from: from),
                try $0.inboundCount(from: from, state: Recipient.State.receiving.rawValue)
            )
        }
        guard row == nil else { return .known }
        guard begun < Limits.uploadsPerPeerMax else {
            throw try await refuse(
                .tooManyUploads, "\(begun) have not ended", head: head, peer: from)
        }
        let (contentKey, manifest) = try await opened(head)
        switch judge(head, manifest) {
        case .refused(let refusal, let reason) where refusal.isFinal:
            return .refused(try await refuseFinally(head, refusal, reason, upload))
        case .refused(let refusal, let reason):
            throw try await refuse(refusal, reason, head: head, peer: head.core.from)
        case .permitted(let retentionSeconds):
            try await record(head, bytes, contentKey, manifest, retentionSeconds)
            return .taken
        }
    }

    private func opened(
        _ head: VerifiedHead
    ) async throws -> (contentKey: ContentKey, manifest: Manifest) {
        let held = identity.agreement.first {
            EnvelopeCore.recipientKeys(agreement: $0.certificate) == head.core.toKeys
        }
        do {
            guard let held else { throw EnvelopeError.wrongRecipient(to: head.core.to) }
            return try head.open(certificate: held.certificate, key: held.key)
        } catch {
            throw try await refuse(.envelopeInvalid, "\(error)", head: head, peer: head.core.from)
        }
    }

    private enum Judgement {
        case permitted(retentionSeconds: UInt64?)
        case refused(Recipient.Refusal, String)
    }

    /// Both ends judge (PROTOCOL, *Verdicts at both ends*): the sender's verdict is made again from
    /// what it pins, and the import is judged by this node's own editions and clock.
    private func judge(_ head: VerifiedHead, _ manifest: Manifest) -> Judgement {
        let now = clock.now()
        do {
            let verdict = try policies.verify(record: manifest.verdictRecord)
            if let refusal = misfit(verdict, head, manifest, now) { return refusal }
            // No officer's approval can be verified here yet, so one that is owed is not there.
            guard let permit = try policies.decide(verdict.question).permit,
                permit.outstanding([]).isEmpty
            else { return .refused(.verdictDiffers, "the verdict permits no release as it is") }
            var question = verdict.question
            question.decided = now
            return judged(try policies.decideImport(question), verdict)
        } catch let mismatch as VerdictMismatch {
            guard case .staleEdition = mismatch else {
                return .refused(.verdictDiffers, "\(mismatch)")
            }
            return .refused(.staleEdition, "\(mismatch)")
        } catch {
            return .refused(.verdictDiffers, "\(error)")
        }
    }

    private func judged(_ own: Verdict, _ sent: Verdict) -> Judgement {
        switch own.outcome {
        case .permitted: owed(sent.obligations + own.obligations, sent, own)
        case .refused: .refused(.importRefused, own.reason)
        case .incomplete:
            .refused(
                .importIncomplete, "facts are missing: \(own.missing.joined(separator: ", "))")
        }
    }

    /// Whether this node can keep what both verdicts ask for.
    private func owed(
        _ obligations: [Obligation], _ sent: Verdict, _ own: Verdict
    ) -> Judgement {
        for least in [sent.suiteAtLeast, own.suiteAtLeast] where !Suite.p256.satisfies(least) {
            return .refused(.suiteTooWeak, "suite \(least.rawValue) or better is owed")
        }
        let isApprovalOwed = own.obligations.contains { obligation in
            if case .approval = obligation.demand { true } else { false }
        }
        if isApprovalOwed { return .refused(.importIncomplete, "an approval is owed here") }
        return .permitted(retentionSeconds: Self.retention(obligations))
    }

    /// What of a verdict contradicts the envelope that carries it.
    private func misfit(
        _ verdict: Verdict, _ head: VerifiedHead, _ manifest: Manifest, _ now: Timestamp
    ) -> Judgement? {
        let question = verdict.question
        guard head.header.membershipSerial == federation.serial,
            head.header.membershipDigest == federation.listDigest
        else {
            return .refused(.staleMembership, "the list in force here is \(federation.serial)")
        }
        guard question.source == head.core.from, question.destination == head.core.to,
            question.label == head.core.label, question.relays.isEmpty,
            head.header.route == [head.core.from, head.core.to],
            question.membershipSerial == head.header.membershipSerial,
            question.sectors == federation.sectors, verdict.facts == manifest.facts
        else { return .refused(.verdictDiffers, "the verdict is about another transfer") }
        // What an officer attested cannot be verified here yet, so it opens nothing.
        guard question.documents.isEmpty, !question.isEmergency else {
            return .refused(.verdictDiffers, "it rests on what no officer's signature shows here")
        }
        if question.decided - now > Limits.clockSkewSecondsMax {
            return .refused(.datedAhead, "the verdict is of \(question.decided), it is \(now) here")
        }
        if head.signingTime - question.decided > Limits.verdictAgeSecondsMax {
            return .refused(.verdictTooOld, "the verdict is of \(question.decided)")
        }
        return nil
    }

    private static func retention(_ obligations: [Obligation]) -> UInt64? {
        obligations.compactMap { obligation in
            if case .retention(let seconds, _) = obligation.demand { seconds } else { nil }
        }.min()
    }

    private func record(
        _ head: VerifiedHead, _ bytes: [UInt8], _ contentKey: ContentKey, _ manifest: Manifest,
        _ retentionSeconds: UInt64?
    ) async throws {
        let core = head.core
        let name = SpoolFolder.Name(inbound: core.id, from: core.from)
        var row = InboundRow(
            from: core.from, id: core.id, received: clock.now(), expires: core.expires,
            state: Recipient.State.receiving.rawValue, payloadSize: head.header.payload.size,
            fixedParts: head.fixedParts, header: head.header.json.canonical)
        row.contentKey = try storageKey.wrap(
            contentKey.secret, for: .inbound(core.id, from: core.from))
        if let retentionSeconds { row.destroyBy = clock.now() + Int64(clamping: retentionSeconds) }
        let new = row
        do {
            await spool.remove(name)
            try await spool.makePayload(of: name, size: row.payloadSize)
            try await spool.write(bytes, to: name, .head)
        } catch {
            await spool.remove(name)
            throw Self.problem(of: error)
        }
        let details: JSON = [
            "envelope": .string(head.identity.text), "size": .integer(row.payloadSize),
            "verdict": .string(SHA256.digest(manifest.verdictRecord).text),
        ]
        _ = try await store.commit { transaction in
            guard try transaction.inbound(core.id, from: core.from) == nil else { return }
            try transaction.save(new)
            try transaction.append(
                EntryDraft(
                    kind: "transfer.received", transfer: core.id, actor: .node(core.from),
                    details: details))
        }
    }

    /// The answer to an offer whose payload may come, or has come with it.
    private func taken(
        _ upload: UploadID, offset: UInt64, created: Bool, _ payload: [UInt8]?
    ) async throws -> OfferAnswer {
        guard let payload else {
            return OfferAnswer(
                created: created, upload: upload, state: Recipient.State.receiving.rawValue,
                offset: offset, receipt: nil)
        }
        let body = UploadBody(
            OneBuffer(ByteBuffer(bytes: payload.dropFirst(Int(clamping: offset)))))
        let state = try await uploads.alone(upload) {
            try await self.take(
                upload, upload.from, offset: offset, length: nil, complete: true, body)
        }
        return OfferAnswer(
            created: created, upload: upload, state: state.state, offset: state.offset,
            receipt: state.receipt)
    }

    // MARK: Payload

    /// Bytes between two commits of how far the payload is durable.
    private static let progressBytes: UInt64 = 64 << 20

    private func take(
        _ upload: UploadID, _ peer: NodeID, offset: UInt64, length: UInt64?, complete: Bool,
        _ body: UploadBody
    ) async throws -> UploadState {
        let row = try await row(of: upload, peer)
        guard row.state == Recipient.State.receiving.rawValue else {
            return try await state(of: row)
        }
        if let length, length != row.payloadSize {
            throw Problem.inconsistentLength(stated: length, expected: row.payloadSize)
        }
        guard offset == row.durable else {
            throw Problem.mismatchingOffset(expected: row.durable, provided: offset)
        }
        let head = try await head(of: row)
        let intake = try PayloadIntake(
            of: head, into: try await payloadFile(of: row), resumingAt: offset)
        do {
            try await pump(body, into: intake, row)
            if complete { try await intake.finish() }
        } catch {
            await keepProgress(of: intake, row)
            throw try await refused(error, head, peer)
        }
        if complete { return try await self.complete(row, head) }
        try await save(durable: try await intake.sync(), row)
        return try await state(of: try await self.row(of: upload, peer))
    }

    /// The payload's file, to go on where it is durable. What a crash took is begun again.
    private func payloadFile(of row: InboundRow) async throws -> SpoolFile {
        let name = SpoolFolder.Name(inbound: row.id, from: row.from)
        let (path, offset) = (spool.path(of: name, .payload), row.durable)
        do {
            return try await spool.onDisk { () throws(FileFault) in
                try SpoolFile(resuming: path, at: offset)
            }
        } catch  where [ENOENT, ENODATA].contains(error.code) {
            logger.error("payload lost", metadata: ["id": "\(row.id)", "error": "\(error)"])
        } catch {
            throw ServiceProblem.disk(error)
        }
        try await save(.payloadLost, row)
        do {
            try await spool.makePayload(of: name, size: row.payloadSize)
            // Makes the folder durable too.
            try await spool.write(try await spool.read(name, .head), to: name, .head)
        } catch {
            throw ServiceProblem.disk(error)
        }
        guard offset == 0 else { throw Problem.mismatchingOffset(expected: 0, provided: offset) }
        return try await onDisk { () throws(FileFault) in try SpoolFile(resuming: path, at: 0) }
    }

    /// Bytes that are not those of the header are entered; a link that broke is not.
    private func refused(
        _ error: any Error, _ head: VerifiedHead, _ peer: NodeID
    ) async throws -> any Error {
        switch error {
        case EnvelopeError.segmentDiffers, EnvelopeError.sizeDiffers:
            try await refuse(.payloadInvalid, "\(error)", head: head, peer: peer)
        default: Self.problem(of: error)
        }
    }

    private func pump(
        _ body: UploadBody, into intake: PayloadIntake, _ row: InboundRow
    ) async throws {
        var unsaved: UInt64 = 0
        for try await piece in body {
            try await intake.append(piece.readableBytesView)
            unsaved += UInt64(piece.readableBytes)
            if unsaved >= Self.progressBytes {
                try await save(durable: try await intake.sync(), row)
                unsaved = 0
            }
        }
    }

    /// After a break: what is whole and checked stays, and the next upload goes on there.
    private func keepProgress(of intake: PayloadIntake, _ row: InboundRow) async {
        do {
            try await save(durable: try await intake.sync(), row)
        } catch {
            // Then the upload goes on at what was saved before.
            logger.debug("progress not kept", metadata: ["id": "\(row.id)", "error": "\(error)"])
        }
    }

    private func save(durable: UInt64, _ row: InboundRow) async throws {
        try await save(.durable(durable), row)
    }

    private func save(_ event: Recipient.Event, _ row: InboundRow) async throws {
        let now = clock.now()
        _ = try await store.commit { transaction in
            guard var row = try transaction.inbound(row.id, from: row.from) else { return }
            var recipient = try Recipient(row)
            guard recipient.handle(event, at: now) == [.save] else { return }
            row.durable = recipient.durable
            try transaction.save(row)
        }
    }

    /// The whole payload is durable and checked: signs, records, and puts it into the inbox.
    private func complete(_ row: InboundRow, _ head: VerifiedHead) async throws -> UploadState {
        let now = clock.now()
        let statement = try sign(.delivered, head, reason: nil, at: now)
        let after = try await store.commit { transaction -> InboundRow? in
            guard var row = try transaction.inbound(row.id, from: row.from) else { return nil }
            var recipient = try Recipient(row)
            let actions = recipient.handle(.complete, at: now)
            // It came too late: nothing of it stays.
            if actions.contains(.destroy) { row.contentKey = nil }
            for action in actions {
                guard case .record(let kind, let signed) = action else { continue }
                var details: [String: JSON] = ["envelope": .string(head.identity.text)]
                if signed != nil {
                    details[Receipt.statementKey] = .string(SHA256.digest(statement).text)
                    row.statement = statement
                }
                let sequence = try transaction.append(
                    EntryDraft(
                        kind: try EntryKind(kind), transfer: row.id, actor: .node(row.from),
                        details: .object(details)))
                if signed != nil { row.statementEntry = sequence }
            }
            row.take(recipient)
            try transaction.save(row)
            return row
        }.value
        guard let after else { throw ServiceProblem.unknownTransfer(row.id) }
        if after.state == Recipient.State.lapsed.rawValue {
            await spool.remove(SpoolFolder.Name(inbound: row.id, from: row.from))
        }
        logger.info(
            "transfer arrived",
            metadata: ["id": "\(row.id)", "from": "\(row.from)", "state": "\(after.state)"])
        return try await state(of: after)
    }

    // MARK: Answers

    private func row(of upload: UploadID, _ peer: NodeID) async throws -> InboundRow {
        let row = try await store.read { try $0.inbound(upload.transfer, from: upload.from) }
        guard let row, upload.from == peer else { throw Problem.unknownUpload(upload) }
        return row
    }

    private func state(of row: InboundRow) async throws -> UploadState {
        UploadState(
            offset: row.durable, length: row.payloadSize,
            complete: row.durable == row.payloadSize
                && row.state != Recipient.State.receiving.rawValue,
            state: row.state, receipt: try await receipt(of: row))
    }

    /// The receipt with its proof against the newest checkpoint; nil where nothing was stated.
    package func receipt(of row: InboundRow?) async throws -> [UInt8]? {
        guard let row, let statement = row.statement, let sequence = row.statementEntry else {
            return nil
        }
        let entry = try await store.read { try $0.entry(sequence) }
        guard let entry, let details = entry.details, let salt = entry.salt else { return nil }
        return Receipt(
            statement: statement, entry: entry.entry, details: details, salt: salt,
            proof: try await store.proof(of: sequence)
        ).json.canonical
    }

    private func sign(
        _ kind: ReceiptKind, _ head: VerifiedHead, reason: String?, at now: Timestamp
    ) throws -> [UInt8] {
        let statement = ReceiptStatement(
            federation: federation.id, kind: kind, from: head.core.from, id: head.core.id,
            envelope: head.identity, attempt: head.header.attempt, signer: identity.node, time: now,
            reason: reason)
        return try CMS.sign(
            content: statement.json.canonical, type: .receipt, signer: identity.signer, at: now)
    }

    /// Enters a refusal that the sender can mend, or that tells nothing about the transfer.
    private func refuse(
        _ refusal: Recipient.Refusal, _ detail: String, head: VerifiedHead?, peer: NodeID
    ) async throws -> Problem {
        guard isEnteredSingly(peer) else { return ServiceProblem.refusal(refusal, detail) }
        _ = try await store.commit { transaction in
            try transaction.append(
                EntryDraft(
                    kind: "offer.refused", transfer: head?.core.id, actor: .node(peer),
                    details: [
                        "cause": .string(refusal.rawValue),
                        "detail": .string(String(detail.prefix(1_000))),
                    ]))
        }
        logger.warning(
            "offer refused", metadata: ["peer": "\(peer)", "cause": "\(refusal.rawValue)"])
        return ServiceProblem.refusal(refusal, detail)
    }

    /// Counts one more refusal of a peer's in this minute.
    private func isEnteredSingly(_ peer: NodeID) -> Bool {
        refusals.withLock { counts in
            counts[peer, default: 0] += 1
            return counts[peer, default: 0] <= Limits.refusalsPerMinuteMax
        }
    }

    /// Signs and records a no that cannot change.
    private func refuseFinally(
        _ head: VerifiedHead, _ refusal: Recipient.Refusal, _ reason: String, _ upload: UploadID
    ) async throws -> OfferAnswer {
        guard isEnteredSingly(head.core.from) else { throw ServiceProblem.tooManyRefusals }
        let now = clock.now()
        let words = "\(refusal.rawValue): \(reason)"
        let statement = try sign(.refused, head, reason: words, at: now)
        var row = InboundRow(
            from: head.core.from, id: head.core.id, received: now, expires: head.core.expires,
            state: Recipient.State.refused.rawValue, payloadSize: head.header.payload.size,
            fixedParts: head.fixedParts, header: head.header.json.canonical)
        row.cause = words
        row.statement = statement
        let new = row
        let saved = try await store.commit { transaction in
            if let known = try transaction.inbound(new.id, from: new.from) { return known }
            var row = new
            row.statementEntry = try transaction.append(
                EntryDraft(
                    kind: "offer.refused", transfer: row.id, actor: .node(row.from),
                    details: [
                        "cause": .string(refusal.rawValue),
                        "detail": .string(String(reason.prefix(1_000))),
                        Receipt.statementKey: .string(SHA256.digest(statement).text),
                    ]))
            try transaction.save(row)
            return row
        }.value
        return OfferAnswer(
            created: true, upload: upload, state: saved.state, offset: 0,
            receipt: try await receipt(of: saved))
    }

    private func onDisk<Value: Sendable>(
        _ work: @escaping @Sendable () throws(FileFault) -> Value
    ) async throws -> Value {
        do {
            return try await spool.onDisk(work)
        } catch {
            throw ServiceProblem.disk(error)
        }
    }

    /// What an error of the parts means to the one who asked.
    static func problem(of error: any Error) -> any Error {
        switch error {
        case let fault as FileFault: ServiceProblem.disk(fault)
        case EnvelopeError.file(let fault): ServiceProblem.disk(fault)
        case let error as EnvelopeError: ServiceProblem.verificationFailed(error.description)
        case StoreError.diskFull(let path):
            ServiceProblem.disk(FileFault("writing", path, code: 28, reason: "no space left"))
        default: error
        }
    }

    // MARK: Time

    /// Ends what has lapsed, and destroys what a retention duty no longer lets lie here.
    func endOverdue() async throws {
        let now = clock.now()
        let due = try await store.read {
            try $0.inboundDue(
                open: Recipient.State.receiving.rawValue,
                kept: [Recipient.State.delivered, .opened].map(\.rawValue), at: now)
        }
        for row in due { try await end(row, .tick, at: now) }
    }

    /// Performs a step that ends a transfer here: the key first, then the files. An upload that still
    /// runs is fenced off.
    func end(_ row: InboundRow, _ event: Recipient.Event, at now: Timestamp) async throws {
        let upload = UploadID(from: row.from, transfer: row.id)
        try await uploads.alone(upload) {
            let ended = try await self.store.commit { transaction -> Bool in
                guard var row = try transaction.inbound(row.id, from: row.from) else {
                    return false
                }
                var recipient = try Recipient(row)
                let actions = recipient.handle(event, at: now)
                guard actions.contains(.destroy) else { return false }
                for case .record(let kind, _) in actions {
                    try transaction.append(
                        EntryDraft(kind: try EntryKind(kind), transfer: row.id, details: [:]))
                }
                row.take(recipient)
                row.contentKey = nil
                try transaction.save(row)
                return true
            }.value
            guard ended else { return }
            await self.spool.remove(SpoolFolder.Name(inbound: row.id, from: row.from))
        }
    }
}

extension Recipient {
    /// The machine as a row keeps it.
    init(_ row: InboundRow) throws {
        guard let state = State(rawValue: row.state) else {
            throw CoreError.malformed("state", row.state, expected: "a state of a recipient")
        }
        self.init(
            state: state, expires: row.expires, payloadSize: row.payloadSize,
            fixedParts: row.fixedParts, durable: row.durable, destroyBy: row.destroyBy)
    }
}

extension InboundRow {
    /// Takes over what is durable of the machine.
    mutating func take(_ recipient: Recipient) {
        state = recipient.state.rawValue
        durable = recipient.durable
    }
}

extension Recipient.Offer {
    init(_ head: VerifiedHead) {
        self.init(
            from: head.core.from, to: head.core.to, federation: head.core.federation,
            suite: head.core.suite, created: head.core.created, expires: head.core.expires,
            payloadSize: head.header.payload.size, fixedParts: head.fixedParts)
    }
}

extension VerifiedHead {
    /// Digest over what never changes between attempts: core, keys, leaves, root and size.
    var fixedParts: Digest {
        SHA256.digest(
            core.digest.bytes + header.parts.keysCMS.bytes + header.parts.keysMLKEM.bytes
                + header.parts.leaves.bytes + header.payload.root.bytes
                + withUnsafeBytes(of: header.payload.size.bigEndian) { Array($0) })
    }
}

extension Verdict {
    /// Which rules of which files refuse, in one line.
    package var reason: String {
        let rules = judgements.filter { $0.outcome == .refused }.map { judgement in
            let names = judgement.clauses.map(\.rule).joined(separator: ", ")
            return names.isEmpty
                ? "\(judgement.jurisdiction): no ground" : "\(judgement.jurisdiction): \(names)"
        }
        return rules.joined(separator: "; ")
    }
}

/// A body that is at hand.
private struct OneBuffer: AsyncSequence, Sendable {
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
