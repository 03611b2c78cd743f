import COpenSSL
import SelatCore

// Secrets sealed to one certificate: CMS AuthEnvelopedData. OpenSSL computes; `SealedMessage` has
// the word before it decrypts and after it has encrypted.
extension CMS {
    /// Bytes of a secret that is sealed.
    package static let sealedSecretBytesMax = 1_024

    /// Seals `secret` to the key of a key agreement certificate.
    /// - Returns: DER of an AuthEnvelopedData, about 300 bytes longer than the secret.
    /// - Throws: `CryptoError.unreadableKey` for a key that is not EC, `.openSSL` when OpenSSL
    ///   fails, `.unreadableMessage` if what it made were outside the profile.
    package static func encrypt(
        secret: Secret, to certificate: Certificate
    ) throws(CryptoError) -> [UInt8] {
        guard let digest = certificate.publicKey.kind.agreementDigest else {
            throw .unreadableKey("Ed25519 keys agree on no secret")
        }
        precondition(
            (1...sealedSecretBytesMax).contains(secret.count), "a secret has 1 to 1,024 bytes")
        let der = try CryptoError.checked("sealing a secret") {
            sealed(secret, to: certificate.pointer, derivationDigest: digest)
        }
        let made = try SealedMessage(parsing: der)
        guard made.recipient == certificate.issuerAndSerial,
            made.curve == certificate.publicKey.kind
        else { throw .unreadableMessage("OpenSSL sealed to another recipient") }
        return der
    }

    /// Opens a secret that was sealed to `certificate`.
    /// - Throws: `CryptoError.unreadableMessage` for a message outside the profile, `.unopenable`
    ///   for another recipient's, and for one that was changed; `.tokenUnavailable` when the key's
    ///   token does not answer, which says nothing of the message.
    package static func decrypt(
        _ der: [UInt8], certificate: Certificate, key: PrivateKey
    ) throws(CryptoError) -> Secret {
        let message = try SealedMessage(parsing: der)
        guard message.recipient == certificate.issuerAndSerial else {
            throw .unopenable("it is for \(message.recipient), not for `\(certificate)`")
        }
        guard message.curve == key.kind else {
            throw .unopenable("it is for a \(message.curve.rawValue) key")
        }
        let faults = key.token?.faults
        guard let secret = opened(der, certificate: certificate, key: key) else {
            if let token = key.token, token.faults != faults { throw token.fault }
            throw .unopenable("it was changed or sealed to another key")
        }
        return secret
    }

    /// The recipient of a sealed secret, to choose among own certificates.
    /// - Throws: `CryptoError.unreadableMessage` for a message outside the profile.
    package static func recipient(of der: [UInt8]) throws(CryptoError) -> IssuerAndSerial {
        try SealedMessage(parsing: der).recipient
    }

    /// What OpenSSL alone makes of a message; only `decrypt` and the probe may ask it.
    static func opened(_ der: [UInt8], certificate: Certificate, key: PrivateKey) -> Secret? {
        ERR_clear_error()
        defer { ERR_clear_error() }
        let message: OpaquePointer? = der.withUnsafeBufferPointer { bytes in
            var cursor = bytes.baseAddress
            return d2i_CMS_ContentInfo(nil, &cursor, bytes.count)
        }
        guard let message else { return nil }
        defer { CMS_ContentInfo_free(message) }
        return MemoryBIO.secret { bio in
            CMS_decrypt(message, key.pointer, certificate.pointer, nil, bio, UInt32(CMS_BINARY))
                == 1
        }
    }

    private static func sealed(
        _ secret: Secret, to certificate: OpaquePointer, derivationDigest: OpaquePointer
    ) -> [UInt8]? {
        secret.withUnsafeBytes { bytes in
            guard let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else {
                return nil
            }
            defer { BIO_free(bio) }
            let flags = UInt32(CMS_PARTIAL | CMS_BINARY)
            guard let message = CMS_encrypt(nil, bio, EVP_aes_256_gcm(), flags) else { return nil }
            defer { CMS_ContentInfo_free(message) }
            // OpenSSL's default is the KDF with SHA-1.
            guard
                let recipient = CMS_add1_recipient_cert(
                    message, certificate, UInt32(CMS_KEY_PARAM)),
                let context = CMS_RecipientInfo_get0_pkey_ctx(recipient),
                EVP_PKEY_CTX_set_ecdh_kdf_md(context, derivationDigest) == 1,
                CMS_final(message, bio, nil, flags) == 1
            else { return nil }
            return DER.encoding { cursor in i2d_CMS_ContentInfo(message, cursor) }
        }
    }
}

extension KeyKind {
    /// The digest of the X9.63 key derivation that goes with the curve.
    fileprivate var agreementDigest: OpaquePointer? {
        switch self {
        case .p256: EVP_sha256()
        case .p384: EVP_sha384()
        case .ed25519: nil
        }
    }
}
