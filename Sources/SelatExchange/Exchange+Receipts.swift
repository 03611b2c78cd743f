import Logging
package import SelatAudit
package import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatStore

// Receipts about the own transfers, whoever brings them: they settle a transfer, or tell what became of
// it afterwards, like one that came in an answer (`Exchange.md`, *Letters*, *By hand*).

extension Exchange {
    /// What became of a transfer whose receipt was brought.
    package struct BroughtReceipt: Sendable {
        package let id: TransferID
        package let kind: ReceiptKind
        package let signer: NodeID
        /// The transfer's state now.
        package let state: String
        /// Whether this receipt told anything new; false where the same was known before.
        package let isNew: Bool
    }

    /// Takes the recipient's receipt of one of the own transfers.
    /// - Parameter actor: who brings it.
    /// - Throws: `Problem` for a transfer that is not known here, and for a receipt that proves nothing, which is
    ///   entered.
    package func take(
        receipt bytes: [UInt8], by actor: EntryActor
    ) async throws -> BroughtReceipt {
        let statement = try Self.unverified(bytes)
        let id = statement.id
        guard let row = try store.lookUp({ try $0.outbound(id) }) else {
            throw ServiceProblem.unknownTransfer(id)
        }
        do {
            try await verify(bytes, of: row)
        } catch {
            try await enterRejection("\(error)", of: id, by: actor)
            throw ServiceProblem.verificationFailed("receipt of `\(id)`: \(error)")
        }
        let (after, isNew) =
            statement.kind.isOutcome
            ? try await settle(row, statement, bytes, by: actor)
            : try await keep(statement, bytes, of: row, by: actor)
        return BroughtReceipt(
            id: id, kind: statement.kind, signer: statement.signer, state: after.state,
            isNew: isNew)
    }

    static func unverified(_ bytes: [UInt8]) throws -> ReceiptStatement {
        do {
            return try Receipt(parsing: bytes).unverifiedStatement
        } catch {
            throw ServiceProblem.verificationFailed("it is no receipt: \(error)")
        }
    }

    /// What becomes of a dataset is the recipient's to state, about a header that was signed here.
    private func verify(_ bytes: [UInt8], of row: OutboundRow) async throws {
        let receipt = try Receipt(parsing: bytes)
        let statement = try await stated(in: receipt.claim, by: row.to)
        guard statement.from == identity.node else { throw ReceiptError.aboutAnother("transfer") }
        guard statement.kind.isRecipients else {
            throw ReceiptError.aboutAnother("thing than what the recipient did")
        }
        let header = try store.lookUp { try $0.header(of: statement.envelope) }
        let signed = try header.map {
            try Header(parsing: try CMS.unverifiedContent($0, type: .header))
        }
        // Each header is one attempt: else a recipient could state the same thing of any number of them.
        let isAboutIt = signed.map {
            $0.core.id == row.id && $0.core.from == identity.node
                && $0.attempt == statement.attempt
        }
        // A restored backup lacks the headers that were signed after it was made.
        guard isAboutIt ?? membership.isRestored else {
            throw ReceiptError.aboutAnother("envelope")
        }
        try statement.requireInTime(row.expires)
        if case .distrusted(let distrust) = try await standing(of: receipt, signer: row.to) {
            throw ReceiptError.distrusted("\(distrust)")
        }
    }

    /// Enters a receipt that proves nothing; those of one peer up to a rate.
    func enterRejection(
        _ cause: String, of id: TransferID, by actor: EntryActor
    ) async throws {
        if case .node(let peer) = actor, !isEnteredSingly(peer) { return }
        _ = try await store.commit { transaction in
            try transaction.append(
                EntryDraft(
                    kind: "receipt.rejected", transfer: id, actor: actor,
                    details: ["cause": .string(String(cause.prefix(1_000)))]))
        }
    }

    /// Keeps what a recipient states beside the outcome, once. It proves that the dataset has arrived.
    /// - Returns: the row after it, and whether it is new.
    private func keep(
        _ statement: ReceiptStatement, _ bytes: [UInt8], of row: OutboundRow, by actor: EntryActor
    ) async throws -> (after: OutboundRow, isNew: Bool) {
        let now = clock.now()
        let receipt = ReceiptRow(statement, bytes, at: now)
        let isUnwitnessed = witnesses.lacksWitnesses(
            try Receipt(parsing: bytes), of: statement.signer)
        let (after, isNew, hasEnded) = try await store.commit {
            transaction -> (OutboundRow, Bool, Bool) in
            guard try !transaction.snapshot.holdsReceipt(receipt) else {
                return (row, false, false)
            }
            // Of attempts that a restored backup does not know any number can be stated.
            guard
                try statement.attempt <= row.attempt
                    || transaction.receiptCount(receipt.kind, of: row.id, from: receipt.from)
                        < Self.attemptsToldMax
            else { throw ServiceProblem.tooManyLetters(row.to.country) }
            try transaction.keep(receipt, isUnwitnessed: isUnwitnessed)
            try transaction.append(
                EntryDraft(
                    kind: "receipt.taken", transfer: row.id, actor: actor,
                    details: receipt.details(of: statement)))
            guard let current = try transaction.outbound(row.id) else {
                return (row, true, false)
            }
            var sender = try Sender(current)
            let actions = sender.handle(.arrivalProven, at: self.moment(at: now))
            let after = try self.enter(
                actions, of: sender, bytes, current, by: actor, in: transaction)
            return (after, true, actions.contains(.destroy))
        }.value
        if hasEnded { await clear(after) }
        // Whoever pursues it is told.
        if isNew { await pursuits.wake(.outbound(row.id)) }
        return (after, isNew)
    }

