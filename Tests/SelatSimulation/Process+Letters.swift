import SelatCore
import SelatDelivery

// Taking back what has not left whole, and bringing the word to the node that may hold a part of it.

extension Process {
    /// An operator takes a transfer back.
    func cancel(_ transfer: Int) async throws {
        let before = node.ledger.outbound[transfer]
        // Signed before the commit, about the attempt that is under way.
        let offered = before.flatMap { $0.route.count > 1 ? ($0.attempt, $0.route[1]) : nil }
        let ended = try await commit { transaction -> Bool in
            guard var row = transaction.outbound(transfer) else { return false }
            var sender = row.sender
            if self.world.hasPlanted(.takenBackBlindly) {
                sender = Sender(
                    expires: row.expires, state: row.state, handedOn: false, attempt: row.attempt,
                    cause: row.cause)
            }
            let actions = sender.handle(.cancelled(cause: "an operator"), at: self.now)
            guard actions.contains(.destroy) else { return false }
            for case .record(let kind, _) in actions {
                self.enter(kind, of: row, offered, in: &transaction)
            }
            row.take(sender)
            row.hasKey = false
            transaction.save(row)
            return true
        }
        guard ended else { return }
        remove(.outbound, own(transfer))
        bringLetters()
    }

    private func enter(
        _ kind: String, of row: OutboundRow, _ offered: (attempt: UInt64, next: Int)?,
        in transaction: inout Transaction
    ) {
        var entry = entry(kind, row.transfer)
        if let offered, offered.attempt == row.attempt {
            let word = Receipt(
                kind: .cancelled, from: node.index, transfer: row.transfer,
                attempt: row.attempt, signer: node.index, reason: "an operator",
                entry: transaction.state.log.count)
            entry.statement = word
            transaction.post(Letter(to: offered.next, word: word, until: row.expires))
        }
        transaction.append(entry)
    }

    /// Brings what is owed to others until they have it; nothing that waits for one keeps another waiting.
    func bringLetters() {
        guard !isDead, !isBringing else { return }
        isBringing = true
        world.spawn {
            var failures = 0
            while !self.isDead, !self.world.isOver, !self.node.ledger.letters.isEmpty {
                failures = await self.bringOnce() ? 0 : failures + 1
                if failures > 0 { await self.world.sleep(self.backoff(failures)) }
            }
            self.isBringing = false
        }
    }

    /// - Returns: whether everything was taken.
    private func bringOnce() async -> Bool {
        var isAllTaken = true
        for letter in node.ledger.letters {
            do {
                if now < letter.until { try await bring(letter) }
                try await forget(letter)
            } catch {
                isAllTaken = false
            }
        }
        return isAllTaken
    }

    private func bring(_ letter: Letter) async throws {
        if world.hasPlanted(.wordForgottenFirst) {
            try await forget(letter)
            world.judge.wordTaken(letter)
        }
        world.judge.states(letter.word)
        _ = try await world.call(from: self, to: letter.to) { peer in
            try await peer.take(letter.word, from: self.node.index)
        }
        world.judge.wordTaken(letter)
    }

    private func forget(_ letter: Letter) async throws {
        try await commit { $0.forget(letter) }
    }

    /// Lets go of a part of what its sender has taken back; only the sender's own word counts.
    func take(_ word: Receipt, from peer: Int) async throws -> Answer {
        try await greet(peer)
        guard word.signer == word.from || world.hasPlanted(.foreignWordObeyed) else {
            let entry = Entry(kind: "receipt.rejected", transfer: nil, sender: nil, time: now)
            try await commit { $0.append(entry) }
            throw Mishap.untrustedReceipt("foreign signer")
        }
        let key = InboundKey(from: word.from, transfer: word.transfer)
        if node.ledger.inbound[key] != nil { try await end(key, .withdrawn) }
        if node.ledger.relayed[key] != nil {
            try await endRelayed(key, .withdrawn(cause: "cancelled"))
        }
        return Answer(state: "taken", offset: 0)
    }
}
