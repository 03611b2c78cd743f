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
package import SelatStore
import SelatTransport
import Synchronization

// What the recipient answers: receipts, refusals, and faults in words for the one who asked.

extension Exchange {
    /// What a peer brings: an upload belongs to the peer that offered it last.
    func arrival(of upload: UploadID, _ peer: NodeID) async throws -> Arrival {
        let (inbound, relayed) = try store.lookUp {
            (
                try $0.inbound(upload.transfer, from: upload.from),
                try $0.relayed(upload.transfer, from: upload.from)
            )
        }
        let arrival = inbound.map(Arrival.inbound) ?? relayed.map(Arrival.relayed)
        guard let arrival, arrival.peer == peer else { throw Problem.unknownUpload(upload) }
        return arrival
    }

    func state(of arrival: Arrival) async throws -> UploadState {
        UploadState(
            offset: arrival.durable, length: arrival.size,
            complete: arrival.durable == arrival.size && !arrival.isReceiving,
            state: arrival.state, cause: arrival.relayCause,
            receipt: try await receipt(of: arrival))
    }

    /// What is answered of a receipt: the recipient's, once it is here; before that, a relay's own that it holds the
    /// whole.
    private func receipt(of arrival: Arrival) async throws -> JSON? {
        switch arrival {
        case .inbound(let row): try await receiptJSON(row.statement, row.statementEntry)
        case .relayed(let row): try await receipt(of: row)
        }
    }

    func receipt(of row: RelayedRow) async throws -> JSON? {
        if let receipt = row.receipt { return try JSON(parsing: receipt) }
        return try await receiptJSON(row.statement, row.statementEntry)
    }

    /// The receipt with its proof against a witnessed checkpoint if one holds it, else the newest;
    /// nil where nothing was stated, or the log is not proven yet.
    package func receipt(of row: InboundRow?) async throws -> [UInt8]? {
        try await receipt(row?.statement, row?.statementEntry)
    }

    /// What this node has stated of what it received since its outcome, as it travels, in the order of its log. What
    /// cannot be proven yet is left out.
    package func laterReceipts(of row: InboundRow) async throws -> [[UInt8]] {
        var receipts: [[UInt8]] = []
        let stated = try store.lookUp { try $0.stated(of: row.id, from: row.from) }
        // An arrival that a recall has ended is stated once, and stands in both.
        for one in stated where one.entry != row.statementEntry {
            if let receipt = try await receipt(one.statement, one.entry) {
                receipts.append(receipt)
            }
        }
        return receipts
    }

    func receipt(_ statement: [UInt8]?, _ sequence: UInt64?) async throws -> [UInt8]? {
        try await receiptJSON(statement, sequence)?.canonical
    }

    func receiptJSON(_ statement: [UInt8]?, _ sequence: UInt64?) async throws -> JSON? {
        guard let statement, let sequence else { return nil }
        let entry = try store.lookUp { try $0.entry(sequence) }
        guard let entry, let details = entry.details, let salt = entry.salt,
            let proof = try await witnesses.proof(of: sequence)
        else { return nil }
        return Receipt(
            statement: statement, entry: entry.entry, details: details, salt: salt,
            proof: proof
        ).json
    }

