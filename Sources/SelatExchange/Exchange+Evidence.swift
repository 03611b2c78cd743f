import SelatAudit
package import SelatCore
import SelatCrypto
import SelatEnvelope
package import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatStore

// What proves one transfer to somebody who trusts neither end (Evidence.docc).

extension Exchange {
    /// Everything that this node can show about a transfer.
    /// - Throws: `Problem` for a transfer that is not known here.
    package func evidence(of id: TransferID, from: NodeID? = nil) async throws -> Evidence {
        var found = try await rows(id, from: from)
        let (from, to, receipt): (NodeID, NodeID, [UInt8]?)
        if let row = found.outbound {
            (from, to, receipt) = (identity.node, row.to, try self.receipt(of: row))
        } else if let row = found.inbound.first {
            (from, to, receipt) = (row.from, identity.node, try await self.receipt(of: row))
        } else {
            throw ServiceProblem.unknownTransfer(id)
        }
        // Another may have used the id, for what is no matter of this evidence.
        found.entries = try found.entries.filter { try Self.isAbout(from, to, $0) }
        let entries = try await proven(found.entries)
        let documents = try await documents(
            behind: receipt, of: to, asOf: Self.settled(found.entries))
        let envelope = try Self.envelope(receipt, found.entries)
        let header = try envelope.flatMap { envelope in
            try store.lookUp { try $0.header(of: envelope) }
        }
        var former = Evidence.Former.nothing
        if header != nil, let then = Self.entered(envelope, found.entries) {
            former = Evidence.Former(
                of: try await membership.federation(asOf: then).documents, beside: documents)
        }
        return Evidence(
            subject: Evidence.Subject(
                federation: federation.id, maker: identity.node, from: from, to: to, id: id,
                made: clock.now()),
            membership: documents, header: header,
            entries: entries, receipt: receipt, policies: try await policies(found.entries),
            approvals: try await approvals(id, found.inbound.first),
            former: former,
            laterLists: Array(federation.documents.lists.dropFirst(documents.lists.count)),
            laterReceipts: try await laterReceipts(found.outbound, found.inbound.first))
    }

    /// Whether nothing in an entry's details says that it is of a transfer between other nodes.
    private static func isAbout(_ from: NodeID, _ to: NodeID, _ row: EntryRow) throws -> Bool {
        guard let bytes = row.details else { return true }
        let details = try JSON(parsing: bytes)
        let verdicts = [details["verdict"], details[Receipt.importKey]].compactMap(\.self)
        return verdicts.allSatisfy {
            ($0["from"]?.stringValue ?? from.text) == from.text
                && ($0["to"]?.stringValue ?? to.text) == to.text
        } && (details["from"]?.stringValue ?? from.text) == from.text
    }

    /// What the recipient has stated since it took the dataset in, by the entry of its log.
    private func laterReceipts(
        _ outbound: OutboundRow?, _ inbound: InboundRow?
    ) async throws -> [UInt64: [UInt8]] {
        var documents: [[UInt8]] = []
        if let row = outbound {
            let node = identity.node
            documents = try store.lookUp { try $0.receipts(of: row.id, from: node) }
                .filter { $0.signer == row.to }.map(\.document)
        } else if let row = inbound {
            for stated in try store.lookUp({ try $0.stated(of: row.id, from: row.from) }) {
                if let document = try await receipt(stated.statement, stated.entry) {
                    documents.append(document)
                }
            }
        }
        var receipts: [UInt64: [UInt8]] = [:]
        for document in documents {
            let receipt = try Receipt(parsing: document)
            guard try receipt.unverifiedStatement.kind.isAfterDelivery else { continue }
            receipts[receipt.entry.sequence] = document
        }
        return receipts
    }

    /// What a receipt that is held here amounts to now.
    package enum ReceiptStanding: Hashable, Sendable {
        /// Its log alone has signed it.
        case signed
        /// A quorum of other countries has cosigned it.
        case witnessed
        /// Its signer was cut off, and it does not count.
        case distrusted(Distrust)
    }

    /// Witnesses are taken as they are now, or as they were when the entry was made: their keys
    /// change, and what they have cosigned stays cosigned.
    package func standing(
        of receipt: Receipt, signer: NodeID
    ) async throws -> ReceiptStanding {
        let note = receipt.proof.checkpoint
        let view = membership.current
        let then = try await membership.federation(
            asOf: receipt.entry.time + Limits.clockSkewSecondsMax)
        let country = signer.country
        let policies = [
            try view.roll.policies[country] ?? view.federation.witnessPolicy(of: country),
            try then.witnessPolicy(of: country),
        ]
        let distrusts = policies.map { policy in
            view.federation.list.distrust(
                of: signer, entry: receipt.entry.sequence, in: note, by: policy)
        }
        // Trusted by either set of keys is trusted: each counts only what its own keys have signed.
        if let first = distrusts.first, let first, !distrusts.contains(nil) {
            return .distrusted(first)
        }
        return policies.contains { $0.isWitnessed(note) } ? .witnessed : .signed
    }

