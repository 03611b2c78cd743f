import Logging
import SelatAudit
import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatStore
import SelatTransport

// The relay's road, second half: offer to the next node, hand over, ask for the recipient's receipt
// until it is there. The machine says what to do next; here it is done.

extension Exchange {
    /// One transfer while this process passes it on. Only its own task touches it.
    private final class Forwarding {
        let row: RelayedRow
        let headBytes: UInt64
        var relay: Relay
        /// The recipient's receipt.
        var receipt: ProvenReceipt?
        /// The next relay's, until it is recorded.
        var relayed: ReceiptRow?
        /// How long to wait before the next try.
        var pause: Duration?
        /// The node that the last try could not reach.
        var away: Set<NodeID> = []

        init(_ row: RelayedRow, headBytes: UInt64) throws {
            self.row = row
            self.headBytes = headBytes
            relay = try Relay(row)
        }

        var pursuit: Pursuit { .relayed(row.id, from: row.from) }
        var name: SpoolFolder.Name { SpoolFolder.Name(relayed: row.id, from: row.from) }
        var passage: Passage {
            Passage(
                upload: UploadID(from: row.from, transfer: row.id), name: name,
                recipient: row.to, lane: lane, expires: row.expires, attempt: relay.attempt,
                envelope: SHA256.digest(row.header))
        }
        var lane: Lanes.Lane {
            Lanes.Lane(
                to: row.next, row.precedence, size: row.payloadSize + headBytes, row.id,
                from: row.from)
        }
    }

    /// - Returns: whether there is news, so that what is durable must be read again.
    func forwardFromStore(_ id: TransferID, from: NodeID) async throws -> Bool {
        guard let row = try store.lookUp({ try $0.relayed(id, from: from) }) else { return false }
        // That it is lost is found out in its turn.
        let headBytes = try? await partSize(.head, of: SpoolFolder.Name(relayed: id, from: from))
        let forwarding = try Forwarding(row, headBytes: headBytes ?? 0)
        // What still arrives, or waits for the sender, is taken up again when there is news.
        while [.holding, .forwarded].contains(forwarding.relay.state) {
            let lane = forwarding.lane
            let patience = Duration.seconds(max(1, row.expires - clock.now()))
            let isEntered = await lanes.enter(lane, atMost: patience)
            guard isEntered || clock.now() >= row.expires else {
                try Task.checkCancellation()
                continue
            }
            (forwarding.pause, forwarding.away) = (nil, [])
            do {
                try Task.checkCancellation()
                if let cause = try await headFault(forwarding) {
                    try await drive(forwarding, .headStale(cause: cause))
                }
                try await drive(forwarding, .due)
                await lanes.leave(lane)
            } catch {
                await lanes.leave(lane)
                throw error
            }
            guard [.holding, .forwarded].contains(forwarding.relay.state) else { return false }
            // An answer that the machine has no use for is no reason to ask again at once.
            let pause = forwarding.pause ?? backoff(forwarding.relay.failures + 1)
            if try await self.pause(
                forwarding.pursuit, pause, for: forwarding.away, row.precedence)
            {
                return true
            }
        }
        return false
    }

    /// Why the head here is of no use, which only the sender can mend; nil where it is.
    ///
    /// The spool may hold another than the one that the log tells of: a crash came between the file
    /// of a newer attempt and its commit, or somebody's hand. And its signature may count no more.
    private nonisolated(nonsending) func headFault(
        _ forwarding: Forwarding
    ) async throws -> String? {
        let row = forwarding.row
        do {
            let head = try EnvelopeHead(parsing: await part(.head, of: forwarding.name))
            guard try head.unverifiedIdentity() == SHA256.digest(row.header) else {
                return Self.headLost
            }
            // Once the next node holds it, its signature has been believed.
            guard forwarding.relay.state == .holding,
                try isSignedInVain(head, others: federation.nodes[row.from]?.signing ?? [])
            else { return nil }
            return "the certificate of its signature counts no more"
        } catch let error where error is StoreError || Task.isCancelled {
            throw error
        } catch {
            return Self.headLost
        }
    }

    private static let headLost = "the head here was lost"

    /// Feeds the machine with an event and with what its actions lead to.
    private nonisolated(nonsending) func drive(
        _ forwarding: Forwarding, _ first: Relay.Event
    ) async throws {
        var event: Relay.Event? = first
        while let current = event {
            event = nil
            let before = forwarding.relay
            await lookAtClock(past: forwarding.row.expires)
            for action in forwarding.relay.handle(current, at: moment) {
                event = try await perform(action, forwarding, from: before) ?? event
            }
        }
    }

