import COpenSSL

/// A public key, valid once it exists: its point lies on its curve.
// SAFETY: the EVP_PKEY is never changed after `init`, and OpenSSL counts its references atomically.
package final class PublicKey: Hashable, @unchecked Sendable {
    package let kind: KeyKind
    /// The SubjectPublicKeyInfo, DER.
    package let spki: [UInt8]
    let pointer: OpaquePointer
    private let template = SignatureTemplate()

    /// - Parameter spki: DER of a SubjectPublicKeyInfo: P-256 or P-384 with a named curve and an
    ///   uncompressed point, or Ed25519.
    /// - Throws: `CryptoError.unreadableKey` for any other form or kind, or a point off its curve.
    package init(spki: [UInt8]) throws(CryptoError) {
        guard let kind = KeyKind.of(spki: spki) else {
            throw .unreadableKey("expected P-256, P-384 or Ed25519 as a SubjectPublicKeyInfo")
        }
        let decoded: OpaquePointer? = spki.withUnsafeBufferPointer { bytes in
            ERR_clear_error()
            var cursor = bytes.baseAddress
            return d2i_PUBKEY(nil, &cursor, bytes.count)
        }
        guard let decoded else {
            throw .unreadableKey(CryptoError.drain().joined(separator: "; "))
        }
        self.kind = kind
        self.spki = spki
        self.pointer = decoded
    }

    /// - Parameter raw: the 32 bytes of RFC 8032.
    /// - Throws: `CryptoError.unreadableKey` unless there are 32 bytes.
    package init(ed25519Raw raw: [UInt8]) throws(CryptoError) {
        ERR_clear_error()
        // No decoder has to be found for it: a hundredth of the time of a SubjectPublicKeyInfo.
        let key =
            raw.count == 32
            ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, raw, raw.count) : nil
        guard let key else {
            throw .unreadableKey(CryptoError.drain().joined(separator: "; "))
        }
        kind = .ed25519
        spki = KeyKind.ed25519.spkiPrefix + raw
        pointer = key
    }

    deinit { EVP_PKEY_free(pointer) }

    /// The key without its wrapping: 32 bytes of Ed25519, or an uncompressed point (65, 97 bytes).
    package var raw: [UInt8] { Array(spki.dropFirst(kind.spkiPrefix.count)) }

    /// Whether `signature` is this key's over `message`. A signature that is no signature at all is
    /// as false as a wrong one, and so is a failure inside OpenSSL.
    /// - Parameter signature: ECDSA: DER of the two numbers, with the curve's digest; Ed25519: 64
    ///   bytes.
    package func verify(signature: [UInt8], message: [UInt8]) -> Bool {
        guard let context = EVP_MD_CTX_new() else { return false }
        defer { EVP_MD_CTX_free(context) }
        ERR_clear_error()
        defer { ERR_clear_error() }
        let isReady = template.prepare(context) { context in
            EVP_DigestVerifyInit(context, nil, kind.digestAlgorithm, nil, pointer)
        }
        guard isReady else { return false }
        return EVP_DigestVerify(
            context, signature, signature.count, message, message.count) == 1
    }

    package static func == (a: PublicKey, b: PublicKey) -> Bool { a.spki == b.spki }
    package func hash(into hasher: inout Hasher) { hasher.combine(spki) }
}
