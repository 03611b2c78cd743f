import Logging
import SelatAudit
package import SelatCore
import SelatDelivery
package import SelatStore

// What an operator does about a transfer that is under way: take it back, or try it now.

extension Exchange {
    /// Takes a transfer back, as long as nothing whole has left: recorded first, destroyed then.
    /// - Throws: `Problem` where it is not known, has ended, or may have arrived.
    package func cancel(
        _ id: TransferID, reason: String, by user: UInt32
    ) async throws -> OutboundRow {
        let now = clock.now()
        let row = try await store.commit { transaction -> OutboundRow in
            guard var row = try transaction.outbound(id) else {
                throw ServiceProblem.unknownTransfer(id)
            }
            let before = try Sender(row)
            var sender = before
            let actions = sender.handle(.cancelled(cause: reason), at: now)
            guard sender.state == .cancelled, before.state != .cancelled else {
                throw ServiceProblem.notCancellable(row)
            }
            for case .record(let kind, let cause) in actions {
                var details: [String: JSON] = [
                    "to": .string(row.to.text), "cause": .string(cause ?? ""),
                ]
                if sender.attempt > 0 { details["attempt"] = .integer(sender.attempt) }
                try transaction.append(
                    EntryDraft(
                        kind: try EntryKind(kind), transfer: id, actor: .user(user),
                        details: .object(details)))
            }
            row.take(sender)
            row.contentKey = nil
            if before.isBeforePayload { try transaction.uncount(id) }
            try transaction.save(row)
            return row
        }.value
        await spool.remove(SpoolFolder.Name(outbound: id))
        await pursuits.wake(.outbound(id))
        logger.info("transfer ended", metadata: ["id": "\(id)", "state": "\(row.state)"])
        await endings.tell(id)
        return row
    }

    /// Tries a transfer now that waits for its next try: one of the own, or one that passes through.
    /// - Throws: `Problem` where it is not known, or waits for nothing that a try could change.
    package func retry(_ id: TransferID) async throws {
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
