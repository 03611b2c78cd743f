import SelatCore
import SelatCrypto
package import SelatFederation
package import SelatPolicy

// What officers' words count for: the same at both ends, and to an auditor.

extension VerifiedApproval {
    /// What policies count. A refusal is none.
    package var approval: Approval? {
        guard statement.decision == .approve else { return nil }
        return Approval(
            role: statement.role, side: statement.side.policySide, person: officer.id,
            isBreakGlass: statement.isBreakGlass)
    }

    /// Whether both are the same person's word in the same part.
    package func repeats(_ other: VerifiedApproval) -> Bool {
        officer.id == other.officer.id && statement.role == other.statement.role
            && statement.side == other.statement.side
            && statement.isBreakGlass == other.statement.isBreakGlass
    }

    /// Whether one key signs under two names: then they are not two persons.
    package func sharesKey(with other: VerifiedApproval) -> Bool {
        officer.id != other.officer.id
            && officer.certificate.publicKey == other.officer.certificate.publicKey
    }
}

extension ApprovalStatement.Side {
    package var policySide: Side {
        switch self {
        case .source: .source
        case .destination: .destination
        }
    }
}
