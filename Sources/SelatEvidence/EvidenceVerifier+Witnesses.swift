import SelatAudit
import SelatCore
import SelatFederation

// Whether others have seen a log: one that its node alone has signed can be shown to each in
// another version.

extension EvidenceVerifier {
    /// The key that must have signed a checkpoint of a node's log, whichever its epoch.
    func logKey(
        in note: [UInt8], _ node: NodeID, _ federation: Federation
    ) throws -> VerifierKey {
        let origin = try Checkpoint(parsing: try SignedNote(parsing: note).text).origin
        guard let log = federation.log(of: origin), log.node == node else {
            throw EvidenceFault.differs("the checkpoint is of another log than that of \(node)")
        }
        return log.key
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
