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
// are verified, held, and brought further; those of others are at most passed on (`Exchange.md`, *Letters*).

extension Exchange: LetterService {
    package func take(receipt bytes: [UInt8], from peer: NodeID) async throws -> LetterAnswer {
        try witnesses.requireExchange()
        let statement = try Self.unverified(bytes)
        if statement.kind == .cancelled {
            return try await letGo(bytes, statement, from: peer)
        }
        if statement.from != identity.node {
            if let row = try store.lookUp({ try $0.relayed(statement.id, from: statement.from) }) {
                return try await hold(bytes, statement, of: row, from: peer)
            }
            if passesOn(to: statement.from, from: peer) {
                return try await passOn(bytes, statement, from: peer)
            }
        }
        // Of what is not known here nothing is entered, and nothing counted against the peer, which may have passed it on.
        guard statement.from == identity.node else {
            throw ServiceProblem.unknownTransfer(statement.id)
        }
        _ = try await take(receipt: bytes, by: .node(peer))
        return .taken
    }

    /// Whether the last thing that was entered of that kind says the same: what is brought again and
    /// again, until its transfer is known, is entered once.
    func isEntered(
        _ cause: String, as kind: EntryKind, of id: TransferID?, by peer: NodeID
    ) async throws -> Bool {
        guard let id else { return false }
        let filter = EntryFilter(
            transfer: id, kind: kind, actor: .node(peer), newest: true, limit: 1)
        let details = try await store.entries(filter).first?.details
        return try details.map { try JSON(parsing: $0)["cause"]?.stringValue } == cause
    }

    // MARK: Taken back

    /// Lets go of a part of what its sender has taken back.
    private func letGo(
        _ bytes: [UInt8], _ statement: ReceiptStatement, from peer: NodeID
    ) async throws -> LetterAnswer {
        let (id, from) = (statement.id, statement.from)
        let found = try await store.read {
            (try $0.inbound(id, from: from), try $0.relayed(id, from: from))
        }
        do {
            // Only the sender's own word counts, whoever brings it.
            _ = try await stated(in: try Receipt(parsing: bytes).claim, by: from)
        } catch {
            try await enterRejection("\(error)", of: id, by: .node(peer))
            throw ServiceProblem.verificationFailed("receipt of `\(id)`: \(error)")
        }
        let cause = "cancelled by \(from): \(statement.reason ?? "")"
        let now = clock.now()
        if let row = found.0 {
            try await end(row, .withdrawn, because: cause, by: .node(peer), at: now)
        }
        if let row = found.1 { try await drop(row, because: cause, at: now) }
        // What is not known here needs not be let go.
        return .taken
    }

    // MARK: Passing through

    private func hold(
        _ bytes: [UInt8], _ statement: ReceiptStatement, of row: RelayedRow, from peer: NodeID
    ) async throws -> LetterAnswer {
        let receipt = ReceiptRow(statement, bytes, at: clock.now())
        let isSettled = [.delivered, .refused].contains(try Relay(row).state)
        // What was verified, and has settled what it can, is not verified each time that it is brought.
        let isKnown =
            try statement.signer == row.to && (isSettled || !statement.kind.isOutcome)
            && store.lookUp { try $0.holdsDocument(receipt) }
        if !isKnown {
            do {
                try await verify(bytes, statement, of: row)
            } catch {
                try await enterRejection("\(error)", of: row.id, by: .node(peer))
                throw ServiceProblem.verificationFailed("receipt of `\(row.id)`: \(error)")
            }
            if statement.kind.isOutcome { try await settle(row, statement, bytes, by: peer) }
        }
        return try await owe(receipt, statement, from: peer)
    }

    /// What the recipient did, as it has signed it.
    private func verifiedStatement(
        in bytes: [UInt8], by recipient: NodeID
    ) async throws -> ReceiptStatement {
        let verified = try await stated(in: try Receipt(parsing: bytes).claim, by: recipient)
        guard verified.kind.isRecipients else {
            throw ReceiptError.aboutAnother("thing than what the recipient did")
        }
        return verified
    }

