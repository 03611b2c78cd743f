import SelatAudit
package import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatStore
package import SelatTransport

// Letters that peers bring: the own are verified and kept; those of a transfer that passed through here
// are verified, held, and brought further (`Exchange.md`, *Letters*).

extension Exchange: LetterService {
    package func take(receipt bytes: [UInt8], from peer: NodeID) async throws -> LetterAnswer {
        try witnesses.requireExchange()
        let statement = try Self.unverified(bytes)
        if statement.from != identity.node,
            let row = try await store.read({ try $0.relayed(statement.id, from: statement.from) })
        {
            return try await hold(bytes, statement, of: row, from: peer)
        }
        do {
            guard statement.from == identity.node else {
                throw ServiceProblem.unknownTransfer(statement.id)
            }
            _ = try await take(receipt: bytes, by: .node(peer))
            return .taken
        } catch let problem as Problem where problem.type == ServiceProblem.unknownTransferType {
            try await enterRejection(
                "no transfer `\(statement.from)/\(statement.id)` is known here", of: statement.id,
                by: .node(peer))
            throw problem
        }
    }

    // MARK: Passing through

    private func hold(
        _ bytes: [UInt8], _ statement: ReceiptStatement, of row: RelayedRow, from peer: NodeID
    ) async throws -> LetterAnswer {
        do {
            try verify(bytes, statement, of: row)
        } catch {
            try await enterRejection("\(error)", of: row.id, by: .node(peer))
            throw ServiceProblem.verificationFailed("receipt of `\(row.id)`: \(error)")
        }
        guard
            try await store.read({ try $0.letterCount(of: row.from.country) })
                < Limits.lettersPerMemberMax
        else { throw ServiceProblem.tooManyLetters(row.from.country) }
        if statement.kind.isOutcome { try await settle(row, statement, bytes, by: peer) }
        return try await owe(bytes, statement, of: row, from: peer)
    }

    private func verify(
        _ bytes: [UInt8], _ statement: ReceiptStatement, of row: RelayedRow
    ) throws {
        let verified = try stated(in: try Receipt(parsing: bytes), by: row.to)
        guard verified.kind != .relayed else {
            throw ReceiptError.aboutAnother("thing than what the recipient did")
        }
        guard verified.envelope == SHA256.digest(row.header) || verified.attempt < row.attempt
        else { throw ReceiptError.aboutAnother("envelope") }
    }

    /// Ends a relayed transfer by the recipient's word, as if the next node had answered with it.
    private func settle(
        _ row: RelayedRow, _ statement: ReceiptStatement, _ bytes: [UInt8], by peer: NodeID
    ) async throws {
        let event: Relay.Event =
            statement.kind == .delivered
            ? .deliveryProven
            : .refusalProven(cause: statement.reason ?? "refused by \(statement.signer)")
        let now = clock.now()
        let hasEnded = try await store.commit { transaction -> Bool in
            guard var row = try transaction.relayed(row.id, from: row.from) else { return false }
            var relay = try Relay(row)
            let actions = relay.handle(event, at: now)
            guard actions.contains(.destroy) else { return false }
            for case .record(let kind, _) in actions {
                try transaction.append(
                    EntryDraft(
                        kind: try EntryKind(kind), transfer: row.id, actor: .node(peer),
                        details: [
                            "from": .string(row.from.text), "next": .string(row.next.text),
                            "attempt": .integer(row.attempt),
                            "receipt": .string(SHA256.digest(bytes).text),
                        ]))
            }
            row.take(relay)
            row.receipt = bytes
            try transaction.save(row)
            return true
        }.value
        guard hasEnded else { return }
        await spool.remove(SpoolFolder.Name(relayed: row.id, from: row.from))
        await pursuits.wake(.relayed(row.id, from: row.from))
    }

    /// Keeps a receipt that passes through, and owes it to the sender until the sender has it.
    private func owe(
        _ bytes: [UInt8], _ statement: ReceiptStatement, of row: RelayedRow, from peer: NodeID
    ) async throws -> LetterAnswer {
        let now = clock.now()
        let receipt = ReceiptRow(statement, bytes, at: now)
        let answer = try await store.commit { transaction -> LetterAnswer in
            guard try !transaction.holdsReceipt(receipt) else {
                // Whoever brings it again learns whether the sender has it by now.
                return try transaction.owes(
                    receipt.kind, about: row.id, from: row.from, to: row.from)
                    ? .held : .taken
            }
            try transaction.keep(receipt)
            try transaction.post(
                receipt.kind, bytes, about: row.id, from: row.from, to: row.from,
                until: now + Self.letterSeconds)
            try transaction.append(
                EntryDraft(
                    kind: "relay.told", transfer: row.id, actor: .node(peer),
                    details: receipt.details(of: statement)))
            return .held
        }.value
        if answer == .held { accepted.yield(.letters(to: row.from)) }
        return answer
    }
}
