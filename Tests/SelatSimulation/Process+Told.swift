import SelatCore
import SelatDelivery

// Receipts that come by another way than in an answer: the own are verified and kept; those of a transfer
// that passed through here are verified, held, and brought further.

extension Process {
    /// A letter that a peer brings.
    func take(_ receipt: Receipt, from peer: Int) async throws -> Answer {
        try await greet(peer)
        if receipt.kind == .cancelled { return try await letGo(receipt) }
        if receipt.from != node.index, let row = node.ledger.relayed[receipt.key] {
            return try await hold(receipt, of: row)
        }
        guard receipt.from == node.index, node.ledger.outbound[receipt.transfer] != nil else {
            throw Mishap.notReady("unknown transfer")
        }
        do { try await take(receipt) } catch Mishap.untrustedReceipt(let cause) {
            throw try await rejected("receipt.rejected", cause)
        }
        return Answer(state: "taken", offset: 0)
    }

    func rejected(_ kind: String, _ cause: String) async throws -> Mishap {
        let entry = Entry(kind: kind, transfer: nil, sender: nil, time: now)
        try await commit { $0.append(entry) }
        return .untrustedReceipt(cause)
    }

    // MARK: The sender

    /// A receipt about an own transfer, whoever brings it.
    func take(_ receipt: Receipt) async throws {
        guard let row = node.ledger.outbound[receipt.transfer] else {
            throw Mishap.untrustedReceipt("unknown transfer")
        }
        let isForeign = receipt.from != node.index || receipt.signer != row.to
        guard !isForeign || world.hasPlanted(.foreignReceiptAccepted),
            receipt.isStory || receipt.isOutcome,
            (1...max(1, row.attempt)).contains(receipt.attempt)
        else { throw Mishap.untrustedReceipt("proves nothing") }
        if receipt.isOutcome { try await settle(receipt) } else { try await keep(receipt) }
    }

    /// What a recipient states beside the outcome, once. It proves that the dataset has arrived.
    private func keep(_ receipt: Receipt) async throws {
        let ended = try await commit { transaction -> Bool in
            let isNew = transaction.keep(receipt)
            guard isNew || self.world.hasPlanted(.receiptKeptTwice) else { return false }
            var entry = self.entry("receipt.taken", receipt.transfer)
            entry.statement = receipt
            transaction.append(entry)
            return self.enter(.arrivalProven, receipt, in: &transaction)
        }
        if ended { remove(.outbound, own(receipt.transfer)) }
    }

    private static func event(of receipt: Receipt) -> Sender.Event {
        receipt.kind == .delivered
            ? .deliveryProven : .refusalProven(cause: receipt.reason ?? "refused")
    }

    private func settle(_ receipt: Receipt) async throws {
        let transfer = receipt.transfer
        let ended = try await commit { transaction -> Bool in
            if transaction.outbound(transfer)?.state == .unconfirmed,
                self.world.hasPlanted(.lateReceiptIgnored)
            {
                return false
            }
            return self.enter(Self.event(of: receipt), receipt, in: &transaction)
        }
        if ended { remove(.outbound, own(transfer)) }
    }

    /// Enters what the machine says of a receipt.
    /// - Returns: whether it has ended the transfer.
    private func enter(
        _ event: Sender.Event, _ receipt: Receipt, in transaction: inout Transaction
    ) -> Bool {
        guard var row = transaction.outbound(receipt.transfer) else { return false }
        var sender = row.sender
        let actions = sender.handle(event, at: moment)
        for case .record(let kind, _) in actions {
            var entry = self.entry(kind, receipt.transfer)
            entry.statement = receipt
            transaction.append(entry)
        }
        guard !actions.isEmpty else { return false }
        row.take(sender)
        let hasEnded = sender.state.isOutcome
        if hasEnded { (row.hasKey, row.receipt) = (false, receipt) }
        transaction.save(row)
        return hasEnded
    }

    // MARK: Taken back

    /// Lets go of a part of what its sender has taken back; only the sender's own word counts.
    private func letGo(_ word: Receipt) async throws -> Answer {
        guard word.signer == word.from || world.hasPlanted(.foreignWordObeyed) else {
            throw try await rejected("receipt.rejected", "foreign signer")
        }
        if node.ledger.inbound[word.key] != nil { try await end(word.key, .withdrawn) }
        if node.ledger.relayed[word.key] != nil {
            try await endRelayed(word.key, .withdrawn(cause: "cancelled"))
        }
        return Answer(state: "taken", offset: 0)
    }

    // MARK: Passing through

    private func hold(_ receipt: Receipt, of row: RelayedRow) async throws -> Answer {
        // Another attempt may have gone another way, past this relay: the sender knows it.
        guard receipt.signer == row.to || world.hasPlanted(.foreignReceiptAccepted),
            receipt.isStory || receipt.isOutcome
        else { throw try await rejected("receipt.rejected", "proves nothing") }
        if receipt.isOutcome { try await settle(row.key, receipt) }
        let answer = try await owe(receipt, of: row)
        bringLetters(to: row.key.from)
        return answer
    }

    /// Ends a relayed transfer by the recipient's word, as if the next node had answered with it.
    private func settle(_ key: InboundKey, _ receipt: Receipt) async throws {
        let event: Relay.Event =
            receipt.kind == .delivered
            ? .deliveryProven : .refusalProven(cause: receipt.reason ?? "refused")
        let hasEnded = try await commit { transaction -> Bool in
            guard var row = transaction.relayed(key) else { return false }
            var relay = row.relay
            let actions = relay.handle(event, at: self.moment)
            guard actions.contains(.destroy) else { return false }
            for case .record(let kind, _) in actions {
                var entry = self.entry(kind, key.transfer, sender: key.from)
                entry.statement = receipt
                transaction.append(entry)
            }
            row.take(relay)
            row.receipt = receipt
            transaction.save(row)
            return true
        }
        if hasEnded { try await removeEnded(key) }
    }

    /// Keeps a receipt that passes through, and owes it to the sender until the sender has it.
    private func owe(_ receipt: Receipt, of row: RelayedRow) async throws -> Answer {
        let key = row.key
        let isHeld = try await commit { transaction -> Bool in
            guard transaction.keep(receipt) else {
                // Whoever brings it again learns whether the sender has it by now.
                return transaction.owes(receipt.kind.rawValue, about: key, to: key.from)
            }
            transaction.post(
                .receipt(receipt), about: key, to: key.from, until: self.now + Self.letterSeconds)
            var entry = self.entry("relay.told", key.transfer, sender: key.from)
            entry.statement = receipt
            transaction.append(entry)
            return true
        }
        return Answer(state: isHeld ? "held" : "taken", offset: 0)
    }
}