    private func verify(
        _ bytes: [UInt8], _ statement: ReceiptStatement, of row: RelayedRow
    ) async throws {
        let verified = try await verifiedStatement(in: bytes, by: row.to)
        // Another attempt may have gone another way, past this relay: the sender knows it.
        guard verified.envelope == SHA256.digest(row.header) || verified.attempt != row.attempt
        else { throw ReceiptError.aboutAnother("envelope") }
        try verified.requireInTime(row.expires)
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
            let actions = relay.handle(event, at: self.moment(at: now))
            guard actions.contains(.destroy) else { return false }
            for case .record(let kind, _) in actions {
                var details: JSON.Object = [
                    "from": .string(row.from.text), "next": .string(row.next.text),
                    "attempt": .integer(row.attempt),
                    "receipt": .string(SHA256.digest(bytes).text),
                ]
                if let cause = relay.cause { details["cause"] = .string(cause) }
                try transaction.append(
                    EntryDraft(
                        kind: try EntryKind(kind), transfer: row.id, actor: .node(peer),
                        details: .object(details)))
            }
            row.take(relay)
            row.receipt = bytes
            try transaction.save(row)
            return true
        }.value
        guard hasEnded else { return }
        await pursuits.wake(.relayed(row.id, from: row.from))
        try await removeEnded(row.id, from: row.from)
    }

    /// Attempts of one transfer of which a relay holds the same thing stated.
    static let attemptsToldMax = 4

    /// Keeps a receipt that passes through, and owes it to the sender until the sender has it.
    private func owe(
        _ receipt: ReceiptRow, _ statement: ReceiptStatement, from peer: NodeID
    ) async throws -> LetterAnswer {
        if let answer = try store.lookUp({ try Self.answer(toHeld: receipt, in: $0) }) {
            return answer
        }
        let (id, from) = (receipt.id, receipt.from)
        let (answer, isPosted) = try await store.commit { transaction -> (LetterAnswer, Bool) in
            // Another may have brought it meanwhile.
            if let answer = try Self.answer(toHeld: receipt, in: transaction.snapshot) {
                return (answer, false)
            }
            // Of an attempt that went past this relay anything can be stated, and only the sender sees through it.
            guard
                try transaction.receiptCount(receipt.kind, of: id, from: from)
                    < Self.attemptsToldMax,
                try transaction.snapshot.letterCount(of: from.country, besides: Self.recallLetter)
                    < Limits.lettersPerMemberMax
            else { throw ServiceProblem.tooManyLetters(from.country) }
            try transaction.keep(receipt)
            try transaction.post(
                receipt.kind, receipt.document, about: id, from: from, to: from,
                until: receipt.taken + Self.letterSeconds)
            try transaction.append(
                EntryDraft(
                    kind: "relay.told", transfer: id, actor: .node(peer),
                    details: receipt.details(of: statement)))
            return (.held, true)
        }.value
        if isPosted { accepted.yield(.letters(to: from)) }
        return answer
    }

    /// Whoever brings a receipt again learns whether the sender has it by now.
    /// - Returns: nil where it is not held.
    private static func answer(
        toHeld receipt: ReceiptRow, in snapshot: Snapshot
    ) throws -> LetterAnswer? {
        guard try snapshot.holdsReceipt(receipt) else { return nil }
        let isOwed = try snapshot.owes(
            receipt.kind, about: receipt.id, from: receipt.from, to: receipt.from)
        return isOwed ? .held : .taken
    }

    /// Passes on a receipt of a transfer that did not pass through here: whose it is only its sender can say.
    private func passOn(
        _ bytes: [UInt8], _ statement: ReceiptStatement, from peer: NodeID
    ) async throws -> LetterAnswer {
        do { _ = try await verifiedStatement(in: bytes, by: statement.signer) } catch {
            try await enterRejection("\(error)", of: statement.id, by: .node(peer))
            throw ServiceProblem.verificationFailed("receipt of `\(statement.id)`: \(error)")
        }
        return try await passOn(bytes, isRecall: false, to: statement.from, from: peer)
    }
}
