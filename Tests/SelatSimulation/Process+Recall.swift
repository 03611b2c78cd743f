import SelatCore
import SelatDelivery

// Recall: the sender's officer asks, by an own signature that travels; the recipient makes the dataset
// unopenable at once, and a relay lets go of it and brings the recall further.

extension Process {
    /// How long a recalled dataset lies at least. A day in the exchange; here what a run has time for.
    static let holdSeconds: Int64 = 1_800

    // MARK: The sender

    /// Enters the recall of an own transfer: what has not left whole is taken back, else the recipient is
    /// asked.
    func give(_ word: RecallWord) async throws {
        let (key, transfer) = (word.key, word.key.transfer)
        guard let known = node.ledger.outbound[transfer], known.to == word.to,
            word.counts(in: node.ledger.list)
        else { throw Mishap.notReady("bad recall") }
        let offered = offered(transfer)
        let isGone = node.ledger.receipts.contains { $0.key == key && $0.kind == .destroyed }
        let isCancelled = try await commit { transaction -> Bool in
            if let before = transaction.recall(key) {
                guard before.word == word else { throw Mishap.notReady("already recalled") }
                return false
            }
            guard let row = transaction.outbound(transfer), !isGone else {
                throw Mishap.notReady("destroyed already")
            }
            let isCancelled = self.takeBack(row, because: "recalled", offered, in: &transaction)
            guard isCancelled || row.isRecallable else { throw Mishap.notReady("holds nothing") }
            transaction.save(RecallRow(word))
            self.enter("recall.given", word, own: true, in: &transaction)
            if !isCancelled { self.post(word, in: &transaction) }
            return isCancelled
        }
        if isCancelled { endTakenBack(transfer, offered) } else { pursue(transfer) }
        bringLetters(to: word.to)
    }

    private func enter(
        _ kind: String, _ word: RecallWord, own: Bool = false, in transaction: inout Transaction
    ) {
        var entry = entry(kind, word.key.transfer, sender: own ? nil : word.key.from)
        entry.recall = word
        transaction.append(entry)
    }

    private func post(_ word: RecallWord, in transaction: inout Transaction) {
        transaction.post(
            .recall(word), about: word.key, to: word.to, until: now + Self.letterSeconds)
    }

    // MARK: Brought

    /// A recall that a peer brings.
    func take(_ word: RecallWord, from peer: Int) async throws -> Answer {
        try await greet(peer)
        guard word.counts(in: node.ledger.list) || world.hasPlanted(.foreignRecallObeyed) else {
            throw try await rejected("recall.rejected", "bad recall")
        }
        return word.to == node.index ? try await obey(word) : try await pass(word)
    }

    private func pass(_ word: RecallWord) async throws -> Answer {
        let key = word.key
        guard let known = node.ledger.relayed[key], known.to == word.to else {
            throw Mishap.notReady("unknown transfer")
        }
        let (isHeld, isDropped) = try await commit { transaction -> (Bool, Bool) in
            if let before = transaction.recall(key) {
                guard before.word == word else { throw Mishap.notReady("already recalled") }
                return (transaction.owes("recall", about: key, to: word.to), false)
            }
            transaction.save(RecallRow(word))
            if !self.world.hasPlanted(.recallNotBroughtFurther) {
                self.post(word, in: &transaction)
            }
            self.enter("recall.taken", word, in: &transaction)
            if self.world.hasPlanted(.recalledKeptByRelay) { return (true, false) }
            let isDropped = self.drop(key, .withdrawn(cause: "recalled"), in: &transaction)
            return (true, isDropped)
        }
        if isDropped { try await removeEnded(key) }
        if isHeld { bringLetters(to: word.to) }
        return Answer(state: isHeld ? "held" : "taken", offset: 0)
    }

    // MARK: The recipient

    private enum Step {
        case done(keepsFiles: Bool)
        /// This very recall was taken before.
        case repeated
        case moved
    }

    /// Makes a dataset that lies here unopenable, or ends its arrival.
    private func obey(_ word: RecallWord) async throws -> Answer {
        let key = word.key
        guard node.ledger.inbound[key] != nil else { throw Mishap.notReady("unknown transfer") }
        // What arrives is fenced off.
        try await uploads.alone(key) {
            var step = Step.moved
            while case .moved = step { step = try await self.obeyOnce(word) }
            guard case .done(let keepsFiles) = step, !keepsFiles else { return }
            self.remove(.inbound, key)
        }
        bringLetters(to: key.from)
        return Answer(state: "taken", offset: 0)
    }