    func sign(
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
    /// - Parameter actor: who brought it. What a relay brings again and again counts against nobody else, and what
    ///   somebody brings by hand against no node.
    func refuse(
        _ refusal: Recipient.Refusal, _ detail: String, head: VerifiedHead?, by actor: EntryActor
    ) async throws -> Problem {
        guard membership.refusals.isEnteredSingly(by: actor) else {
            return ServiceProblem.refusal(refusal, detail)
        }
        var details: JSON.Object = [
            "cause": .string(refusal.rawValue),
            "detail": .string(String(detail.prefix(1_000))),
        ]
        details["from"] = head.map { JSON.string($0.core.from.text) }
        let draft = EntryDraft(
            kind: "offer.refused", transfer: head?.core.id, actor: actor,
            details: .object(details))
        _ = try await store.commit { try $0.append(draft) }
        logger.warning(
            "offer refused", metadata: ["by": "\(actor)", "cause": "\(refusal.rawValue)"])
        return ServiceProblem.refusal(refusal, detail)
    }

    /// A verdict by other editions than those of now, which a later attempt can mend.
    func refuse(
        _ stale: EditionRegister.Stale, _ head: VerifiedHead, by actor: EntryActor
    ) async throws -> Problem {
        let name = stale.name
        // Whoever stands before this node on the route has heard of the edition.
        if stale.isMissing, let previous = head.hop(at: identity.node)?.previous {
            Task { await catchUp(with: previous) }
        }
        var problem = try await refuse(.staleEdition, "\(stale)", head: head, by: actor)
        problem.extensions["name"] = .string(name)
        problem.extensions["pinned"] = stale.pinned.map { .string($0.text) }
        problem.extensions["active"] = stale.active.map { .string($0.text) }
        problem.remedy = "take the editions in force here (GET /v1/policies), and judge again"
        return problem
    }

    /// Approvals that the own policies ask for: the sender can still obtain them.
    func refuse(
        asking debts: [ApprovalDebt], _ head: VerifiedHead, by actor: EntryActor
    ) async throws -> Problem {
        var problem = try await refuse(
            .approvalOwed, "owed here: \(ApprovalDebt.list(debts))", head: head, by: actor)
        problem.extensions["owed"] = .array(debts.map(\.json))
        problem.remedy = "obtain these approvals, and make the next attempt with them"
        return problem
    }

    /// Counts one more refusal of a peer's in this minute.
    func isEnteredSingly(_ peer: NodeID) -> Bool {
        membership.refusals.isEnteredSingly(peer)
    }

    /// Signs and records a no that cannot change.
    /// - Throws: `Problem` where it may change: an import is judged by the clock, which may be wrong.
    func refuseFinally(
        _ head: VerifiedHead, _ refusal: Recipient.Refusal, _ reason: String, _ upload: UploadID,
        by actor: EntryActor
    ) async throws -> OfferAnswer {
        if refusal == .importRefused || refusal == .importIncomplete {
            await lookAtClock()
            try witnesses.requireEnding()
        }
        guard membership.refusals.isEnteredSingly(by: actor) else {
            throw ServiceProblem.tooManyRefusals
        }
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
            if let known = try transaction.inbound(new.id, from: new.from),
                try !self.isNew(known)
            {
                return known
            }
            var row = new
            // To prove it by. A row holds the same already, and a peer adds one only as it is entered singly.
            try transaction.keep(header: head.head.headerCMS, of: head.identity)
            row.statementEntry = try transaction.append(
                EntryDraft(
                    kind: "offer.refused", transfer: row.id, actor: actor,
                    details: [
                        "cause": .string(refusal.rawValue),
                        "detail": .string(String(reason.prefix(1_000))),
                        "from": .string(row.from.text),
                        "envelope": .string(head.identity.text),
                        Receipt.statementKey: .string(SHA256.digest(statement).text),
                    ]))
            try transaction.save(row)
            return row
        }.value
        return OfferAnswer(
            created: true, upload: upload, state: saved.state, offset: 0,
            receipt: try await receiptJSON(saved.statement, saved.statementEntry))
    }

    func onDisk<Value: Sendable>(
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
        case let error as CryptoError where error.isOfToken: ServiceProblem.token(error)
        case EnvelopeError.crypto(let error) where error.isOfToken: ServiceProblem.token(error)
        case let error as EnvelopeError: ServiceProblem.verificationFailed(error.description)
        case StoreError.diskFull(let path):
            ServiceProblem.disk(FileFault("writing", path, code: 28, reason: "no space left"))
        default: error
        }
    }
}
