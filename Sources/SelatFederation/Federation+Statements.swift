package import SelatCore
import SelatCrypto

/// An officer's statement whose signature is good.
package struct VerifiedStatement: Hashable, Sendable {
    package let statement: OfficerStatement
    package let officer: MemberRecord.Officer
    /// SHA-256 of the message.
    package let digest: Digest

    /// The role that a declaration of an emergency needs.
    package static let emergencyRole = "emergency-officer"
}

extension Federation {
    /// Verifies the message, that a record lists its signer, and that the signer may speak for the
    /// country that the statement is about. Which role is needed is the policies' to say.
    /// - Throws: `FederationError`; `.contradiction` names what does not fit.
    package func verifyStatement(
        _ message: [UInt8], at time: Timestamp
    ) throws(FederationError) -> VerifiedStatement {
        guard message.count <= OfficerStatement.bytesMax else {
            throw .contradiction(Self.statement, reason: "it is larger than 64 KiB")
        }
        let type = try Self.statementType(of: message)
        let (officer, signed) = try officersMessage(message, type, Self.statement, at: time)
        let statement = try OfficerStatement(content: signed.content, type: type)
        try check(statement, by: officer, signedAt: signed.signingTime)
        return VerifiedStatement(
            statement: statement, officer: officer, digest: SHA256.digest(message))
    }

    /// A message that one officer of a record in force has signed.
    func officersMessage(
        _ message: [UInt8], _ type: CMSContentType, _ document: String, at time: Timestamp
    ) throws(FederationError) -> (officer: MemberRecord.Officer, signed: CMS.SignedContent) {
        var officer: MemberRecord.Officer?
        let signed: CMS.SignedContent
        do {
            signed = try CMS.verifyNamed(message, type: type) { name in
                let found = try self.officer(name, at: time)
                officer = found.officer
                return found.certificate
            }
        } catch let error as CryptoError {
            throw .notTrusted(document, error)
        } catch let error as FederationError {
            throw error
        } catch {
            throw .contradiction(document, reason: "\(error)")
        }
        guard let officer else { throw .contradiction(document, reason: "nobody signed it") }
        return (officer, signed)
    }

    private func check(
        _ statement: OfficerStatement, by officer: MemberRecord.Officer,
        signedAt time: Timestamp
    ) throws(FederationError) {
        guard statement.federation == id else {
            throw .contradiction(Self.statement, reason: "it is for another federation")
        }
        guard statement.issued == time else {
            throw .contradiction(
                Self.statement, reason: "it was signed at another moment than it says")
        }
        guard officer.id.node.country.code == statement.country else {
            throw .contradiction(
                Self.statement,
                reason: "`\(officer.id)` does not speak for \(statement.country)")
        }
    }

    /// Which of the two types a message is of, before anything in it is believed.
    private static func statementType(
        of message: [UInt8]
    ) throws(FederationError) -> CMSContentType {
        if (try? CMS.unverifiedContent(message, type: .declaration)) != nil {
            return .declaration
        }
        return .attestation
    }

    private static let statement = "officer's statement"
}
