import Logging
import SelatAudit
package import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatPolicy
package import SelatStore
import SelatTransport

// Recall at its two ends (`Exchange.md`, *Recall*): the sender's officer asks, by an own signature that
// travels; the recipient makes the dataset unopenable at once.

extension Exchange {
    /// What became of an officer's word on a recall.
    package struct TakenRecall: Sendable {
        package let row: RecallRow
        /// The transfer's state now.
        package let state: String
    }

    /// Takes a recall that an officer has signed, or an officer's answer to one: at the sender, or at the
    /// recipient where it was carried there by hand.
    /// - Throws: `Problem` for a word that is not good, or about no transfer that this node sent or received.
    package func take(
        recallWord message: [UInt8], by user: UInt32
    ) async throws -> TakenRecall {
        let now = clock.now()
        do {
            if (try? CMS.unverifiedContent(message, type: .recallAnswer)) != nil {
                let verified = try federation.verifyRecallAnswer(message, at: now)
                try verified.statement.requirePlainText()
                return try await obey(verified, by: user)
            }
            let verified = try federation.verifyRecall(message, at: now)
            try verified.statement.requirePlainText()
            if verified.statement.to == identity.node {
                return try await obey(verified, by: user)
            }
            return try await give(verified, by: user)
        } catch let error as FederationError {
            throw ServiceProblem.badRecall("\(error)")
        }
    }

    /// The recall of a transfer, if there is one.
    package func recall(of id: TransferID, from: NodeID) async throws -> RecallRow? {
        try await store.read { try $0.recall(of: id, from: from) }
    }

    // MARK: The sender

    /// Enters the recall of an own transfer: what has not left whole is taken back, else the recipient
    /// is asked.
    private func give(_ recall: VerifiedRecall, by user: UInt32) async throws -> TakenRecall {
        let statement = recall.statement
        let id = statement.id
        guard statement.from == identity.node else {
            throw ServiceProblem.badRecall(
                "it is about a transfer from `\(statement.from)` to `\(statement.to)`")
        }
        guard let known = try await store.read({ try $0.outbound(id) }) else {
            throw ServiceProblem.unknownTransfer(id)
        }
        guard known.to == statement.to else {
            throw ServiceProblem.badRecall("`\(id)` went to `\(known.to)`, not `\(statement.to)`")
        }
        let former = try await vainRecall(of: statement)
        let word = await cancellation(of: id, recall.words, at: clock.now())
        let isGone = try await story(of: known).contains { $0.statement.kind == .destroyed }
        let now = clock.now()
        let (row, isCancelled) = try await store.commit { transaction -> (RecallRow, Bool) in
            if let before = try transaction.recall(of: id, from: statement.from),
                before.digest != former
            {
                guard recall.isSame(as: before) else {
                    throw ServiceProblem.alreadyRecalled(id, before.officer)
                }
                return (before, false)
            }
            guard let row = try transaction.outbound(id), !isGone else {
                throw ServiceProblem.notReady(
                    "`\(id)` is destroyed at its recipient already",
                    remedy: "see `selat show \(id)`")
            }
            let cancelled = try self.takeBack(
                row, because: recall.words, word, by: user, at: now, in: transaction)
            guard cancelled != nil || row.isRecallable else {
                throw ServiceProblem.notReady(
                    "`\(id)` is \(row.state): its recipient holds nothing of it",
                    remedy: "see `selat show \(id)`")
            }
            let kept = RecallRow(recall, at: now)
            try transaction.save(kept)
            try transaction.append(recall.draft("recall.given", by: .user(user)))
            if cancelled == nil { try transaction.post(recall, at: now) }
            return (kept, cancelled != nil)
        }.value
        if isCancelled {
            await endTakenBack(id, as: .cancelled, word)
        } else {
            // Whoever pursues it sends nothing more.
            await pursuits.wake(.outbound(id))
            // Its letter may be an old one by now, that waits for who is away.
            await peers.forgive()
        }
        accepted.yield(.letters(to: statement.to))
        let state = try await store.read { try $0.outbound(id) }?.state ?? known.state
        return TakenRecall(row: row, state: state)
    }

    /// The recall of a transfer whose place another may take: its signature counts no more, as once its officer's
    /// certificate has left the record, and its recipient, who would refuse it now, has stated nothing since.
    /// - Returns: its digest; nil where there is none, or it stands.
    func vainRecall(of asked: RecallStatement) async throws -> Digest? {
        guard let known = try await recall(of: asked.id, from: asked.from),
            (try? federation.verifyRecall(known.message, at: clock.now())) == nil,
            try await !isRecallAnswered(asked.id, from: asked.from, by: asked.to)
        else { return nil }
        return known.digest
    }

