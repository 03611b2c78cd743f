import SelatAudit
package import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatPolicy
package import SelatStore

// Debts: reports that this node owes for a transfer. A debt sleeps until its event.

/// A report that this node owes.
package struct Debt: Hashable, Sendable {
    /// The obligation in one line, as policies print it.
    package let obligation: String
    /// The event from which its time runs, `emergency-end`.
    package let event: String
    /// When the event was, or will certainly be; nil while nobody knows of it.
    package let starts: Timestamp?
    package let due: Timestamp?

    /// The reports among obligations that one of these sides owes.
    static func reports(
        _ obligations: [Obligation], owedBy sides: Set<Side>, events: [Start: Timestamp]
    ) -> [Debt] {
        obligations.filter { sides.contains($0.owedBy) }.compactMap { obligation in
            guard case .report(_, _, let seconds, let start, _) = obligation.demand else {
                return nil
            }
            let starts = events[start]
            return Debt(
                obligation: obligation.summary, event: start.rawValue, starts: starts,
                due: starts.map { $0 + Int64(clamping: seconds) })
        }
    }
}

extension Exchange {
    /// What is owed here for a transfer that this node sends, once it was released.
    package func debts(of row: OutboundRow, _ entries: [EntryRow]) async throws -> [Debt] {
        guard let released = entries.first(where: { $0.entry.kind == "transfer.released" }) else {
            return []
        }
        let verdict = try request(of: row).verdict
        var events = [Start.transfer: released.entry.time, .firstTransfer: released.entry.time]
        events[.delivery] = entries.first { $0.entry.kind == "transfer.delivered" }?.entry.time
        events[.emergencyEnd] = try await emergencyEnd(in: entries)
        return Debt.reports(
            verdict.obligations, owedBy: [.source, .both], events: events)
    }

    /// What is owed here for a dataset that lies in the inbox.
    package func debts(of row: InboundRow, _ entries: [EntryRow]) async throws -> [Debt] {
        guard [.delivered, .opened].contains(try Recipient(row).state),
            let manifest = try? await manifest(of: row)
        else { return [] }
        let verdict = try Verdict(record: manifest.verdictRecord)
        let own = try await ownVerdict(of: row, verdict)
        var events: [Start: Timestamp] = [:]
        events[.transfer] = manifest.core.created
        events[.delivery] = entries.first { $0.entry.kind == "transfer.arrived" }?.entry.time
        events[.emergencyEnd] = Self.emergencyEnd(among: manifest.statements)
        let debts = Debt.reports(
            verdict.obligations + own.obligations, owedBy: [.destination, .both], events: events)
        return debts.enumerated().filter { !debts[..<$0.offset].contains($0.element) }
            .map(\.element)
    }

    /// The end of the emergency on which a permit rests, as the log names its declaration.
    private func emergencyEnd(in entries: [EntryRow]) async throws -> Timestamp? {
        let permitted = entries.first { $0.entry.kind == "transfer.permitted" }
        guard let details = try permitted?.details.map({ try JSON(parsing: $0) }),
            let digests = details["statements"]?.arrayValue?.compactMap(\.stringValue)
        else { return nil }
        let rows = try await store.read { snapshot in
            try digests.compactMap { try snapshot.statement(try Digest($0)) }
        }
        return Self.emergencyEnd(among: rows.map(\.message))
    }

    private static func emergencyEnd(among messages: [[UInt8]]) -> Timestamp? {
        for message in messages {
            guard let content = try? CMS.unverifiedContent(message, type: .declaration),
                case .declaration(let declaration) = try? OfficerStatement(
                    content: content, type: .declaration)
            else { continue }
            return declaration.until
        }
        return nil
    }
}
