package import SelatCore
import SelatCrypto

/// An officer's approval or refusal whose signature is good.
package struct VerifiedApproval: Hashable, Sendable {
    package let statement: ApprovalStatement
    package let officer: MemberRecord.Officer
    /// SHA-256 of the message.
    package let digest: Digest
    package let message: [UInt8]

    /// Why the statement does not count for a transfer at a moment; nil where it does.
    /// - Parameters:
    ///   - subject: the transfer as it is here; its `transit` is the route that is to be taken.
    ///   - ends: the countries that answer for the two sides.
    ///   - skew: by how many seconds the officer's clock may be ahead.
    package func fault(
        about subject: ApprovalStatement.Subject,
        between ends: (source: Country, destination: Country),
        at time: Timestamp, skew: Int64 = 0
    ) -> String? {
        if let part = statement.subject.part(differingFrom: subject) {
            return "it is about another transfer: `\(part)` differs"
        }
        let country = statement.side == .source ? ends.source : ends.destination
        guard officer.id.node.country == country else {
            return "`\(officer.id)` does not answer for \(country), the \(statement.side.rawValue)"
        }
        guard officer.roles.contains(statement.role) else {
            return "`\(officer.id)` is no \(statement.role)"
        }
        guard statement.issued - time <= skew else {
            return "it is issued only at \(statement.issued)"
        }
        guard time <= statement.notAfter else { return "it counted until \(statement.notAfter)" }
        guard
            statement.decision == .refuse || statement.side == .destination
                || statement.review == .dataset
        else { return "the dataset was not opened before it was signed" }
        return nil
    }
}

extension ApprovalStatement.Subject {
    /// The first part that is another transfer's. A country of `transit` that an approval names and
    /// the route does not touch is no difference.
    func part(differingFrom other: Self) -> String? {
        if id != other.id { return "id" }
        if core != other.core { return "core" }
        if root != other.root { return "root" }
        if size != other.size { return "size" }
        if description != other.description { return "description" }
        if basis != other.basis { return "basis" }
        return Set(other.transit).isSubset(of: transit) ? nil : "transit"
    }
}

extension Federation {
    /// Verifies the message and that a record lists its signer. For which transfer and side it
    /// counts is `fault(about:between:at:)`'s to say.
    /// - Throws: `FederationError`; `.contradiction` names what does not fit.
    package func verifyApproval(
        _ message: [UInt8], at time: Timestamp
    ) throws(FederationError) -> VerifiedApproval {
        guard message.count <= ApprovalStatement.bytesMax else {
            throw .contradiction(ApprovalStatement.name, reason: "it is larger than 64 KiB")
        }
        let (officer, signed) = try officersMessage(
            message, .approval, ApprovalStatement.name, at: time)
        let statement = try ApprovalStatement(content: signed.content)
        guard statement.subject.federation == id else {
            throw .contradiction(ApprovalStatement.name, reason: "it is for another federation")
        }
        guard statement.issued == signed.signingTime else {
            throw .contradiction(
                ApprovalStatement.name, reason: "it was signed at another moment than it says")
        }
        return VerifiedApproval(
            statement: statement, officer: officer, digest: SHA256.digest(message),
            message: message)
    }
}
