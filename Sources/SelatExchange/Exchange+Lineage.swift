import SelatAudit
import SelatCore
import SelatEnvelope
import SelatEvidence
import SelatPolicy
import SelatStore

// Lineage: where a dataset comes from that is sent on, and what is owed for it.

extension Exchange {
    /// What received transfers lay on a dataset that derives from them.
    struct Lineage: Sendable {
        var countries: Set<Country> = []
        var received: Set<Received> = []
    }

    /// Reads what the ledger knows of the transfers that a dataset derives from.
    /// - Throws: `Problem` where one was not received here, or is not here any more.
    func lineage(of transfers: [TransferID]) async throws -> Lineage {
        var lineage = Lineage()
        for id in transfers {
            let (row, manifest) = try await receivedPart(id)
            let verdict = try Verdict(record: manifest.verdictRecord)
            let own = try await ownVerdict(of: row, verdict)
            lineage.countries.insert(row.from.country)
            lineage.countries.formUnion(verdict.question.lineage)
            lineage.received.insert(
                Received(
                    from: row.from.country, obligations: verdict.obligations + own.obligations,
                    destroyBy: row.destroyBy))
        }
        return lineage
    }

    private func receivedPart(_ id: TransferID) async throws -> (InboundRow, Manifest) {
        do {
            let manifest = try await manifest(id)
            let rows = try await store.read { try $0.inbound(id, from: manifest.core.from) }
            guard let row = rows else { throw ServiceProblem.unknownTransfer(id) }
            return (row, manifest)
        } catch {
            throw ServiceProblem.badFacts("derived from `\(id)`: \(error)")
        }
    }

    /// The import verdict under which it was received, as the log holds it; once its details are
    /// erased, the verdict as it would be now.
    func ownVerdict(of row: InboundRow, _ sent: Verdict) async throws -> Verdict {
        let filter = EntryFilter(transfer: row.id, kind: "transfer.received", limit: 100)
        for entry in try await store.read({ try $0.entries(filter) })
        where entry.entry.actor == .node(row.from) {
            if let details = entry.details,
                let record = try JSON(parsing: details)[Receipt.importKey]
            {
                return try Verdict(record: record.canonical)
            }
        }
        return try policies.decideImport(sent.question.ofImport)
    }
}
