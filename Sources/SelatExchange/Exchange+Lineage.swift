import SelatAudit
import SelatCore
import SelatEnvelope
import SelatEvidence
import SelatHTTP
import SelatPolicy
import SelatStore

// Lineage: where a dataset comes from that is sent on, and what is owed for it.

extension Exchange {
    /// What received transfers lay on a dataset that derives from them.
    struct Lineage: Sendable {
        var countries: Set<Country> = []
        var received: Set<Received> = []
        /// The transfers themselves, each with its sender.
        var parts: [TransferReference] = []
    }

    /// Reads what the ledger knows of the transfers that a dataset derives from.
    /// - Throws: `Problem` where one was not received here, is not here any more, or may be either of two.
    func lineage(of transfers: [TransferReference]) async throws -> Lineage {
        var lineage = Lineage()
        for part in transfers {
            let (row, manifest) = try await receivedPart(part)
            let verdict = try Verdict(record: manifest.verdictRecord)
            let own = try await ownVerdict(of: row, verdict)
            lineage.parts.append(TransferReference(row.id, from: row.from))
            lineage.countries.insert(row.from.country)
            lineage.countries.formUnion(verdict.question.lineage)
            lineage.received.insert(
                Received(
                    from: row.from.country, obligations: verdict.obligations + own.obligations,
                    destroyBy: row.destroyBy))
        }
        return lineage
    }

    private func receivedPart(
        _ part: TransferReference
    ) async throws -> (InboundRow, Manifest) {
        do {
            let row = try await delivered(part.id, from: part.from)
            return (row, try await manifest(of: row))
        } catch let problem as Problem {
            throw ServiceProblem.badFacts(
                "derived from `\(part)`: \(problem.detail ?? problem.title)",
                remedy: "see `selat inbox`; where two senders have used an id, say whose it is: "
                    + "`CC/node:ID`")
        } catch {
            throw ServiceProblem.badFacts("derived from `\(part)`: \(error)")
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
