import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatEvidence
package import SelatFederation
package import SelatPolicy
package import SelatStore

/// What one transfer's approvals are about, and who may give them: the same at both ends.
struct ApprovalRules: Sendable {
    let subject: ApprovalStatement.Subject
    let source: Country
    let destination: Country

    /// - Parameters:
    ///   - route: the nodes between the two ends.
    init(
        core: EnvelopeCore, payload: PayloadIdentity, dataset: DatasetDescription, verdict: Verdict,
        through route: [NodeID] = []
    ) {
        subject = ApprovalStatement.Subject(
            core: core, payload: payload, dataset: dataset, verdict: verdict, through: route)
        (source, destination) = (core.from.country, core.to.country)
    }

    /// Why an approval does not count for this transfer; nil where it does.
    func fault(in verified: VerifiedApproval, at time: Timestamp, skew: Int64 = 0) -> String? {
        verified.fault(
            about: subject, between: (source: source, destination: destination), at: time,
            skew: skew)
    }
}

extension VerifiedApproval {
    /// Who approved as what, for the recipient's log.
    var summary: JSON {
        [
            "digest": .string(digest.text), "officer": .string(officer.id.text),
            "role": .string(statement.role), "side": .string(statement.side.rawValue),
        ]
    }
}

extension ApprovalDebt {
    /// All approvals that obligations ask for.
    static func all(_ obligations: [Obligation]) -> [ApprovalDebt] {
        outstanding(of: obligations, after: [])
    }

    /// Debts in one line.
    static func list(_ debts: [ApprovalDebt]) -> String {
        debts.map(\.description).joined(separator: ", ")
    }
}

/// The approvals of one transfer as its sender keeps them.
package struct ApprovalStanding: Sendable {
    /// What is still owed.
    package let owed: [ApprovalDebt]
    /// Everything that was handed in, oldest first.
    package let given: [Given]

    package struct Given: Sendable {
        package let row: ApprovalRow
        /// Nil where it cannot be read.
        package let statement: ApprovalStatement?
        /// Nil where the signature is not good any more.
        package let officer: MemberRecord.Officer?
        /// Why it does not count now.
        package let fault: String?
    }
}
