import Logging
import SelatAudit
package import SelatCore
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatHTTP
package import SelatStore
import SelatTransport

// How a transfer ends at its recipient: the key in the commit that says so, the files after it. An
// operator's word, the end of a retention duty and a payload that came too late take the same road.

extension Exchange {
    /// Destroys a dataset that was received here, for good. One that an officer keeps on a legal ground is not
    /// destroyed without a word about it.
    /// - Throws: `Problem` where it is not known, does not lie here, or is kept and no reason is given.
    package func destroy(
        _ id: TransferID, from: NodeID? = nil, reason: String?, by user: UInt32
    ) async throws -> InboundRow {
        let row = try await received(id, from: from, in: [.delivered, .opened, .recalled])
        if reason == nil, let ground = try await legalGround(of: row) {
            throw ServiceProblem.keptOnGround(id, ground)
        }
        let words = reason.map { "operator: \($0)" } ?? "operator"
        guard
            let after = try await end(
                row, .destroy, because: words, by: .user(user), at: clock.now())
        else {
            throw ServiceProblem.changed(id)
        }
        return after
    }

    /// What an own officer stated who refused the recall of a dataset.
    private func legalGround(of row: InboundRow) async throws -> String? {
        let recall = try await recall(of: row.id, from: row.from)
        guard recall?.decision == RecallAnswer.Decision.refuse.rawValue else { return nil }
        return try await story(of: row).last { $0.statement.kind == .retained }?.statement.reason
            ?? "its recall was refused"
    }

    /// Performs a step that ends a transfer here. An upload that still runs is fenced off.
    /// - Returns: the row after it; nil where the step ends nothing.
    @discardableResult
    func end(
        _ row: InboundRow, _ event: Recipient.Event,
        because reason: String = "retention: the time for which it may be kept is over",
        by actor: EntryActor = .daemon, at now: Timestamp
    ) async throws -> InboundRow? {
        let upload = UploadID(from: row.from, transfer: row.id)
        let after = try await uploads.alone(upload) {
            let ending = try await self.untilSettled(upload) {
                try await self.endOnce(row, event, reason, actor, now)
            } unless: {
                $0.isNothing
            }
            guard case .ended(let after) = ending else { return InboundRow?.none }
            await self.spool.remove(SpoolFolder.Name(inbound: row.id, from: row.from))
            return after
        }
        if let after {
            logger.info(
                "received dataset is gone",
                metadata: [
                    "id": "\(row.id)", "from": "\(row.from)", "state": "\(after.state)",
                ])
            accepted.yield(.letters(to: row.from))
        }
        return after
    }

    private enum Ending: Sendable {
        case ended(InboundRow)
        /// The event ends nothing in the state that the transfer has.
        case unfit

        var isNothing: Bool {
            if case .unfit = self { true } else { false }
        }
    }

    /// - Returns: nil where there is news about the transfer, of which the signed statement does not tell.
    private func endOnce(
        _ row: InboundRow, _ event: Recipient.Event, _ reason: String, _ actor: EntryActor,
        _ now: Timestamp
    ) async throws -> Ending? {
        guard let row = try await store.read({ try $0.inbound(row.id, from: row.from) }) else {
            return .unfit
        }
        var machine = try Recipient(row)
        let actions = machine.handle(event, at: self.moment(at: now))
        guard actions.contains(.destroy) else { return .unfit }
        let statement = try await statement(for: actions, on: row, reason, at: now)
        return try await withdrawing(UploadID(from: row.from, transfer: row.id)) {
            try await enter(row, event, reason, actor, actions, statement, at: now)
        } unless: { ending in
            ending?.isNothing ?? true
        }
    }

    private func enter(
        _ row: InboundRow, _ event: Recipient.Event, _ reason: String, _ actor: EntryActor,
        _ actions: [Recipient.Action], _ statement: Statement?, at now: Timestamp
    ) async throws -> Ending? {
        try await store.commit { transaction -> Ending? in
            guard var row = try transaction.inbound(row.id, from: row.from) else { return .unfit }
            var recipient = try Recipient(row)
            guard recipient.handle(event, at: self.moment(at: now)) == actions else { return nil }
            if let statement, try transaction.lastEntry(of: row.id) != statement.newest {
                return nil
            }
            for case .record(let kind, _) in actions {
                let entry = try transaction.append(
                    EntryDraft(
                        kind: try EntryKind(kind), transfer: row.id, actor: actor,
                        details: .object(
                            statement?.details
                                ?? (event == .withdrawn ? ["cause": .string(reason)] : [:]))))
                if let statement {
                    try transaction.record(statement, on: row, as: entry, at: now)
                }
            }
            row.take(recipient)
            row.contentKey = nil
            transaction.leaveNoTrace()
            try transaction.save(row)
            return .ended(row)
        }.value
    }
}