    // MARK: The recipient

    /// Obeys a recall that somebody carried here.
    private func obey(_ recall: VerifiedRecall, by user: UInt32) async throws -> TakenRecall {
        let (id, from) = (recall.statement.id, recall.statement.from)
        try await obey(recall, by: .user(user))
        let (row, kept) = try await store.read {
            (try $0.inbound(id, from: from), try $0.recall(of: id, from: from))
        }
        guard let row, let kept else { throw ServiceProblem.unknownTransfer(id) }
        return TakenRecall(row: kept, state: row.state)
    }

    /// Makes a dataset that lies here unopenable, or ends its arrival.
    /// - Parameter actor: who brings the recall.
    func obey(_ recall: VerifiedRecall, by actor: EntryActor) async throws {
        let statement = recall.statement
        let (id, from) = (statement.id, statement.from)
        guard try await store.read({ try $0.inbound(id, from: from) }) != nil else {
            throw ServiceProblem.unknownTransfer(id)
        }
        let upload = UploadID(from: from, transfer: id)
        // What arrives is fenced off.
        let isDone = try await uploads.alone(upload) {
            let step = try await self.untilSettled(upload) {
                try await self.obeyOnce(recall, by: actor)
            } unless: {
                $0.isNothing
            }
            guard case .done(let hasFiles, _) = step else { return false }
            if !hasFiles { await self.spool.remove(SpoolFolder.Name(inbound: id, from: from)) }
            return true
        }
        guard isDone else { return }
        logger.warning(
            "dataset recalled", metadata: ["id": "\(id)", "by": "\(recall.officer.id)"])
        accepted.yield(.letters(to: from))
    }

    private enum RecallStep: Sendable {
        /// - Parameter isWithdrawn: whether it is not handed out any more.
        case done(hasFiles: Bool, isWithdrawn: Bool)
        /// This very recall was taken before.
        case repeated

        var isNothing: Bool {
            if case .done(_, let isWithdrawn) = self { !isWithdrawn } else { true }
        }
    }

    /// - Returns: nil where there is news about the transfer, of which the signed statement does not tell.
    private func obeyOnce(
        _ recall: VerifiedRecall, by actor: EntryActor
    ) async throws -> RecallStep? {
        let asked = recall.statement
        let now = clock.now()
        guard let row = try await store.read({ try $0.inbound(asked.id, from: asked.from) }) else {
            throw ServiceProblem.unknownTransfer(asked.id)
        }
        var machine = try Recipient(row)
        let actions = machine.handle(.recall, at: self.moment(at: now))
        let hold = now + Limits.recallHoldSeconds
        let isHeld = !actions.isEmpty && machine.state == .recalled
        let isOrdered = isHeld ? try await isDestructionOrdered(row) : false
        let statement = try await statement(
            for: actions, on: row, recall.words, Recall(digest: recall.digest, holdUntil: hold),
            at: now)
        let upload = UploadID(from: asked.from, transfer: asked.id)
        return try await withdrawing(upload) {
            try await enter(recall, by: actor, actions, statement, hold, isOrdered, at: now)
        } unless: { step in
            step?.isNothing ?? true
        }
    }

    /// - Parameters:
    ///   - actions: what the machine says of the row that was read.
    ///   - statement: what is stated of it; nil where it is over.
    ///   - hold: when it may be destroyed at the earliest.
    private func enter(
        _ recall: VerifiedRecall, by actor: EntryActor, _ actions: [Recipient.Action],
        _ statement: Statement?, _ hold: Timestamp, _ isOrdered: Bool, at now: Timestamp
    ) async throws -> RecallStep? {
        let asked = recall.statement
        return try await store.commit { transaction -> RecallStep? in
            if let known = try transaction.recall(of: asked.id, from: asked.from) {
                guard recall.isSame(as: known) else {
                    throw ServiceProblem.alreadyRecalled(asked.id, known.officer)
                }
                return .repeated
            }
            guard var row = try transaction.inbound(asked.id, from: asked.from) else {
                return nil
            }
            var recipient = try Recipient(row)
            guard recipient.handle(.recall, at: self.moment(at: now)) == actions else { return nil }
            if let statement, try transaction.lastEntry(of: asked.id) != statement.newest {
                return nil
            }
            var kept = RecallRow(recall, at: now)
            let isHeld = statement != nil && recipient.state == .recalled
            if isHeld { kept.holdUntil = hold }
            (kept.isOrdered, kept.before) = (isOrdered, row.state)
            try transaction.save(kept)
            var details = (statement?.details ?? [:]).merging(recall.details) { $1 }
            if isHeld { details["ordered"] = .bool(isOrdered) }
            let kind = actions.isEmpty ? "recall.taken" : "transfer.recalled"
            let entry = try transaction.append(
                EntryDraft(
                    kind: try EntryKind(kind), transfer: asked.id, actor: actor,
                    details: .object(details)))
            guard let statement else {
                return .done(hasFiles: recipient.state.keepsFiles, isWithdrawn: false)
            }
            row.take(recipient)
            try transaction.record(statement, on: row, as: entry, at: now)
            if !isHeld {
                // It never came whole: that is the transfer's outcome, and whoever sent it may ask no more.
                (row.statement, row.statementEntry) = (statement.message, entry)
                (row.contentKey, row.cause) = (nil, recall.words)
            }
            try transaction.save(row)
            return .done(hasFiles: recipient.state.keepsFiles, isWithdrawn: true)
        }.value
    }

