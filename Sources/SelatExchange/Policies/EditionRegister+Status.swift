package import SelatCore
import SelatCrypto
import SelatFederation
import SelatPolicy
package import SelatStore
import SelatTransport
import Synchronization

// What `status` shows of each file, and what peers are served.
extension EditionRegister {
    /// Name to edition, as `API.md` describes it.
    package func status() async throws -> JSON {
        let now = settled
        let (schedule, faulty) = state.withLock { ($0.schedule, $0.faulty) }
        var editions: JSON.Object = [:]
        let active = self.active.editions
        let rows = try await store.read { snapshot in
            try active.mapValues { try snapshot.edition($0.digest) }
        }
        var heads: [Digest: EditionHead] = [:]
        for (name, edition) in active {
            var members: JSON.Object = [
                "edition": .integer(edition.number), "digest": .string(edition.digest.text),
                "standing": .string(edition.standing.rawValue),
            ]
            if let row = rows[name] ?? nil {
                let head = try head(of: row)
                heads[row.digest] = head
                members.merge(try details(of: row, head)) { first, _ in first }
            }
            members["waiting"] = .array(schedule.waiting(name, at: now).map(Self.document))
            let fault = schedule.due(at: now).first { $0.name == name }.flatMap {
                faulty[$0.digest]
            }
            members["fault"] = fault.map { .string($0) }
            editions[name] = .object(members)
        }
        for name in schedule.names where editions[name] == nil {
            editions[name] = ["waiting": .array(schedule.waiting(name, at: now).map(Self.document))]
        }
        state.withLock { [heads] in $0.heads = heads }
        return .object(editions)
    }

    /// Now, or before what is due waits: that is shown as waiting.
    private var settled: Timestamp {
        let now = clock.now()
        return state.withLock { $0.next }.map { min(now, $0 + -1) } ?? now
    }

    /// Lines for people: what is due and does not load.
    package var warnings: [String] {
        state.withLock { state in
            state.faulty.values.sorted().map {
                "a policy edition in force does not load, and the one before stays: \($0)"
            }
        }
    }

    private func head(of row: EditionRow) throws -> EditionHead {
        try state.withLock { $0.heads[row.digest] }
            ?? EditionHead(PolicySource(name: "\(row.name).yaml", bytes: row.bytes))
    }

    private func details(of row: EditionRow, _ head: EditionHead) throws -> JSON.Object {
        var members: JSON.Object = [
            "in_force": .string(head.inForce.text), "received": .string(row.received.text),
            "from": .string(row.source),
        ]
        members["review_by"] = head.reviewBy.map { .string($0.text) }
        let signers = try CMS.unverifiedSigners(
            ofDetached: row.signatures, content: row.bytes, type: .policyEdition
        ).map(\.signer)
        members["signatures"] = signatures(signers, of: head)
        return members
    }

    /// They were verified when the edition was taken; here they are counted.
    private func signatures(_ signers: [CMS.SignerName], of head: EditionHead) -> JSON {
        let records = federation.records.values.sorted { $0.country < $1.country }
        let persons = records.map { record in
            Set(
                record.policySigners.filter { signers.contains(CMS.SignerName(of: $0)) }
                    .compactMap(\.officer))
        }
        let names = persons.joined().sorted().map(\.text)
        if case .country(let country) = head.kind {
            let needed = federation.records[country]?.policyThreshold ?? 0
            return [
                "counted": .integer(Int64(names.count)), "needed": .integer(Int64(needed)),
                "of": "officers", "by": .strings(names),
            ]
        }
        let signed = zip(records, persons).count { $0.policyThreshold <= $1.count }
        return [
            "counted": .integer(Int64(signed)),
            "needed": .integer(Int64(federation.list.quorum)), "of": "members",
            "by": .strings(names),
        ]
    }

    private static func document(_ mark: EditionMark) -> JSON {
        [
            "edition": .integer(mark.number), "digest": .string(mark.digest.text),
            "in_force": .string(mark.inForce.text),
        ]
    }

    // MARK: For peers

    /// The active editions, and behind them those that wait for their moment.
    package var index: [EditionMark] {
        let now = settled
        let schedule = state.withLock { $0.schedule }
        let active = schedule.names.compactMap { schedule.activeMark($0) }
        let waiting = schedule.names.flatMap { schedule.waiting($0, at: now) }
        return Array((active + waiting).prefix(Limits.offeredEditionsMax))
    }

    /// An edition that was ever taken; nil for others.
    package func edition(_ digest: Digest) async throws -> EditionRow? {
        try await store.read { try $0.edition(digest) }
    }
}
