import SelatAudit
import SelatCore
import SelatDelivery
import SelatEnvelope
import SelatStore
import SelatTransport

// What time ends: transfers that lapsed, and datasets whose retention is over.

extension Exchange {
    /// Ends what has lapsed, and destroys what a retention duty no longer lets lie here, where the clock
    /// can be believed.
    func endOverdue() async throws {
        guard witnesses.mayEnd else { return forgetWithdrawn() }
        let now = clock.now()
        let due = try await store.read {
            try $0.inboundDue(open: Recipient.State.receiving.rawValue, at: now)
        }
        for row in due { await kept { try await self.end(row, .tick, at: now) } }
        let passing = try await store.read {
            try $0.relayedDue(states: Relay.spooledStates, at: now)
        }
        for row in passing { await kept { try await self.end(row, at: now) } }
        try await endRecalled(at: now)
        try await endLetters(at: now)
        try await forgetEndedHindrances()
        forgetWithdrawn()
        // Nobody pursues what waits for a person.
        let waiting = Sender.State.waiting.rawValue
        for id in try await store.read({ try $0.outboundDue(state: waiting, at: now) }) {
            accepted.yield(.outbound(id))
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
                let actions = relay.handle(.tick, at: self.moment(at: now))
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