    /// Whether a retention duty of either verdict has the dataset destroyed anyway, so that ending it
    /// earlier needs no officer's word.
    private func isDestructionOrdered(_ row: InboundRow) async throws -> Bool {
        if row.destroyBy != nil { return true }
        let manifest: Manifest
        do { manifest = try await self.manifest(of: row) } catch let problem as Problem {
            // What cannot be read is closed all the same, and destroyed on an officer's word.
            logger.warning(
                "duties of a recalled dataset are not known",
                metadata: ["id": "\(row.id)", "cause": "\(problem)"])
            return false
        }
        let verdict = try Verdict(record: manifest.verdictRecord)
        let own = try await ownVerdict(of: row, verdict)
        return (verdict.obligations + own.obligations).contains {
            if case .retention = $0.demand { true } else { false }
        }
    }

    // MARK: The recipient's officer

    /// Acts on what an own officer says about a recall.
    private func obey(
        _ answer: VerifiedRecallAnswer, by user: UInt32
    ) async throws -> TakenRecall {
        let word = answer.statement
        guard word.to == identity.node else {
            throw ServiceProblem.badRecall("it is about a dataset at `\(word.to)`")
        }
        let found = try await store.read {
            (
                try $0.inbound(word.id, from: word.from),
                try $0.recall(of: word.id, from: word.from)
            )
        }
        guard let row = found.0 else { throw ServiceProblem.unknownTransfer(word.id) }
        guard let recall = found.1 else {
            throw ServiceProblem.notReady(
                "nobody has recalled `\(word.id)`", remedy: "see `selat recall list`")
        }
        guard recall.digest == word.recall else {
            throw ServiceProblem.badRecall("it answers another recall than that of `\(word.id)`")
        }
        switch word.decision {
        case .refuse: return try await retain(row, recall, answer, by: user)
        case .destroy: return try await agree(row, recall, answer, by: user)
        }
    }

    private func retain(
        _ row: InboundRow, _ recall: RecallRow, _ answer: VerifiedRecallAnswer, by user: UInt32
    ) async throws -> TakenRecall {
        let now = clock.now()
        let event = Recipient.Event.retain(
            wasOpened: recall.before == Recipient.State.opened.rawValue)
        let statement = try await statement(
            .retained, on: row, reason: "\(answer.officer.id): \(answer.statement.ground ?? "")",
            recall: Recall(digest: recall.digest, holdUntil: nil), at: now)
        let taken = try await store.commit { transaction -> TakenRecall in
            let kept = try self.answered(answer, in: transaction)
            guard var row = try transaction.inbound(row.id, from: row.from) else {
                throw ServiceProblem.unknownTransfer(row.id)
            }
            var recipient = try Recipient(row)
            for case .record(let kind, _) in recipient.handle(event, at: self.moment(at: now)) {
                let entry = try transaction.append(
                    EntryDraft(
                        kind: try EntryKind(kind), transfer: row.id, actor: .user(user),
                        details: .object(statement.details.merging(answer.details) { $1 })))
                try transaction.record(statement, on: row, as: entry, at: now)
            }
            row.take(recipient)
            try transaction.save(row)
            return TakenRecall(row: kept, state: row.state)
        }.value
        restore(UploadID(from: row.from, transfer: row.id))
        accepted.yield(.letters(to: row.from))
        return taken
    }

