import SelatAudit
package import SelatCore
import SelatDelivery
import SelatEvidence
import SelatPolicy
package import SelatStore

// Who still holds what of ours, and what lies here of others' (`Exchange.md`, *Holdings*).

extension Exchange {
    /// A dataset that lies with somebody, as far as this node can tell.
    package struct Holding: Sendable {
        package let row: OutboundRow
        /// When the recipient stated that it has it; nil where it may have arrived and nobody said so.
        package let since: Timestamp?
        /// Until when it may keep it by both verdicts; nil where nothing ends it.
        package let until: Timestamp?
        /// What the recipient has stated of it last since, by its log, a word of `ReceiptKind`; nil where it has not.
        package let stated: String?
    }

    /// The own datasets that others hold or may hold, newest first; those that the recipient has
    /// destroyed, and those whose time is over, are no longer among them.
    package func holdingsOfOthers(limit: Int) async throws -> [Holding] {
        let states: Set = [Sender.State.delivered.rawValue, Sender.State.unconfirmed.rawValue]
        let rows = try await store.read {
            try $0.outbound(TransferFilter(states: states, limit: limit))
        }
        let (now, node) = (clock.now(), identity.node)
        let told = try await store.read { snapshot in
            try rows.map { row in
                try snapshot.receipts(of: row.id, from: node).filter { $0.signer == row.to }
            }
        }
        let destroyed = ReceiptKind.destroyed.rawValue
        return try zip(rows, told).filter { !$1.contains { $0.kind == destroyed } }
            .map { try holding($0, stated: Self.statedLast($1)) }
            .filter { $0.until.map { now < $0 } ?? true }
    }

    /// What one signer has entered last: its receipts may have come in any order.
    private static func statedLast(_ receipts: [ReceiptRow]) throws -> String? {
        guard receipts.count > 1 else { return receipts.first?.kind }
        return try receipts.map {
            (kind: $0.kind, entry: try Receipt(parsing: $0.document).entry.sequence)
        }.max { $0.entry < $1.entry }?.kind
    }

    /// Others' datasets that lie here, newest first.
    package func holdings(limit: Int) async throws -> [InboundRow] {
        let states = Set([Recipient.State.delivered, .opened, .recalled].map(\.rawValue))
        return try await store.read {
            try $0.inbound(TransferFilter(states: states, limit: limit))
        }
    }

    private func holding(_ row: OutboundRow, stated: String?) throws -> Holding {
        guard let receipt = try receipt(of: row).map({ try Receipt(parsing: $0) }) else {
            return Holding(row: row, since: nil, until: nil, stated: stated)
        }
        let since = try receipt.unverifiedStatement.time
        var obligations = try request(of: row).verdict.obligations
        // What the recipient judged for itself stands in the entry that its receipt shows.
        if let own = try JSON(parsing: receipt.details)[Receipt.importKey], own != .null {
            obligations += try Verdict(record: own.canonical).obligations
        }
        // The recipient counts from the offer, which is not later than its receipt.
        let until = Self.retention(obligations).map { since + Int64(clamping: $0) }
        return Holding(row: row, since: since, until: until, stated: stated)
    }
}
