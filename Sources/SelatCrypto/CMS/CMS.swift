package import SelatCore

/// Signed messages: CMS SignedData with the content inside (`Crypto.docc/CMS.md`).
///
/// The profile is narrow enough to be written and read without OpenSSL's CMS code, which accepts
/// far more; `openssl cms -verify` accepts every message made here.
package enum CMS {
    /// Who signs: a certificate and its key.
    package struct Signer: Sendable {
        package let certificate: Certificate
        package let key: PrivateKey

        /// - Throws: `CryptoError.unreadableKey` unless the key is the certificate's and an EC key.
        package init(certificate: Certificate, key: PrivateKey) throws(CryptoError) {
            guard certificate.publicKey == key.publicKey else {
                throw .unreadableKey("it is not the key of certificate `\(certificate)`")
            }
            guard SignatureAlgorithm(key.kind) != nil else {
                throw .unreadableKey("\(key.kind.rawValue) keys do not sign CMS messages")
            }
            self.certificate = certificate
            self.key = key
        }
    }

    /// How a message names the certificate of a signer. Issuer and serial alone are no name among the
    /// certificates of several countries: each authority writes what it likes there, also another's.
    package struct SignerName: Hashable, Sendable, CustomStringConvertible {
        package let issuerAndSerial: IssuerAndSerial
        /// SHA-256 of the certificate, from signingCertificateV2.
        let certificateDigest: [UInt8]

        init(of statement: SignerStatement) {
            issuerAndSerial = statement.signer
            certificateDigest = statement.certificateDigest
        }

        package init(of certificate: Certificate) {
            issuerAndSerial = certificate.issuerAndSerial
            certificateDigest = certificate.digest.bytes
        }

        package var description: String { issuerAndSerial.description }
    }

    /// One signature of a verified message.
    package struct Signature: Hashable, Sendable {
        package let certificate: VerifiedCertificate
        /// What the signer claims as the time of signing.
        package let signingTime: Timestamp
    }

    /// The content of a message all of whose signatures are good.
    package struct SignedContent: Hashable, Sendable {
        package let content: [UInt8]
        /// At least one; more only for lists, records and editions.
        package let signatures: [Signature]

        /// The first signer.
        package var signer: VerifiedCertificate { signatures[0].certificate }
        /// What the first signer claims as the time of signing.
        package var signingTime: Timestamp { signatures[0].signingTime }
    }

    /// Signs `content`.
    /// - Parameter time: the claimed time of signing, from the signer's clock.
    /// - Returns: DER, at most a few hundred bytes longer than the content.
    /// - Throws: `CryptoError.openSSL` when OpenSSL fails.
    package static func sign(
        content: [UInt8], type: CMSContentType, signer: Signer, at time: Timestamp
    ) throws(CryptoError) -> [UInt8] {
        try sign(content: content, type: type, signers: [signer], at: time)
    }

    /// Signs `content` once by each of `signers`; several only for lists, records and editions.
    /// - Throws: `CryptoError.openSSL` when OpenSSL fails.
    package static func sign(
        content: [UInt8], type: CMSContentType, signers: [Signer], at time: Timestamp
    ) throws(CryptoError) -> [UInt8] {
        precondition(!type.isDetached, "an edition is signed with `signDetached`")
        precondition(
            signers.count == 1 || signers.count > 1 && type.allowsSeveralSigners,
            "a message of this type has one signer")
        var statements: [SignerStatement] = []
        for signer in signers {
            statements.append(try statement(content, type, signer, time))
        }
        return SignedMessage(type: type, content: content, signers: statements).encoded()
    }

    /// Adds the signature of one more authority to a list, record or edition, whose other
    /// signatures stay as they are.
    /// - Throws: `CryptoError.unreadableMessage` for a message outside the profile, or one that this
    ///   authority has signed.
    package static func addSignature(
        to der: [UInt8], type: CMSContentType, signer: Signer, at time: Timestamp
    ) throws(CryptoError) -> [UInt8] {
        precondition(
            type.allowsSeveralSigners && !type.isDetached, "a message of this type has one signer")
        let message = try SignedMessage(parsing: der, as: type)
        let name = SignerName(of: signer.certificate)
        guard !message.signers.contains(where: { SignerName(of: $0) == name })
        else { throw .unreadableMessage("`\(signer.certificate)` has signed it before") }
        let added = try statement(message.content, type, signer, time)
        return SignedMessage(
            type: type, content: message.content, signers: message.signers + [added]
        ).encoded()
    }

    /// Verifies every signature of a message.
    /// - Parameter signer: finds the certificate that a message names, verified for the purpose
    ///   that the caller needs; throws where there is none.
    /// - Throws: `CryptoError.unreadableMessage` for a message outside the profile,
    ///   `.signatureInvalid`, or what `signer` throws.
    package static func verify(
        _ der: [UInt8], type: CMSContentType,
        signer: (IssuerAndSerial) throws -> VerifiedCertificate
    ) throws -> SignedContent {
        try Unverified(parsing: der, type: type).verify(signer: signer)
    }

    /// A message within the profile, of whose signatures nothing is known yet.
    package struct Unverified: Sendable {
        private let message: SignedMessage

        /// - Throws: `CryptoError.unreadableMessage` for a message outside the profile.
        package init(parsing der: [UInt8], type: CMSContentType) throws(CryptoError) {
            message = try SignedMessage(parsing: der, as: type)
        }

        /// Proves nothing until `verify` has passed.
        package var content: [UInt8] { message.content }

        /// The certificate that the first signer names.
        package var signer: IssuerAndSerial { message.signers[0].signer }

        /// What the first signer claims as the time of signing: a moment at which to judge the
        /// signer, no more.
        package var signingTime: Timestamp { message.signers[0].signingTime }

        /// `CMS.verify`, of a message that is parsed already.
        package func verify(
            signer: (IssuerAndSerial) throws -> VerifiedCertificate
        ) throws -> SignedContent {
            try verifyNamed { try signer($0.issuerAndSerial) }
        }

        /// `CMS.verifyNamed`, of a message that is parsed already.
        package func verifyNamed(
            signer: (SignerName) throws -> VerifiedCertificate
        ) throws -> SignedContent {
            SignedContent(
                content: message.content, signatures: try CMS.signatures(of: message, signer))
        }
    }

    /// `verify`, where the signer is looked up among several countries' certificates.
    package static func verifyNamed(
        _ der: [UInt8], type: CMSContentType,
        signer: (SignerName) throws -> VerifiedCertificate
    ) throws -> SignedContent {
        try Unverified(parsing: der, type: type).verifyNamed(signer: signer)
    }

    static func signatures(
        of message: SignedMessage, _ signer: (SignerName) throws -> VerifiedCertificate
    ) throws -> [Signature] {
        let signatures = try message.signers.map { statement in
            let verified = try signer(SignerName(of: statement))
            try check(statement, of: message, against: verified)
            return Signature(certificate: verified, signingTime: statement.signingTime)
        }
        guard Set(signatures.map(\.certificate.certificate)).count == signatures.count else {
            throw CryptoError.unreadableMessage("one signer signed twice")
        }
        return signatures
    }

    /// The content of a message whose signers are not known yet, to learn who they may be: a
    /// membership list names its own authorities. It proves nothing until `verify` has passed.
    /// - Throws: `CryptoError.unreadableMessage` for a message outside the profile.
    package static func unverifiedContent(
        _ der: [UInt8], type: CMSContentType
    ) throws(CryptoError) -> [UInt8] {
        try SignedMessage(parsing: der, as: type).content
    }

    static func statement(
        _ content: [UInt8], _ type: CMSContentType, _ signer: Signer, _ time: Timestamp,
        federation: Digest? = nil
    ) throws(CryptoError) -> SignerStatement {
        guard let algorithm = SignatureAlgorithm(signer.key.kind) else {
            throw .unreadableKey("\(signer.key.kind.rawValue) keys do not sign CMS messages")
        }
        var statement = SignerStatement(
            type: type, signer: signer.certificate.issuerAndSerial, algorithm: algorithm,
            messageDigest: try algorithm.digest(content), signingTime: time,
            certificateDigest: signer.certificate.digest.bytes, federation: federation?.bytes)
        statement.signature = try signer.key.sign(statement.attributes)
        return statement
    }

    private static func check(
        _ statement: SignerStatement, of message: SignedMessage,
        against verified: VerifiedCertificate
    ) throws(CryptoError) {
        let certificate = verified.certificate
        let mayEnterSignatures: Set<CertificatePurpose> = [.signing, .officer, .authority]
        guard mayEnterSignatures.contains(verified.purpose),
            certificate.issuerAndSerial == statement.signer,
            certificate.digest.bytes == statement.certificateDigest,
            certificate.publicKey.kind == statement.algorithm.keyKind,
            try statement.algorithm.digest(message.content) == statement.messageDigest,
            certificate.publicKey.verify(
                signature: statement.signature, message: statement.attributes)
        else { throw .signatureInvalid(signer: certificate.description) }
    }
}
