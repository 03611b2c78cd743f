package import SelatCore
import SelatCrypto

/// A recall that an officer of the sender has signed.
package struct VerifiedRecall: Hashable, Sendable {
    package let statement: RecallStatement
    package let officer: MemberRecord.Officer
    /// SHA-256 of the message.
    package let digest: Digest
    package let message: [UInt8]
}

/// An answer to a recall that an officer of the recipient has signed.
package struct VerifiedRecallAnswer: Hashable, Sendable {
    package let statement: RecallAnswer
    package let officer: MemberRecord.Officer
    /// SHA-256 of the message.
    package let digest: Digest
    package let message: [UInt8]
}

extension Federation {
    /// Verifies the message, and that a record lists its signer as an officer of the sender's country.
    /// - Throws: `FederationError`; `.contradiction` names what does not fit.
    package func verifyRecall(
        _ message: [UInt8], at time: Timestamp
    ) throws(FederationError) -> VerifiedRecall {
        let name = RecallStatement.name
        let (officer, signed) = try recallMessage(message, .recall, name, at: time)
        let statement = try RecallStatement(content: signed.content)
        try check(
            name, statement.federation, statement.issued, signed.signingTime, at: time)
        guard officer.id.node.country == statement.from.country else {
            throw .contradiction(
                name,
                reason: "`\(officer.id)` does not answer for \(statement.from.country), the sender")
        }
        return VerifiedRecall(
            statement: statement, officer: officer, digest: SHA256.digest(message),
            message: message)
    }

    /// Verifies the message, and that a record lists its signer as an officer of the recipient's
    /// country.
    /// - Throws: as `verifyRecall(_:at:)`.
    package func verifyRecallAnswer(
        _ message: [UInt8], at time: Timestamp
    ) throws(FederationError) -> VerifiedRecallAnswer {
        let name = RecallAnswer.name
        let (officer, signed) = try recallMessage(message, .recallAnswer, name, at: time)
        let statement = try RecallAnswer(content: signed.content)
        try check(
            name, statement.federation, statement.issued, signed.signingTime, at: time)
        guard officer.id.node.country == statement.to.country else {
            throw .contradiction(
                name,
                reason: "`\(officer.id)` does not answer for \(statement.to.country), the recipient"
            )
        }
        return VerifiedRecallAnswer(
            statement: statement, officer: officer, digest: SHA256.digest(message),
            message: message)
    }

    private func recallMessage(
        _ message: [UInt8], _ type: CMSContentType, _ name: String, at time: Timestamp
    ) throws(FederationError) -> (officer: MemberRecord.Officer, signed: CMS.SignedContent) {
        guard message.count <= RecallStatement.bytesMax else {
            throw .contradiction(name, reason: "it is larger than 64 KiB")
        }
        return try officersMessage(message, type, name, at: time)
    }

    private func check(
        _ name: String, _ federation: Digest, _ issued: Timestamp, _ signed: Timestamp,
        at time: Timestamp
    ) throws(FederationError) {
        guard federation == id else {
            throw .contradiction(name, reason: "it is for another federation")
        }
        guard issued == signed else {
            throw .contradiction(name, reason: "it was signed at another moment than it says")
        }
        guard issued - time <= Limits.clockSkewSecondsMax else {
            throw .contradiction(name, reason: "it is issued only at \(issued)")
        }
        guard time - issued <= RecallStatement.lifeSecondsMax else {
            throw .contradiction(name, reason: "it is of \(issued), over 30 days ago")
        }
    }
}
