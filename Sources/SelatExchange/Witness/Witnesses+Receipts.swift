import Logging
import SelatAudit
package import SelatCore
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatStore
import SelatTransport
import Synchronization

// Receipts become witnessed: their holder asks for a newer proof, their maker gives it.

extension Witnesses {
    /// The newest witnessed checkpoint, if it holds an entry.
    func witnessed(covering sequence: UInt64) -> SignedCheckpoint? {
        state.withLock { $0.witnessed }.flatMap { sequence < $0.checkpoint.size ? $0 : nil }
    }

    /// The first witnessed checkpoint of this epoch that holds an entry. What was cosigned soon after the
    /// entry counts also where this node was cut, or its witnesses' keys have changed, since.
    func firstWitnessed(covering sequence: UInt64) async throws -> SignedCheckpoint? {
        let (origin, key) = (origin, verifierKey)
        let row = try await store.read { try $0.cosigned(origin, covering: sequence) }
        return try row.map { try SignedCheckpoint(note: $0.note, key: key) }
    }

    /// The best proof of an entry that can be given now; nil where the log is not shown so far.
    func proof(of sequence: UInt64) async throws -> TLogProof? {
        guard standing == .proven else { return nil }
        let newest = store.latestCheckpoint
        let checkpoint = witnessed(covering: sequence) ?? newest
        guard sequence < checkpoint.checkpoint.size else { return nil }
        return try store.proof(of: sequence, in: checkpoint)
    }

    /// Whether the quorum of its country has cosigned a checkpoint of a node, by the policies that
    /// were made at the start.
    func isWitnessed(_ note: [UInt8], of node: NodeID) -> Bool {
        policies[node.country]?.isWitnessed(note) ?? false
    }

    /// Whether a receipt's proof ends at a checkpoint that the quorum of its signer lacks, though
    /// there is a quorum to be had.
    func lacksWitnesses(_ receipt: Receipt, of signer: NodeID) -> Bool {
        guard let policy = policies[signer.country], policy.quorum != nil else { return false }
        let note = receipt.proof.checkpoint
        hear(checkpoint: note, from: signer)
        return !isWitnessed(note, of: signer)
    }

    /// `{"entries": [...]}` is answered with paths to the newest witnessed checkpoint.
    package func proofs(_ request: JSON) async throws -> JSON {
        let numbers = (request["entries"]?.arrayValue ?? []).map { $0.integerValue }
        let entries = numbers.compactMap { $0.flatMap { UInt64(exactly: $0) } }
        guard !entries.isEmpty, entries.count == numbers.count,
            entries.count <= Limits.proofsPerRequestMax
        else {
            throw Problem.refusal(
                400, "`entries` must hold 1 to \(Limits.proofsPerRequestMax) numbers")
        }
        guard let checkpoint = state.withLock({ $0.witnessed }) else {
            throw Problem.refusal(404, "no checkpoint is witnessed yet")
        }
        let size = checkpoint.checkpoint.size
        let paths = try await store.read { snapshot in
            try entries.filter { $0 < size }.map {
                ($0, try snapshot.inclusionProof(of: $0, in: size))
            }
        }
        let named = paths.map { ("\($0)", JSON.strings($1.map { Base64.encode($0.bytes) })) }
        return [
            "checkpoint": .string(String(decoding: checkpoint.note, as: UTF8.self)),
            "paths": .object(JSON.Object(Dictionary(named) { first, _ in first })),
        ]
    }

    /// Asks for newer proofs of the receipts that are held and not witnessed, a part of each peer's: those of one
    /// must not stand before everybody else's.
    func renewReceipts() async throws {
        let (policies, now) = (policies, clock.now())
        for peer in federation.nodes.keys where policies[peer.country]?.quorum != nil {
            let receipts = try await store.read {
                try $0.unwitnessedReceipts(of: peer, dueAt: now, limit: 4_096)
            }
            let chunks = stride(from: 0, to: receipts.count, by: Limits.proofsPerRequestMax).map {
                receipts[$0..<min($0 + Limits.proofsPerRequestMax, receipts.count)]
            }
            for chunk in chunks {
                do {
                    try await renew(Array(chunk), of: peer)
                } catch let error as StoreError {
                    throw error
                } catch {
                    logger.debug(
                        "receipts not renewed", metadata: ["peer": "\(peer)", "error": "\(error)"])
                    break
                }
            }
        }
    }

    private func renew(_ open: [UnwitnessedReceipt], of peer: NodeID) async throws {
        guard let policy = policies[peer.country], policy.quorum != nil else { return }
        let documents = try await store.read { snapshot in
            try open.compactMap { open in
                try snapshot.document(of: open).map { (open: open, bytes: $0) }
            }
        }
        let held = try documents.map { (open: $0.open, receipt: try Receipt(parsing: $0.bytes)) }
        let entries = held.map { JSON.integer($0.receipt.entry.sequence) }
        guard !entries.isEmpty else { return }
        let answer = try await asking(peer) { try await $0.proofs(["entries": .array(entries)]) }
        guard let answer, let note = answer["checkpoint"]?.stringValue.map({ Array($0.utf8) })
        else { return }
        hear(checkpoint: note, from: peer)
        let signed = try SignedNote(parsing: note)
        guard let log = federation.log(of: try Checkpoint(parsing: signed.text).origin),
            log.node == peer, try policy.standing(of: signed).isWitnessed
        else { throw AuditError.quorumMissing("\(peer)") }
        let checkpoint = try SignedCheckpoint(note: note, anyEpochOf: log.key)
        var renewed: [(open: UnwitnessedReceipt, document: [UInt8])] = []
        var unproven: [(open: UnwitnessedReceipt, isAhead: Bool)] = []
        for (open, receipt) in held {
            guard let path = answer["paths"]?["\(receipt.entry.sequence)"] else {
                let isAhead = receipt.entry.sequence >= checkpoint.checkpoint.size
                unproven.append((open, isAhead))
                continue
            }
            do {
                renewed.append((open, try receipt.renewed(path, checkpoint, note).json.canonical))
            } catch {
                // A peer that lost its disk went on without what it had stated; its other receipts
                // are no worse for that, and do not wait for it.
                unproven.append((open, false))
                logger.debug(
                    "receipt not renewed",
                    metadata: [
                        "peer": "\(peer)", "transfer": "\(open.id)", "error": "\(error)",
                    ])
            }
        }
        _ = try await store.commit { [renewed, unproven] transaction in
            for (open, document) in renewed { try transaction.renew(open, with: document) }
            for (open, isAhead) in unproven { try transaction.putOff(open, isAhead: isAhead) }
        }
    }
}

extension Receipt {
    /// The same receipt with another proof of its entry.
    /// - Throws: `AuditError` for a proof that does not hold.
    fileprivate func renewed(
        _ path: JSON, _ signed: SignedCheckpoint, _ note: [UInt8]
    ) throws -> Receipt {
        let hashes = (path.arrayValue ?? []).compactMap { $0.stringValue }
            .compactMap { Base64.decode($0[...]) }.compactMap { try? Digest(bytes: $0) }
        let proof = TLogProof(index: entry.sequence, path: hashes, checkpoint: note)
        try proof.verify(leaf: entry.leaf, in: signed.checkpoint)
        return Receipt(
            statement: statement, entry: entry, details: details, salt: salt, proof: proof)
    }
}
