import SelatCore
package import SelatCrypto

/// The two parts that carry the content key to the recipient.
package struct KeyParts: Hashable, Sendable {
    /// `keys.cms`: CMS AuthEnvelopedData around 32 random bytes.
    package let cms: [UInt8]
    /// `keys.mlkem`: the ML-KEM ciphertext; empty in suites without it.
    package let mlkem: [UInt8]

    /// - Throws: `EnvelopeError.malformed` for sizes that no such parts have.
    package init(cms: [UInt8], mlkem: [UInt8] = []) throws(EnvelopeError) {
        guard !cms.isEmpty, cms.count <= Limits.keysBytesMax else {
            throw .malformed("keys.cms", "\(cms.count) bytes")
        }
        guard mlkem.count <= Limits.keysBytesMax else {
            throw .malformed("keys.mlkem", "\(mlkem.count) bytes")
        }
        self.cms = cms
        self.mlkem = mlkem
    }

    /// The ML-KEM part has exactly the length of the suite's ciphertexts, and none has none.
    func requireFit(for suite: Suite) throws(EnvelopeError) {
        guard mlkem.count == suite.mlkem?.ciphertextBytes ?? 0 else {
            throw .suiteUnfit(suite, "`keys.mlkem` of \(mlkem.count) bytes")
        }
    }
}

/// The key of one envelope, bound to its core and to how it travels (Format, *Content key*).
package struct ContentKey: Sendable {
    package let secret: Secret

    /// A key that was kept, 32 bytes.
    package init(stored secret: Secret) throws(EnvelopeError) {
        guard secret.count == 32 else { throw .crypto(.keySizeInvalid(secret.count)) }
        self.secret = secret
    }

    /// Derives the key.
    /// - Parameters:
    ///   - classical: `z`, the 32 bytes inside `keys.cms`.
    ///   - shared: the ML-KEM shared secret; nil in suites without it.
    package init(
        classical: Secret, shared: Secret? = nil, core: EnvelopeCore, parts: KeyParts
    ) throws(EnvelopeError) {
        guard classical.count == 32 else { throw .malformed("keys.cms", "not 32 bytes inside") }
        let inputKey = classical.joined(with: shared)
        let context =
            Array("selat content key v1".utf8) + [0] + core.digest.bytes
            + SHA256.digest(parts.cms).bytes + SHA256.digest(parts.mlkem).bytes
        secret = HKDFSHA512.derive(inputKey, context: context, count: 32)
    }

    /// Makes a fresh key and the parts that carry it to the holder of `recipient`'s private keys.
    /// - Throws: `EnvelopeError.suiteUnfit` for keys of another kind than the suite's,
    ///   `.wrongRecipient` for others than the core names.
    package static func make(
        for core: EnvelopeCore, to recipient: RecipientKeys
    ) throws(EnvelopeError) -> (key: ContentKey, parts: KeyParts) {
        try recipient.requireFit(for: core.suite)
        guard core.toKeys == recipient.digest else { throw .wrongRecipient(to: core.to) }
        let classical = Random.secret(32)
        let cms = try withCrypto { () throws(CryptoError) in
            try CMS.encrypt(secret: classical, to: recipient.agreement)
        }
        let encapsulated = try withCrypto { () throws(CryptoError) in
            try recipient.mlkem?.encapsulate()
        }
        let parts = try KeyParts(cms: cms, mlkem: encapsulated?.ciphertext ?? [])
        let key = try ContentKey(
            classical: classical, shared: encapsulated?.shared, core: core, parts: parts)
        return (key, parts)
    }

    /// The context of the payload's chunked encryption.
    static func payloadContext(_ core: EnvelopeCore) -> [UInt8] {
        Array("selat payload v1".utf8) + [0] + core.digest.bytes
    }

    /// The context of the manifest's chunked encryption.
    static func manifestContext(_ core: EnvelopeCore) -> [UInt8] {
        Array("selat manifest v1".utf8) + [0] + core.digest.bytes
    }
}