    /// Keeps a `delivered` that comes after what ended its transfer: it shows the recipient's verdict too.
    /// - Returns: whether there was none.
    private func keepLate(
        _ statement: ReceiptStatement, _ bytes: [UInt8], of row: OutboundRow, by actor: EntryActor
    ) async throws -> Bool {
        guard statement.kind == .delivered, row.state == Sender.State.delivered.rawValue else {
            return false
        }
        let receipt = ReceiptRow(statement, bytes, at: clock.now())
        let isUnwitnessed = witnesses.lacksWitnesses(try Receipt(parsing: bytes), of: row.to)
        return try await store.commit { transaction -> Bool in
            guard try transaction.snapshot.document(.receipt, of: row.id) == nil else {
                return false
            }
            try transaction.keep(bytes, as: .receipt, of: row.id)
            if isUnwitnessed { try transaction.awaitWitnesses(row.id, of: row.to) }
            try transaction.append(
                EntryDraft(
                    kind: "receipt.taken", transfer: row.id, actor: actor,
                    details: receipt.details(of: statement)))
            return true
        }.value
    }

    /// Records the outcome, in the machine's own words.
    /// - Returns: the row after it, and whether the receipt has changed it.
    private func settle(
        _ row: OutboundRow, _ statement: ReceiptStatement, _ bytes: [UInt8], by actor: EntryActor
    ) async throws -> (after: OutboundRow, isNew: Bool) {
        let before = try Sender(row)
        var sender = before
        let event: Sender.Event =
            statement.kind == .delivered
            ? .deliveryProven
            : .refusalProven(cause: statement.reason ?? "refused by \(statement.signer)")
        let actions = sender.handle(event, at: moment)
        guard !actions.isEmpty, sender.state != before.state else {
            return (row, try await keepLate(statement, bytes, of: row, by: actor))
        }
        guard let settled = try await record(sender, before, actions, bytes, row, by: actor) else {
            // A pursuit was faster, and the link may be back: the receipt is weighed by what is now.
            guard let now = try store.lookUp({ try $0.outbound(row.id) }) else {
                throw ServiceProblem.unknownTransfer(row.id)
            }
            return try await settle(now, statement, bytes, by: actor)
        }
        await clear(settled)
        // Whoever pursues it hears that it has ended.
        await pursuits.wake(.outbound(row.id))
        return (settled, true)
    }

    /// Removes the files of what a receipt has ended, and tells whoever waits for its end.
    private func clear(_ row: OutboundRow) async {
        await spool.remove(SpoolFolder.Name(outbound: row.id))
        logger.info(
            "transfer ended",
            metadata: ["id": "\(row.id)", "to": "\(row.to)", "state": "\(row.state)"])
        await endings.tell(row.id)
    }

    /// - Returns: nil where the transfer has changed since that was decided.
    private func record(
        _ sender: Sender, _ before: Sender, _ actions: [Sender.Action], _ receipt: [UInt8],
        _ row: OutboundRow, by actor: EntryActor
    ) async throws -> OutboundRow? {
        let isUnwitnessed = witnesses.lacksWitnesses(
            try Receipt(parsing: receipt), of: row.to)
        return try await store.commit { transaction -> OutboundRow? in
            guard let current = try transaction.outbound(row.id), current.isAs(before) else {
                return nil
            }
            try transaction.keep(receipt, as: .receipt, of: row.id)
            if isUnwitnessed { try transaction.awaitWitnesses(row.id, of: row.to) }
            return try self.enter(
                actions, of: sender, receipt, current, by: actor, in: transaction)
        }.value
    }

    /// Enters what the machine says of a receipt; nothing where that changes nothing.
    private func enter(
        _ actions: [Sender.Action], of sender: Sender, _ receipt: [UInt8], _ row: OutboundRow,
        by actor: EntryActor, in transaction: Transaction
    ) throws -> OutboundRow {
        guard !actions.isEmpty else { return row }
        var row = row
        row.take(sender)
        if sender.state.isOutcome { row.contentKey = nil }
        try transaction.save(row)
        for case .record(let kind, let cause) in actions {
            var details: JSON.Object = [
                "to": .string(row.to.text), "attempt": .integer(sender.attempt),
                "receipt": .string(SHA256.digest(receipt).text),
            ]
            if let cause { details["cause"] = .string(cause) }
            try transaction.append(
                EntryDraft(
                    kind: try EntryKind(kind), transfer: row.id, actor: actor,
                    details: .object(details)))
        }
        return row
    }
}

extension Snapshot {
    /// Whether the recipient of an own transfer has stated what it did with it: so it has arrived.
    func isArrivalStated(of id: TransferID, from: NodeID, by recipient: NodeID) throws -> Bool {
        try receipts(of: id, from: from).contains {
            $0.signer == recipient && ReceiptKind(rawValue: $0.kind)?.isAfterDelivery == true
        }
    }
}

extension ReceiptKind {
    /// Whether a sender's transfer ends by it.
    var isOutcome: Bool { self == .delivered || self == .refused }

    /// Whether it is the recipient's to state.
    var isRecipients: Bool { self != .relayed && self != .cancelled }
}

extension ReceiptRow {
    init(_ statement: ReceiptStatement, _ document: [UInt8], at now: Timestamp) {
        self.init(
            from: statement.from, id: statement.id, kind: statement.kind.rawValue,
            signer: statement.signer, attempt: statement.attempt, taken: now, document: document)
    }

    /// What the entry holds that tells of it.
    func details(of statement: ReceiptStatement) -> JSON {
        var details: JSON.Object = [
            "kind": .string(kind), "by": .string(signer.text), "attempt": .integer(attempt),
            "stated": .string(statement.time.text),
            "receipt": .string(SHA256.digest(document).text),
        ]
        details["reason"] = statement.reason.map { .string($0) }
        return .object(details)
    }
}
