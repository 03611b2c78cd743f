import Logging
import SelatAudit
package import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatStore

// Receipts that somebody brings by hand (`Exchange.md`, *By hand*): they settle a transfer like one that
// came over the link.

extension Exchange {
    /// What became of a transfer whose receipt was brought.
    package struct BroughtReceipt: Sendable {
        package let id: TransferID
        package let kind: ReceiptKind
        package let signer: NodeID
        /// The transfer's state now.
        package let state: String
        /// Whether this receipt settled it; false where it was settled before.
        package let isNew: Bool
    }

    /// Takes the recipient's receipt of one of the own transfers.
    /// - Throws: `Problem` for a transfer that is not known here, and for a receipt that proves nothing,
    ///   which is entered.
    package func take(receipt bytes: [UInt8], by user: UInt32) async throws -> BroughtReceipt {
        let statement = try Self.unverified(bytes)
        let id = statement.id
        guard let row = try await store.read({ try $0.outbound(id) }) else {
            throw ServiceProblem.unknownTransfer(id)
        }
        do {
            try await verify(bytes, of: row)
        } catch {
            try await enterRejection(error, of: id, by: user)
            throw ServiceProblem.verificationFailed("receipt of `\(id)`: \(error)")
        }
        let (after, isNew) = try await settle(row, statement, bytes, by: user)
        return BroughtReceipt(
            id: id, kind: statement.kind, signer: statement.signer, state: after.state,
            isNew: isNew)
    }

    private static func unverified(_ bytes: [UInt8]) throws -> ReceiptStatement {
        do {
            return try Receipt(parsing: bytes).unverifiedStatement
        } catch {
            throw ServiceProblem.verificationFailed("it is no receipt: \(error)")
        }
    }

    /// The outcome is the recipient's to state, about a header that was signed here.
    private func verify(_ bytes: [UInt8], of row: OutboundRow) async throws {
        let statement = try stated(in: try Receipt(parsing: bytes), by: row.to)
        guard statement.from == identity.node else { throw ReceiptError.aboutAnother("transfer") }
        guard [.delivered, .refused].contains(statement.kind) else {
            throw ReceiptError.aboutAnother("thing than a transfer's outcome")
        }
        let header = try await store.read { try $0.header(of: statement.envelope) }
        let signed = try header.map {
            try Header(parsing: try CMS.unverifiedContent($0, type: .header))
        }
        guard let core = signed?.core, core.id == row.id, core.from == identity.node else {
            throw ReceiptError.aboutAnother("envelope")
        }
    }

    private func enterRejection(
        _ error: any Error, of id: TransferID, by user: UInt32
    ) async throws {
        _ = try await store.commit { transaction in
            try transaction.append(
                EntryDraft(
                    kind: "receipt.rejected", transfer: id, actor: .user(user),
                    details: ["cause": .string(String("\(error)".prefix(1_000)))]))
        }
    }

    /// Records the outcome, in the machine's own words.
    /// - Returns: the row after it, and whether the receipt has changed it.
    private func settle(
        _ row: OutboundRow, _ statement: ReceiptStatement, _ bytes: [UInt8], by user: UInt32
    ) async throws -> (after: OutboundRow, isNew: Bool) {
        let before = try Sender(row)
        var sender = before
        let event: Sender.Event =
            statement.kind == .delivered
            ? .deliveryProven
            : .refusalProven(cause: statement.reason ?? "refused by \(statement.signer)")
        let actions = sender.handle(event, at: clock.now())
        guard !actions.isEmpty, sender.state != before.state else { return (row, false) }
        guard let settled = try await record(sender, before, actions, bytes, row, by: user) else {
            // A pursuit was faster, and the link may be back: the receipt is weighed by what is now.
            guard let now = try await store.read({ try $0.outbound(row.id) }) else {
                throw ServiceProblem.unknownTransfer(row.id)
            }
            return try await settle(now, statement, bytes, by: user)
        }
        if actions.contains(.destroy) {
            await spool.remove(SpoolFolder.Name(outbound: row.id))
        }
        logger.info(
            "transfer ended",
            metadata: [
                "id": "\(row.id)", "to": "\(row.to)", "state": "\(sender.state.rawValue)",
            ])
        await endings.tell(row.id)
        return (settled, true)
    }

    /// - Returns: nil where the transfer has changed since that was decided.
    private func record(
        _ sender: Sender, _ before: Sender, _ actions: [Sender.Action], _ receipt: [UInt8],
        _ row: OutboundRow, by user: UInt32
    ) async throws -> OutboundRow? {
        let isUnwitnessed = witnesses.lacksWitnesses(receipt, of: row.to)
        return try await store.commit { transaction -> OutboundRow? in
            guard var current = try transaction.outbound(row.id), current.isAs(before) else {
                return nil
            }
            current.take(sender)
            if sender.state.isOutcome { current.contentKey = nil }
            current.receipt = receipt
            if isUnwitnessed { try transaction.awaitWitnesses(row.id, of: row.to) }
            try transaction.save(current)
            for case .record(let kind, let cause) in actions {
                var details: [String: JSON] = [
                    "to": .string(row.to.text), "attempt": .integer(sender.attempt),
                    "receipt": .string(SHA256.digest(receipt).text),
                ]
                if let cause { details["cause"] = .string(cause) }
                try transaction.append(
                    EntryDraft(
                        kind: try EntryKind(kind), transfer: row.id, actor: .user(user),
                        details: .object(details)))
            }
            return current
        }.value
    }
}
