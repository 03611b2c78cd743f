import SelatCore
import SelatDelivery

// Taking back what has not left whole.

extension Process {
    /// The attempt that is under way, and the one node that may hold a part of it.
    typealias Offered = (attempt: UInt64, next: Int)

    /// Looked up before the commit, since the word about it is signed before that.
    func offered(_ transfer: Int) -> Offered? {
        node.ledger.outbound[transfer].flatMap {
            $0.route.count > 1 ? ($0.attempt, $0.route[1]) : nil
        }
    }

    /// An operator takes a transfer back.
    func cancel(_ transfer: Int) async throws {
        let offered = offered(transfer)
        let isCancelled = try await commit { transaction -> Bool in
            guard let row = transaction.outbound(transfer) else { return false }
            return self.takeBack(row, because: "an operator", offered, in: &transaction)
        }
        if isCancelled { endTakenBack(transfer, offered) }
    }

    /// - Returns: false where it has ended, or may have arrived.
    func takeBack(
        _ row: OutboundRow, because cause: String, _ offered: Offered?,
        in transaction: inout Transaction
    ) -> Bool {
        var row = row
        var sender = row.sender
        if world.hasPlanted(.takenBackBlindly) {
            sender = Sender(
                expires: row.expires, state: row.state, handedOn: false, attempt: row.attempt,
                cause: row.cause)
        }
        let actions = sender.handle(.cancelled(cause: cause), at: moment)
        guard actions.contains(.destroy) else { return false }
        for case .record(let kind, _) in actions {
            enter(kind, of: row, cause, offered, in: &transaction)
        }
        row.take(sender)
        row.hasKey = false
        transaction.save(row)
        return true
    }

    func endTakenBack(_ transfer: Int, _ offered: Offered?) {
        remove(.outbound, own(transfer))
        if let offered { bringLetters(to: offered.next) }
    }

    /// Enters an end by a person's word, and owes the word of it to the node that may hold a part.
    func enter(
        _ kind: String, of row: OutboundRow, _ cause: String, _ offered: Offered?,
        in transaction: inout Transaction
    ) {
        var entry = entry(kind, row.transfer)
        if let offered, offered.attempt == row.attempt {
            let word = Receipt(
                kind: .cancelled, from: node.index, transfer: row.transfer,
                attempt: row.attempt, signer: node.index, reason: cause,
                entry: transaction.state.log.count)
            entry.statement = word
            transaction.post(
                .receipt(word), about: row.key, to: offered.next, until: row.expires)
        }
        transaction.append(entry)
    }
}
