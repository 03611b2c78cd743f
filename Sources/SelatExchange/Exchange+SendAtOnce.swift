import NIOCore
import SelatAudit
import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatHTTP
import SelatPolicy
import SelatStore
import SelatTransport
import Synchronization

// A small dataset that came with its request: verdict, sealing and release in one commit.

/// A transfer whose first release was recorded with its acceptance, on its way to whoever pursues it.
struct ReleasedAtOnce: Sendable {
    let row: OutboundRow
    let sender: Sender
    let released: Exchange.Released
    /// On which it has its turn.
    let lane: Lanes.Lane
    let connection: PeerClient?
    /// The sealed payload.
    let payload: [UInt8]
}

extension Exchange {
    /// Judges and seals a dataset, releases it where it may leave at once, and records all of it in one commit.
    /// - Returns: nil where it has to go step by step, and nothing was recorded: it is not permitted, or not small.
    /// - Throws: `Overtaken` where nothing was recorded, since the verdict would be another one by now.
    func sendAtOnce(
        _ asked: Asked, _ plaintext: some Plaintext, unless gone: EventLoopFuture<Void>? = nil
    ) async throws -> Begun? {
        let (id, request) = (asked.id, asked.request)
        let sealedSize = try SegmentLayout(messageSize: request.dataset.totalBytes).sealedSize
        guard Self.isStored(sealed: sealedSize) else { return nil }
        let (decision, raised) = try decide(asked.prepared, id) { window in
            try store.lookUp { try $0.counted(in: window) }
        }
        guard let permit = decision.permit else { return nil }
        try check(request, decision)
        await lanes.announce(id, request.precedence)
        do {
            let sealed = try await sealedInTurn(
                id,
                PendingSeal(decision: decision, permit: permit, asked: asked, begun: .now),
                plaintext, unless: gone)
            let row = try await accept(asked, decision, raised, sealed)
            accepted.yield(.outbound(id))
            return Begun(id: id, state: row.state, decision: decision)
        } catch {
            await lanes.withdraw(id)
            // An id of the caller's own may come again.
            requests.forget(id)
            sealedRecords.forget(id)
            throw error is Overtaken ? error : Self.problem(of: error)
        }
    }

    /// - Throws: `Overtaken` where the verdict would be another one now.
    private func accept(
        _ asked: Asked, _ decision: Decision, _ raised: [CountedRow], _ sealed: Sealed
    ) async throws -> OutboundRow {
        let (id, verdict) = (asked.id, decision.verdict)
        let (request, record) = (asked.request.stored(verdict: verdict), sealed.record.stored)
        // The release reads them.
        requests.keep(
            JudgedRequest(request: asked.request, verdict: verdict), of: id,
            storedBytes: request.count)
        sealedRecords.keep(sealed.record, of: id, storedBytes: record.count)
        var row = Self.judged(asked, verdict)
        row.contentKey = try storageKey.wrap(sealed.key.secret, for: .outbound(id))
        var sender = try Sender(row)
        let owed = decision.permit?.outstanding([]).isEmpty == false
        let actions = sender.handle(.sealed(approvalsOwed: owed), at: moment)
        guard case .record(let kind, _)? = actions.first else { throw ServiceProblem.changed(id) }
        row.take(sender)
        let judged = JudgedAgain(
            request: asked.request, record: sealed.record, permitted: verdict, again: decision,
            raised: [], prepared: asked.prepared)
        let begun = try await releasedAtOnce(row, judged, sealed, requestBytes: request.count)
        let accepted = begun?.row ?? row
        // Before the commit: after it whoever pursues it may come at any moment.
        if let begun { released.withLock { $0[id] = begun } }
        do {
            _ = try await store.commit { transaction in
                try self.requireRoom(for: asked.request, in: transaction.snapshot)
                try self.requireUnchanged(asked, verdict, raised, in: transaction)
                try Self.enter(accepted, request, asked, verdict, raised, in: transaction)
                try Self.enter(
                    sealed, record, as: kind, of: id, by: asked.user, in: transaction)
                if let begun { try Self.enter(begun, in: transaction) }
            }
        } catch {
            if let begun { await giveBack(begun) }
            throw error
        }
        return accepted
    }

    /// The verdict was made before this commit: editions and list must be those of the verdict still, and so must the
    /// counters that this transfer raises; with the others it must rest on the same.
    private func requireUnchanged(
        _ asked: Asked, _ verdict: Verdict, _ raised: [CountedRow], in transaction: Transaction
    ) throws {
        do {
            try transaction.requireNothingNewer(than: verdict, for: asked.id)
        } catch is Problem {
            throw Overtaken()
        }
        guard !verdict.question.counters.isEmpty else { return }
        let (again, _) = try decide(asked.prepared, asked.id) { try transaction.counted(in: $0) }
        let counters = again.verdict.question.counters
        guard again.permit != nil, again.verdict.hasSameBasis(as: verdict),
            raised.allSatisfy({ counters[$0.counter] == verdict.question.counters[$0.counter] })
        else { throw Overtaken() }
    }

    /// Gives back what a transfer holds that nobody pursues.
    func giveBack(_ begun: ReleasedAtOnce) async {
        released.withLock { $0[begun.row.id] = nil }
        if let connection = begun.connection { await peers.keep(connection) }
        await lanes.leave(begun.lane)
    }

    private static func enter(_ begun: ReleasedAtOnce, in transaction: Transaction) throws {
        let (row, released) = (begun.row, begun.released)
        try transaction.keep(released, of: row.id)
        var details = released.details
        details["to"] = .string(row.to.text)
        details["attempt"] = .integer(row.attempt)
        try transaction.append(
            EntryDraft(
                kind: try EntryKind(Sender.releasedKind), transfer: row.id,
                details: .object(details)))
    }

    /// Signs the head of a transfer that nobody knows of yet.
    /// - Returns: nil where it cannot leave at once: others have their turn, a person's word is owed, the verdict is not
    ///   of just now or of this route, no way is open, or the token with the key is away.
    private nonisolated(nonsending) func releasedAtOnce(
        _ row: OutboundRow, _ judged: JudgedAgain, _ sealed: Sealed, requestBytes: Int
    ) async throws -> ReleasedAtOnce? {
        let delivery = try Delivery(row, requestBytes: requestBytes)
        delivery.judged = judged
        guard case .database(let payload) = sealed.place, delivery.isHeadStored,
            abs(clock.now() - judged.prepared.question.decided) <= Self.freshSeconds,
            delivery.sender.handle(.due, at: moment) == [.release(attempt: 1)]
        else { return nil }
        delivery.choice.route = [identity.node] + judged.permitted.question.relays + [row.to]
        let lane = delivery.lane
        delivery.link = lane.peer
        guard await lanes.enterAtOnce(lane) else { return nil }
        do {
            let event = try await release(delivery, attempt: 1)
            guard event.isRelease, let released = delivery.released,
                released.route.dropFirst().dropLast().elementsEqual(
                    judged.permitted.question.relays)
            else {
                await leave(lane, delivery)
                return nil
            }
            let connection = delivery.takeConnection()
            _ = delivery.sender.handle(event, at: moment)
            var row = row
            row.take(delivery.sender)
            row.route = released.route
            return ReleasedAtOnce(
                row: row, sender: delivery.sender, released: released, lane: lane,
                connection: connection, payload: payload)
        } catch {
            await leave(lane, delivery)
            try Task.checkCancellation()
            return nil
        }
    }

    /// How long a verdict stands for the release too: it may have waited for its turn to be sealed.
    private static let freshSeconds: Int64 = 5
}
