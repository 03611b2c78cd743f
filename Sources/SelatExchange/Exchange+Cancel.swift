import Logging
import SelatAudit
package import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEvidence
import SelatFederation
package import SelatStore

// What an operator does about a transfer that is under way: take it back, or try it now.

extension Exchange {
    /// Takes a transfer back, as long as nothing whole has left: recorded first, destroyed then.
    /// - Throws: `Problem` where it is not known, has ended, or may have arrived.
    package func cancel(
        _ id: TransferID, reason: String, by user: UInt32
    ) async throws -> OutboundRow {
        try requireNotReceived(id)
        try requireNotPassing(id)
        let now = clock.now()
        let word = await cancellation(of: id, reason, at: now)
        let row = try await store.commit { transaction -> OutboundRow in
            guard let row = try transaction.outbound(id) else {
                throw ServiceProblem.unknownTransfer(id)
            }
            let cancelled = try self.takeBack(
                row, because: reason, word, by: user, at: now, in: transaction)
            guard let cancelled else { throw ServiceProblem.notCancellable(row) }
            return cancelled
        }.value
        await endTakenBack(id, as: .cancelled, word)
        return row
    }

    /// - Throws: `Problem` for what came from another node: only its sender decides that.
    private func requireNotReceived(_ id: TransferID) throws {
        let (own, received) = try store.lookUp { (try $0.outbound(id), try $0.inbound(id)) }
        guard own == nil, let row = received.first else { return }
        throw ServiceProblem.notReady(
            "`\(id)` was received here, from `\(row.from)`",
            remedy: "its sender can; see `selat show \(id)`")
    }

    /// - Throws: `Problem` for what passes through here: neither its sender nor its recipient.
    func requireNotPassing(_ id: TransferID) throws {
        let (own, passing) = try store.lookUp { (try $0.outbound(id), try $0.relayed(id)) }
        guard own == nil, let row = passing.first else { return }
        throw ServiceProblem.passing(row)
    }

    /// The signed word that a transfer is taken back, for the one node that may hold a part of it.
    struct Cancellation: Sendable {
        let message: [UInt8]
        let next: NodeID
        /// The attempt that was offered there.
        let attempt: UInt64
    }

    /// - Returns: nil where nothing was offered, and where it cannot be signed now: then what lies of it
    ///   elsewhere lapses with its time.
    func cancellation(
        of id: TransferID, _ reason: String, at now: Timestamp
    ) async -> Cancellation? {
        // By the log: the head of the next attempt lies in the spool before its release counts.
        let found = try? await store.read { (try $0.outbound(id), try $0.released(id)) }
        guard let row = found?.0, row.attempt > 0, row.route.count > 1,
            let envelope = found?.1?["envelope"]?.stringValue.flatMap({ try? Digest($0) })
        else { return nil }
        let content = ReceiptStatement(
            federation: federation.id, kind: .cancelled, from: identity.node, id: id,
            envelope: envelope, attempt: row.attempt, signer: identity.node, time: now,
            reason: reason)
        let message = try? CMS.sign(
            content: content.json.canonical, type: .receipt, signer: identity.signer, at: now)
        return message.map {
            Cancellation(message: $0, next: row.route[1], attempt: row.attempt)
        }
    }

    /// Takes a transfer back in a transaction.
    /// - Returns: the row after it; nil where it has ended, or may have arrived.
    func takeBack(
        _ row: OutboundRow, because cause: String, _ word: Cancellation?, by user: UInt32,
        at now: Timestamp, in transaction: Transaction
    ) throws -> OutboundRow? {
        var row = row
        let before = try Sender(row)
        var sender = before
        let actions = sender.handle(.cancelled(cause: cause), at: self.moment(at: now))
        guard sender.state == .cancelled, before.state != .cancelled else { return nil }
        for case .record(let kind, let cause) in actions {
            var details: JSON.Object = [
                "to": .string(row.to.text), "cause": .string(cause ?? ""),
            ]
            if sender.attempt > 0 { details["attempt"] = .integer(sender.attempt) }
            try enter(kind, details, of: row, word, by: .user(user), at: now, in: transaction)
        }
        row.take(sender)
        row.contentKey = nil
        if before.isBeforePayload { try transaction.uncount(row.id) }
        try transaction.save(row)
        return row
    }

    /// Enters that a transfer ends here, and owes the word of that to the node that may hold a part of it.
    func enter(
        _ kind: String, _ details: JSON.Object, of row: OutboundRow, _ word: Cancellation?,
        by actor: EntryActor, at now: Timestamp, in transaction: Transaction
    ) throws {
        // A newer attempt may have gone elsewhere since the word was signed.
        let word = word?.attempt == row.attempt ? word : nil
        var details = details
        details[Receipt.statementKey] = word.map { .string(SHA256.digest($0.message).text) }
        let entry = try transaction.append(
            EntryDraft(
                kind: try EntryKind(kind), transfer: row.id, actor: actor,
                details: .object(details)))
        guard let word else { return }
        try transaction.state(
            StatedRow(
                from: identity.node, id: row.id, kind: ReceiptKind.cancelled.rawValue,
                entry: entry, statement: word.message), to: word.next,
            until: min(row.expires, now + Self.letterSeconds))
    }

    /// What follows the commit in which a transfer ended by a person's word.
    func endTakenBack(_ id: TransferID, as state: Sender.State, _ word: Cancellation?) async {
        await spool.remove(SpoolFolder.Name(outbound: id))
        await pursuits.wake(.outbound(id))
        logger.info("transfer ended", metadata: ["id": "\(id)", "state": "\(state.rawValue)"])
        await endings.tell(id)
        if let word { accepted.yield(.letters(to: word.next)) }
    }

    /// Tries a transfer now that waits for its next try: one of the own, or one that passes through.
    /// - Throws: `Problem` where it is not known, or waits for nothing that a try could change.
    package func retry(_ id: TransferID) async throws {
        try requireNotReceived(id)
        let (own, passing) = try await store.read {
            (try $0.outbound(id), try $0.relayed(id))
        }
        if let row = own {
            let state = try Sender(row).state
            guard [.queued, .sending, .relayed].contains(state) else {
                throw ServiceProblem.notReady(
                    "`\(id)` is \(row.state)", remedy: "see `selat show \(id)`")
            }
            await peers.forgive()
            accepted.yield(.outbound(id))
            return
        }
        let open = try passing.filter { [.holding, .forwarded].contains(try Relay($0).state) }
        guard !open.isEmpty else {
            guard let row = passing.first else { throw ServiceProblem.unknownTransfer(id) }
            throw ServiceProblem.notReady(
                "`\(id)` is \(row.state)", remedy: "see `selat show \(id)`")
        }
        await peers.forgive()
        for row in open { accepted.yield(.relayed(row.id, from: row.from)) }
    }
}
