import SelatAudit
import SelatCore
import SelatCrypto
import SelatFederation

// Whether others have seen a log: one that its node alone has signed can be shown to each in
// another version.

extension EvidenceVerifier {
    /// The key that must have signed a checkpoint of a node's log, whichever its epoch: as its record names it,
    /// or did when the header was released, also where a list cuts the node off.
    func logKey(
        in note: [UInt8], _ node: NodeID, _ federation: Federation
    ) throws -> VerifierKey {
        let origin = try Checkpoint(parsing: try SignedNote(parsing: note).text).origin
        let keys = [federation, then].compactMap { $0?.logKey(of: node, in: origin) }
        let signing = keys.first { (try? SignedCheckpoint(note: note, anyEpochOf: $0)) != nil }
        guard let key = signing ?? keys.first else {
            throw EvidenceFault.differs("the checkpoint is of another log than that of \(node)")
        }
        return key
    }

    /// The certificate that has signed a receipt. A list that cuts its node off says what of it counts, and not
    /// that nobody signed.
    func signer(
        _ name: IssuerAndSerial, of node: NodeID, at time: Timestamp, _ federation: Federation
    ) throws(FederationError) -> VerifiedCertificate {
        let isCut = federation.list.cut(of: node) != nil
        let membership = isCut ? then ?? federation : federation
        return try membership.signer(name, node: node, at: time)
    }

    /// Counts the cosignatures of a checkpoint that its log has signed.
    mutating func judgeWitnesses(
        of note: [UInt8], _ node: NodeID, _ federation: Federation
    ) throws {
        let policy = try federation.witnessPolicy(of: node.country)
        let claim = "that \(node) shows this log to everybody"
        guard policy.quorum != nil else {
            report.unproven.appendOnce("\(claim): no quorum of other countries witnesses it")
            return
        }
        let standing = try policy.standing(of: try SignedNote(parsing: note))
        let names = federation.witnesses(of: node.country)
        let seen = standing.cosignatures.map { cosignature in
            let name = names.first { $0.value == cosignature.key }?.key.text
            return "\(name ?? cosignature.key.name) at \(cosignature.time)"
        }
        // Several statements may rest on states of one log of which the same is to be said.
        guard standing.isWitnessed else {
            report.unproven.appendOnce(
                "\(claim): its quorum has not cosigned this state of it"
                    + (seen.isEmpty ? "" : ", only \(seen.sorted().joined(separator: ", "))"))
            return
        }
        report.proven.appendOnce(
            "this state of the log of \(node) is witnessed: cosigned by "
                + seen.sorted().joined(separator: ", "))
    }
}

extension [String] {
    fileprivate mutating func appendOnce(_ line: String) {
        if !contains(line) { append(line) }
    }
}
