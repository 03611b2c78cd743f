import SelatAudit
import SelatCore
import SelatDelivery
import SelatEnvelope
import SelatStore
import SelatTransport

// What time ends: transfers that lapsed, and datasets whose retention is over.

extension Exchange {
    /// Ends what has lapsed, and destroys what a retention duty no longer lets lie here.
    func endOverdue() async throws {
        let now = clock.now()
        let due = try await store.read {
            try $0.inboundDue(
                open: Recipient.State.receiving.rawValue,
                kept: [Recipient.State.delivered, .opened].map(\.rawValue), at: now)
        }
        for row in due { try await end(row, .tick, at: now) }
        let passing = try await store.read {
            try $0.relayedDue(states: Relay.spooledStates, at: now)
        }
        for row in passing { try await end(row, at: now) }
        // Nobody pursues what waits for a person.
        let waiting = Sender.State.waiting.rawValue
        for id in try await store.read({ try $0.outboundDue(state: waiting, at: now) }) {
            accepted.yield(.outbound(id))
        }
    }

    /// Performs a step that ends a transfer here: the key first, then the files. An upload that still
    /// runs is fenced off.
    func end(_ row: InboundRow, _ event: Recipient.Event, at now: Timestamp) async throws {
        let upload = UploadID(from: row.from, transfer: row.id)
        try await uploads.alone(upload) {
            let ended = try await self.store.commit { transaction -> Bool in
                guard var row = try transaction.inbound(row.id, from: row.from) else {
                    return false
                }
                var recipient = try Recipient(row)
                let actions = recipient.handle(event, at: now)
                guard actions.contains(.destroy) else { return false }
                for case .record(let kind, _) in actions {
                    try transaction.append(
                        EntryDraft(kind: try EntryKind(kind), transfer: row.id, details: [:]))
                }
                row.take(recipient)
                row.contentKey = nil
                try transaction.save(row)
                return true
            }.value
            guard ended else { return }
            await self.spool.remove(SpoolFolder.Name(inbound: row.id, from: row.from))
        }
    }

    /// Ends what passed through here and expired.
    private func end(_ row: RelayedRow, at now: Timestamp) async throws {
        let upload = UploadID(from: row.from, transfer: row.id)
        try await uploads.alone(upload) {
            let ended = try await self.store.commit { transaction -> Bool in
                guard var row = try transaction.relayed(row.id, from: row.from) else {
                    return false
                }
                var relay = try Relay(row)
                let actions = relay.handle(.tick, at: now)
                for case .record(let kind, _) in actions {
                    try transaction.append(
                        EntryDraft(
                            kind: try EntryKind(kind), transfer: row.id,
                            details: ["cause": .string(relay.cause ?? "")]))
                }
                row.take(relay)
                try transaction.save(row)
                return actions.contains(.destroy)
            }.value
            guard ended else { return }
            await self.spool.remove(SpoolFolder.Name(relayed: row.id, from: row.from))
        }
    }
}
