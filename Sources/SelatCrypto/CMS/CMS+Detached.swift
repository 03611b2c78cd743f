package import SelatCore

// Detached messages: a policy edition is signed as the file that lies beside the message, for one
// federation (`Crypto.docc/CMS.md`, *Signed messages*).
extension CMS {
    /// Signs the bytes of a file for one federation, once by each of `signers`.
    /// - Parameter federation: digest of the federation's first membership list.
    /// - Returns: DER of some 400 bytes for each signer; the content is not in it.
    /// - Throws: `CryptoError.openSSL` when OpenSSL fails.
    package static func signDetached(
        content: [UInt8], type: CMSContentType, federation: Digest, signers: [Signer],
        at time: Timestamp
    ) throws(CryptoError) -> [UInt8] {
        precondition(type.isDetached && !signers.isEmpty, "only an edition is signed detached")
        var statements: [SignerStatement] = []
        for signer in signers {
            statements.append(
                try statement(content, type, signer, time, federation: federation))
        }
        return SignedMessage(type: type, content: content, signers: statements).encoded()
    }

    /// Adds one more person's signature; the others stay as they are.
    /// - Throws: `CryptoError.unreadableMessage` for a message outside the profile, or one that this
    ///   person has signed; `.openSSL`.
    package static func addSignature(
        toDetached der: [UInt8], content: [UInt8], type: CMSContentType, federation: Digest,
        signer: Signer, at time: Timestamp
    ) throws(CryptoError) -> [UInt8] {
        let message = try SignedMessage(parsing: der, as: type, detached: content)
        let name = SignerName(of: signer.certificate)
        guard !message.signers.contains(where: { SignerName(of: $0) == name })
        else { throw .unreadableMessage("`\(signer.certificate)` has signed it before") }
        let added = try statement(content, type, signer, time, federation: federation)
        return SignedMessage(type: type, content: content, signers: message.signers + [added])
            .encoded()
    }

    /// Verifies every signature of a detached message over a file's bytes.
    /// - Parameter signer: as for `verifyNamed(_:type:signer:)`.
    /// - Throws: `CryptoError.unreadableMessage` for a message outside the profile or of another
    ///   federation, `.signatureInvalid` for one over other bytes, or what `signer` throws.
    package static func verifyDetached(
        _ der: [UInt8], content: [UInt8], type: CMSContentType, federation: Digest,
        signer: (SignerName) throws -> VerifiedCertificate
    ) throws -> [Signature] {
        let message = try SignedMessage(parsing: der, as: type, detached: content)
        guard message.signers.allSatisfy({ $0.federation == federation.bytes }) else {
            throw CryptoError.unreadableMessage("it was signed for another federation")
        }
        return try signatures(of: message, signer)
    }

    /// Who a detached message says has signed.
    package struct UnverifiedSigner: Sendable {
        package let signer: SignerName
        /// Whether it is over the bytes that it is asked for.
        package let isOverContent: Bool
        package let federation: Digest
        /// What the signer claims as the time of signing.
        package let signingTime: Timestamp
    }

    /// Who a detached message says has signed, and whether each signature is over these bytes. It
    /// proves nothing: no signature is verified.
    /// - Throws: `CryptoError.unreadableMessage` for a message outside the profile.
    package static func unverifiedSigners(
        ofDetached der: [UInt8], content: [UInt8], type: CMSContentType
    ) throws(CryptoError) -> [UnverifiedSigner] {
        let message = try SignedMessage(parsing: der, as: type, detached: content)
        var found: [UnverifiedSigner] = []
        for statement in message.signers {
            guard let federation = statement.federation.flatMap({ try? Digest(bytes: $0) }) else {
                throw .unreadableMessage("it names no federation")
            }
            let isOver = try statement.algorithm.digest(content) == statement.messageDigest
            found.append(
                UnverifiedSigner(
                    signer: SignerName(of: statement), isOverContent: isOver,
                    federation: federation, signingTime: statement.signingTime))
        }
        return found
    }
}