    private func agree(
        _ row: InboundRow, _ recall: RecallRow, _ answer: VerifiedRecallAnswer, by user: UInt32
    ) async throws -> TakenRecall {
        let agreed = try await store.commit { transaction -> RecallRow in
            let agreed = try self.answered(answer, in: transaction)
            try transaction.append(
                EntryDraft(
                    kind: "recall.agreed", transfer: row.id, actor: .user(user),
                    details: .object(answer.details)))
            return agreed
        }.value
        let now = clock.now()
        // The word is about this one: others end where the clock can be believed.
        if let hold = agreed.holdUntil, hold <= now { await endRecalled(agreed, at: now) }
        let state = try await store.read { try $0.inbound(row.id, from: row.from) }?.state
        return TakenRecall(row: agreed, state: state ?? row.state)
    }

    /// Keeps an answer, of which there is one.
    private func answered(
        _ answer: VerifiedRecallAnswer, in transaction: Transaction
    ) throws -> RecallRow {
        let word = answer.statement
        guard let row = try transaction.inbound(word.id, from: word.from),
            var recall = try transaction.recall(of: word.id, from: word.from)
        else { throw ServiceProblem.unknownTransfer(word.id) }
        guard row.state == Recipient.State.recalled.rawValue, recall.answer == nil else {
            throw ServiceProblem.notReady(
                recall.decision.map { "the recall of `\(word.id)` is answered: \($0)" }
                    ?? "`\(word.id)` is \(row.state)", remedy: "see `selat show \(word.id)`")
        }
        (recall.answer, recall.decision) = (answer.message, word.decision.rawValue)
        try transaction.save(recall)
        return recall
    }

    /// Destroys what was recalled, once the hold is over and duties or an own officer order it.
    func endRecalled(at now: Timestamp) async throws {
        let due = try await store.read {
            try $0.recallsDue(
                state: Recipient.State.recalled.rawValue,
                agreed: RecallAnswer.Decision.destroy.rawValue, at: now)
        }
        for recall in due { await endRecalled(recall, at: now) }
    }

    private func endRecalled(_ recall: RecallRow, at now: Timestamp) async {
        await kept {
            guard
                let row = try await self.store.read({
                    try $0.inbound(recall.id, from: recall.from)
                })
            else { return }
            try await self.end(
                row, .destroy, because: "recall: \(recall.officer): \(recall.reason)", at: now)
        }
    }
}

extension VerifiedRecall {
    /// Who asked and why, in one line.
    var words: String { "recalled: \(officer.id): \(statement.reason)" }

    /// Whether the row holds this recall: the same content by the same officer. The messages may differ: an ECDSA
    /// signature has a second form (n − s), which whoever passes it on can make of it.
    func isSame(as row: RecallRow) -> Bool {
        if row.digest == digest { return true }
        guard row.officer == officer.id.text,
            let held = try? CMS.unverifiedContent(row.message, type: .recall),
            let own = try? CMS.unverifiedContent(message, type: .recall)
        else { return false }
        return held == own
    }

    /// What entries hold of it.
    var details: JSON.Object {
        [
            "recall": .string(digest.text), "officer": .string(officer.id.text),
            "asked": statement.json,
        ]
    }

    func draft(_ kind: EntryKind, by actor: EntryActor) -> EntryDraft {
        EntryDraft(kind: kind, transfer: statement.id, actor: actor, details: .object(details))
    }
}

extension VerifiedRecallAnswer {
    var details: JSON.Object {
        [
            "recall": .string(statement.recall.text), "answer": .string(digest.text),
            "officer": .string(officer.id.text), "answered": statement.json,
        ]
    }
}

extension RecallRow {
    init(_ recall: VerifiedRecall, at now: Timestamp) {
        self.init(
            from: recall.statement.from, id: recall.statement.id, digest: recall.digest,
            message: recall.message, officer: recall.officer.id.text,
            reason: recall.statement.reason, taken: now)
    }
}

extension OutboundRow {
    /// Whether its recipient may hold it.
    var isRecallable: Bool {
        switch Sender.State(rawValue: state) {
        case .waiting, .queued, .sending, .relayed: handedOn
        case .delivered, .unconfirmed: true
        case .sealing, .refused, .cancelled, .expired, nil: false
        }
    }
}

extension Transaction {
    /// Owes a recall to the recipient, in the place of one before it.
    func post(_ recall: VerifiedRecall, at now: Timestamp) throws {
        let asked = recall.statement
        try endLetters(Exchange.recallLetter, about: asked.id, from: asked.from, to: asked.to)
        try post(
            Exchange.recallLetter, recall.message, about: asked.id, from: asked.from,
            to: asked.to, until: now + Exchange.letterSeconds)
    }
}