    /// - Returns: the event that the action led to.
    private nonisolated(nonsending) func perform(
        _ action: Relay.Action, _ forwarding: Forwarding, from before: Relay
    ) async throws -> Relay.Event? {
        switch action {
        case .record(let kind, _): try await record(forwarding, kind: kind, from: before)
        case .save: try await record(forwarding, kind: nil, from: before)
        case .offer:
            return try await heard(forwarding) {
                try await self.offer($0, isInline: !forwarding.relay.handedOn) {
                    try await self.handOn(forwarding)
                }
            }
        case .upload(let offset):
            return try await heard(forwarding) {
                try await self.upload($0, from: offset) { try await self.handOn(forwarding) }
            }
        case .ask: return try await heard(forwarding) { try await self.ask($0) }
        case .sendLastPiece: break
        case .retry(let failures):
            let rest = await peers.rest(of: forwarding.row.next)
            forwarding.pause = max(backoff(failures), rest)
        case .waitForClock: forwarding.pause = Self.doubtPause
        case .destroy: try await removeEnded(forwarding.row.id, from: forwarding.row.from)
        }
        return nil
    }

    /// Removes the files of what has ended here, unless it was offered anew meanwhile. An upload that runs
    /// is cut off before: it would write them again.
    func removeEnded(_ id: TransferID, from: NodeID) async throws {
        try await uploads.alone(UploadID(from: from, transfer: id)) {
            let row = try self.store.lookUp { try $0.relayed(id, from: from) }
            guard try row.map({ try Relay($0).state.isOutcome }) ?? true else { return }
            await self.spool.remove(SpoolFolder.Name(relayed: id, from: from))
        }
    }

    private nonisolated(nonsending) func heard(
        _ forwarding: Forwarding,
        _ work: nonisolated(nonsending) (Passage) async throws -> News
    ) async throws -> Relay.Event {
        let passage = forwarding.passage
        switch try await tried(passage, { try await work(passage) }) {
        case .accepted(let offset): return .accepted(offset: offset)
        case .relayProven(let receipt, _):
            forwarding.relayed = receipt
            return .relayProven
        case .deliveryProven(let receipt):
            forwarding.receipt = receipt
            return .deliveryProven
        case .refusalProven(let cause, let receipt):
            forwarding.receipt = receipt
            return .refusalProven(cause: cause)
        case .held: return .held
        // Only the sender can go another way.
        case .headStale(let cause): return .headStale(cause: cause)
        case .blocked(let cause, let isRefusal):
            if !isRefusal { forwarding.away = [passage.next] }
            return .failed(cause: cause)
        case .busy(let cause), .tooLarge(let cause), .slow(let cause), .failed(let cause, _):
            return .failed(cause: cause)
        }
    }

    private nonisolated(nonsending) func handOn(_ forwarding: Forwarding) async throws {
        let before = forwarding.relay
        if forwarding.relay.handle(.lastPieceReady, at: moment).contains(.save) {
            try await record(forwarding, kind: nil, from: before)
        }
    }

    private nonisolated(nonsending) func record(
        _ forwarding: Forwarding, kind: String?, from before: Relay
    ) async throws {
        let (relay, key) = (forwarding.relay, forwarding.row)
        let (receipt, relayed) = (forwarding.receipt?.document, forwarding.relayed)
        let entryKind = try kind.map { try EntryKind($0) }
        let now = clock.now()
        // The sender hears of it at once, and not only when it asks.
        let outcome = try forwarding.receipt.map {
            ReceiptRow(try $0.receipt.unverifiedStatement, $0.document, at: now)
        }
        _ = try await store.commit { transaction in
            // The state that this was decided on; else the pursuit begins again from the row.
            guard var row = try transaction.relayed(key.id, from: key.from), row.isAs(before) else {
                throw Overtaken()
            }
            row.take(relay)
            if let receipt { row.receipt = receipt }
            if let outcome {
                try transaction.keep(outcome)
                try transaction.post(
                    outcome.kind, outcome.document, about: row.id, from: row.from, to: row.from,
                    until: now + Self.letterSeconds)
            }
            try transaction.save(row)
            guard let entryKind else { return }
            var details: JSON.Object = [
                "from": .string(row.from.text), "next": .string(row.next.text),
                "attempt": .integer(row.attempt),
            ]
            if let cause = relay.cause { details["cause"] = .string(cause) }
            if let receipt { details["receipt"] = .string(SHA256.digest(receipt).text) }
            if relay.state == .forwarded, let relayed {
                try transaction.keep(relayed)
                details["receipt"] = .string(SHA256.digest(relayed.document).text)
            }
            try transaction.append(
                EntryDraft(kind: entryKind, transfer: key.id, details: .object(details)))
        }
        if relay.state.isOutcome {
            logger.info(
                "relayed transfer ended",
                metadata: ["id": "\(key.id)", "state": "\(relay.state.rawValue)"])
            if outcome != nil { accepted.yield(.letters(to: key.from)) }
        }
    }
}
