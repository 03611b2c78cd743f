import SelatCore
import SelatCrypto
import SelatFederation
import SelatPolicy

/// The officers' statements that count for one transfer.
struct Presented: Sendable {
    /// Per document the newest attestation.
    var documents: [String: Shown] = [:]
    /// The declaration that the sender relies on; of several the one that lasts longest.
    var emergency: Shown?

    struct Shown: Sendable {
        let message: [UInt8]
        let verified: VerifiedStatement
    }

    /// The messages, in the order of the documents, the declaration last.
    var messages: [[UInt8]] {
        documents.sorted { $0.key < $1.key }.map(\.value.message)
            + (emergency.map { [$0.message] } ?? [])
    }

    /// Takes a statement in where it counts for more than what is there.
    mutating func take(_ shown: Shown) {
        switch shown.verified.statement {
        case .attestation(let attestation):
            let held = documents[attestation.document]?.verified.statement.issued
            if held.map({ $0 < attestation.issued }) ?? true {
                documents[attestation.document] = shown
            }
        case .declaration(let declaration):
            if emergencyEnd.map({ $0 < declaration.until }) ?? true { emergency = shown }
        }
    }

    /// The first moment at which the emergency is over.
    var emergencyEnd: Timestamp? {
        guard case .declaration(let declaration) = emergency?.verified.statement else { return nil }
        return declaration.until
    }
}

/// Whether officers' statements count for a transfer: what the policies ask of them (Membership
/// documents, *Officers' statements*, rules 3 to 5).
struct StatementRules: Sendable {
    let policies: PolicySet
    let from: NodeID
    let to: NodeID
    /// The verdict's moment.
    let decided: Timestamp

    /// - Returns: why a statement does not count; nil where it does.
    func fault(in verified: VerifiedStatement) -> String? {
        let statement = verified.statement
        guard statement.from == from else {
            return "it is about transfers from `\(statement.from)`"
        }
        guard statement.covers(to) else { return "it is not about transfers to `\(to)`" }
        guard statement.issued <= decided else { return "it is issued only at \(statement.issued)" }
        switch statement {
        case .attestation(let attestation): return fault(in: attestation, by: verified.officer)
        case .declaration(let declaration):
            guard verified.officer.roles.contains(VerifiedStatement.emergencyRole) else {
                return "`\(verified.officer.id)` is no \(VerifiedStatement.emergencyRole)"
            }
            return decided < declaration.until ? nil : "the emergency ended at \(declaration.until)"
        }
    }

    /// Whether the officer has the role that the statement asks for: a newer record may give it.
    func isByRole(_ verified: VerifiedStatement) -> Bool {
        switch verified.statement {
        case .attestation(let attestation):
            guard let document = policies.documents[attestation.document] else { return true }
            return verified.officer.roles.contains(document.role)
        case .declaration:
            return verified.officer.roles.contains(VerifiedStatement.emergencyRole)
        }
    }

    private func fault(
        in attestation: OfficerStatement.Attestation, by officer: MemberRecord.Officer
    ) -> String? {
        guard let document = policies.documents[attestation.document] else {
            return "no policy file has a document `\(attestation.document)`"
        }
        guard officer.roles.contains(document.role) else {
            return "`\(officer.id)` is no \(document.role)"
        }
        guard !document.counts(attested: attestation.issued, at: decided) else { return nil }
        return "it counted until \(document.end(attested: attestation.issued))"
    }
}
