import SelatAudit
import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatStore

// What a recipient states about a dataset after its arrival: signed before it is recorded, recorded
// with the change, brought to the sender afterwards (`Exchange.md`, *Letters*).

extension Exchange {
    /// A statement that is signed, and not recorded yet.
    struct Statement: Sendable {
        let kind: ReceiptKind
        let message: [UInt8]
        let reason: String?
        let unreached: [UnreachedCopy]
        let until: Timestamp?
        /// The newest entry about the transfer when it was made: what it says of copies is true as
        /// long as there is no newer one.
        let newest: UInt64?

        /// What the entry that records it holds.
        var details: JSON.Object {
            var details: JSON.Object = [
                Receipt.statementKey: .string(SHA256.digest(message).text)
            ]
            details["reason"] = reason.map { .string($0) }
            details["until"] = until.map { .string($0.text) }
            if kind.saysUnreached { details["unreached"] = .array(unreached.map(\.json)) }
            return details
        }
    }

    /// The recall that a statement answers.
    struct Recall: Sendable {
        let digest: Digest
        /// When the dataset may be destroyed at the earliest.
        let holdUntil: Timestamp?
    }

    /// What is to be stated with a step; nil where nothing is.
    func statement(
        for actions: [Recipient.Action], on row: InboundRow, _ reason: String,
        _ recall: Recall? = nil, at now: Timestamp
    ) async throws -> Statement? {
        for case .record(_, let kind?) in actions {
            return try await statement(
                kind, on: row, reason: kind.hasReason ? reason : nil,
                recall: kind.answersRecall ? recall : nil, at: now)
        }
        return nil
    }

    /// Signs what is about to happen to a dataset that lies here.
    func statement(
        _ kind: ReceiptKind, on row: InboundRow, reason: String? = nil, recall: Recall? = nil,
        at now: Timestamp
    ) async throws -> Statement {
        let newest = try await store.read { try $0.lastEntry(of: row.id) }
        let unreached = kind.saysUnreached ? try await unreached(row, at: now) : []
        let header = try Header(parsing: row.header)
        let content = ReceiptStatement(
            federation: federation.id, kind: kind, from: row.from, id: row.id,
            envelope: SHA256.digest(row.header), attempt: header.attempt, signer: identity.node,
            time: now, reason: reason, unreached: unreached, recall: recall?.digest,
            until: kind == .recalled ? recall?.holdUntil : nil)
        return Statement(
            kind: kind,
            message: try CMS.sign(
                content: content.json.canonical, type: .receipt, signer: identity.signer, at: now),
            reason: reason, unreached: unreached, until: content.until, newest: newest)
    }

    /// The copies that destroying a dataset here does not reach.
    private func unreached(_ row: InboundRow, at now: Timestamp) async throws -> [UnreachedCopy] {
        let onward = try await store.read { try $0.derived(from: row.id, of: row.from) }
            .filter { $0.handedOn }.map { UnreachedCopy.onward(to: $0.to, id: $0.id) }
        let opened = try await takers("transfer.opened", row).map {
            UnreachedCopy.opened(by: $0.by, times: $0.times, last: $0.last)
        }
        let exported = try await takers("transfer.exported", row).map {
            UnreachedCopy.exported(by: $0.by, times: $0.times, last: $0.last)
        }
        // Erasures and keys reach backups when the last one made until now is thrown away.
        let backup = UnreachedCopy.backup(until: now + Limits.backupLifeSecondsMax)
        let room = UnreachedCopy.listedMax - 1
        return Array((opened + exported + onward).prefix(room)) + [backup]
    }

    /// Who took a dataset away, how often, and when last.
    private struct Taker {
        var by: String
        var times: UInt64 = 0
        var last: Timestamp

        mutating func add(times: UInt64, last: Timestamp) {
            self.times += times
            self.last = max(self.last, last)
        }
    }

    private func takers(_ kind: EntryKind, _ row: InboundRow) async throws -> [Taker] {
        var takers: [String: Taker] = [:]
        let filter = EntryFilter(transfer: row.id, kind: kind, limit: 100_000)
        for found in try await store.entries(filter) {
            // Another sender may have used the id. What was erased, or exported by an earlier version, does not tell.
            let from = try found.details.flatMap { try JSON(parsing: $0)["from"]?.stringValue }
            guard from == nil || from == row.from.text else { continue }
            let entry = found.entry
            let actor = entry.actor.text
            takers[actor, default: Taker(by: actor, last: entry.time)]
                .add(times: 1, last: entry.time)
        }
        var named = takers.values.sorted { ($1.last, $0.by) < ($0.last, $1.by) }
        guard named.count > Self.namedMax else { return named }
        var others = Taker(by: "others", last: named[Self.namedMax].last)
        for taker in named[Self.namedMax...] { others.add(times: taker.times, last: taker.last) }
        named.removeSubrange(Self.namedMax...)
        return named + [others]
    }

    /// Persons that one statement names for each way to take a dataset away.
    private static let namedMax = 60

    /// How long a letter is brought again and again before nobody does any more: as long as an
    /// envelope may live.
    static let letterSeconds = Limits.envelopeLifeSecondsMax
}

extension Transaction {
    /// Records a statement with the entry whose details hold its digest, and owes it to the sender.
    func record(
        _ statement: Exchange.Statement, on row: InboundRow, as entry: UInt64, at now: Timestamp
    ) throws {
        try state(
            StatedRow(
                from: row.from, id: row.id, kind: statement.kind.rawValue, entry: entry,
                statement: statement.message), until: now + Exchange.letterSeconds)
    }
}