    private func obeyOnce(_ word: RecallWord) async throws -> Step {
        let key = word.key
        guard let row = node.ledger.inbound[key] else { throw Mishap.notReady("unknown transfer") }
        var machine = row.recipient
        let time = now
        let actions = machine.handle(.recall, at: self.moment(at: time))
        let newest = node.ledger.lastEntry(of: key)
        let statement = statement(for: actions, on: row, "recalled", answering: word)
        // It is signed, which takes a moment.
        if statement != nil { try await pause() }
        return try await withdrawing(key) {
            try await self.commit { transaction -> Step in
                if let known = transaction.recall(key),
                    !self.world.hasPlanted(.recallEnteredTwice)
                {
                    guard known.word == word else { throw Mishap.notReady("already recalled") }
                    return .repeated
                }
                guard let row = transaction.inbound(key) else { return .moved }
                var recipient = row.recipient
                guard recipient.handle(.recall, at: self.moment(at: time)) == actions else {
                    return .moved
                }
                if statement != nil, transaction.lastEntry(of: key) != newest { return .moved }
                self.enter(word, on: row, recipient, statement, in: &transaction)
                return .done(keepsFiles: recipient.state.keepsFiles)
            }
        } unless: { step in
            if case .done = step { statement == nil } else { true }
        }
    }

    private func enter(
        _ word: RecallWord, on row: InboundRow, _ recipient: Recipient, _ statement: Receipt?,
        in transaction: inout Transaction
    ) {
        var kept = RecallRow(word)
        kept.before = row.state
        if statement?.kind == .recalled {
            kept.holdUntil = now + Self.holdSeconds
            kept.isOrdered = row.destroyBy != nil
        }
        transaction.save(kept)
        guard let statement else { return enter("recall.taken", word, in: &transaction) }
        var row = row
        row.take(recipient)
        let place = transaction.state.log.count
        record("transfer.recalled", statement, of: row, recall: word, in: &transaction)
        if statement.kind == .refused {
            // It never came whole: that is the transfer's outcome.
            row.statement = statement
            row.statement?.entry = place
            row.hasKey = false
        }
        transaction.save(row)
    }

    // MARK: The recipient's officer

    /// Acts on what an own officer says about a recall; one answer counts.
    func answer(_ key: InboundKey, _ decision: RecallRow.Decision) async throws {
        guard let row = node.ledger.inbound[key], let recall = node.ledger.recalls[key] else {
            throw Mishap.notReady("nobody has recalled it")
        }
        let statement = statement(.retained, on: row, "an officer", answering: recall.word)
        let isRetained = decision == .refuse
        try await commit { transaction in
            guard var row = transaction.inbound(key), row.state == .recalled,
                var recall = transaction.recall(key), recall.decision == nil
            else { throw Mishap.notReady("is answered, or over") }
            recall.decision = decision
            transaction.save(recall)
            guard isRetained else {
                return self.enter("recall.agreed", recall.word, in: &transaction)
            }
            var recipient = row.recipient
            let event = Recipient.Event.retain(wasOpened: recall.before == .opened)
            for case .record(let kind, _) in recipient.handle(event, at: self.moment) {
                self.record(kind, statement, of: row, recall: recall.word, in: &transaction)
            }
            row.take(recipient)
            transaction.save(row)
        }
        guard isRetained else {
            if let recall = node.ledger.recalls[key] { await endRecalled(key, recall) }
            return
        }
        withdrawn.remove(key)
        bringLetters(to: key.from)
    }

    /// Destroys what was recalled, once the hold is over and duties or an own officer order it.
    func endRecalled() async throws {
        for (key, recall) in node.ledger.recalls.sorted(by: { $0.key < $1.key }) {
            await endRecalled(key, recall)
        }
    }

    private func endRecalled(_ key: InboundKey, _ recall: RecallRow) async {
        guard isDue(recall), node.ledger.inbound[key]?.state == .recalled else { return }
        try? await end(key, .destroy, because: "recall")
    }

    private func isDue(_ recall: RecallRow) -> Bool {
        recall.isDue(at: now) || world.hasPlanted(.holdIgnored) && recall.holdUntil != nil
    }
}

extension OutboundRow {
    /// Whether its recipient may hold it.
    fileprivate var isRecallable: Bool {
        switch state {
        case .waiting, .queued, .sending, .relayed: handedOn
        case .delivered, .unconfirmed: true
        case .sealing, .refused, .cancelled, .expired: false
        }
    }
}