    /// What officers signed about a transfer: as it was handed in here, or as it came with the
    /// dataset while that lies here.
    private func approvals(
        _ id: TransferID, _ inbound: InboundRow?
    ) async throws -> [Digest: [UInt8]] {
        let handed = try store.lookUp { try $0.approvals(of: id) }.map(\.message)
        var came: [[UInt8]] = []
        if let inbound { came = (try? await manifest(of: inbound))?.approvals ?? [] }
        return Dictionary((handed + came).map { (SHA256.digest($0), $0) }) { first, _ in first }
    }

    /// When the transfer was settled, as far as it is: signatures are judged by the membership of then,
    /// whatever has been renewed or cut since; header and approvals by that of `entered(_:_:)`.
    private static func settled(_ rows: [EntryRow]) -> Timestamp {
        let kinds: Set<String> = [
            "transfer.released", "transfer.delivered", "transfer.refused", "transfer.received",
            "transfer.arrived", "offer.refused",
        ]
        let last = rows.last { kinds.contains($0.entry.kind.text) } ?? rows.last
        return last?.entry.time ?? Timestamp(seconds: .max)
    }

    /// The membership by which this node went when the transfer was settled; of the recipient with the record
    /// that lists the certificate of its receipt, which may have left it before the receipt came.
    private func documents(
        behind receipt: [UInt8]?, of recipient: NodeID, asOf settled: Timestamp
    ) async throws -> MembershipDocuments {
        let then = try await membership.federation(asOf: settled)
        let documents = then.documents
        guard let claim = try receipt.map({ try Receipt(parsing: $0).claim }),
            let former = try formerRecord(behind: claim, of: recipient, now: then)
        else { return documents }
        return MembershipDocuments(
            lists: documents.lists,
            records: documents.records.merging([recipient.country: former]) { $1 },
            revocationLists: documents.revocationLists)
    }

    /// The files that the verdicts among the entries pin, as this node holds them.
    private func policies(_ rows: [EntryRow]) async throws -> [String: Evidence.PolicyFile] {
        let records = rows.compactMap { row in
            row.details.flatMap { try? JSON(parsing: $0) }
        }.flatMap { details in [details["verdict"], details[Receipt.importKey]] }
        let digests = Set(
            records.flatMap { ($0?["editions"]?.objectValue ?? [:]).values }.compactMap {
                $0["digest"]?.stringValue.flatMap { try? Digest($0) }
            })
        let editions = try store.lookUp { snapshot in
            try digests.compactMap { try snapshot.edition($0) }
        }
        return Dictionary(
            editions.map {
                ($0.name, Evidence.PolicyFile(bytes: $0.bytes, signatures: $0.signatures))
            }, uniquingKeysWith: { first, _ in first })
    }

    private func proven(_ rows: [EntryRow]) async throws -> [ProvenEntry] {
        let sequences = rows.map(\.entry.sequence)
        let checkpoint = try await witnesses.firstWitnessed(covering: sequences.max() ?? 0)
        let proofs = try await store.proofs(of: sequences, in: checkpoint)
        return zip(rows, proofs).map { row, proof in
            ProvenEntry(entry: row.entry, details: row.details, salt: row.salt, proof: proof)
        }
    }

    /// The envelope that the receipt is about; without one, the newest that was signed or taken.
    private static func envelope(_ receipt: [UInt8]?, _ rows: [EntryRow]) throws -> Digest? {
        let named = try receipt.map { try Receipt(parsing: $0).unverifiedStatement.envelope }
        return named ?? rows.lazy.reversed().compactMap { Self.envelope(in: $0) }.first
    }

    private static func envelope(in row: EntryRow) -> Digest? {
        row.details.flatMap { try? JSON(parsing: $0)["envelope"]?.stringValue }
            .flatMap { try? Digest($0) }
    }

    /// When an envelope's header was released, taken in, or refused for good; nil where that is not known any more.
    private static func entered(_ envelope: Digest?, _ rows: [EntryRow]) -> Timestamp? {
        let kinds: Set<String> = ["transfer.released", "transfer.received", "offer.refused"]
        return envelope.flatMap { envelope in
            rows.first {
                kinds.contains($0.entry.kind.text) && Self.envelope(in: $0) == envelope
            }?.entry.time
        }
    }
}
