import COpenSSL

/// The kinds of key that Selat uses.
package enum KeyKind: String, Hashable, Sendable, CaseIterable {
    /// EC P-256: TLS, CMS signatures with SHA-256, key agreement in suites 1 and 2.
    case p256 = "P-256"
    /// EC P-384: TLS, CMS signatures with SHA-384, key agreement in suites 3 and 4.
    case p384 = "P-384"
    /// Ed25519 (RFC 8032): notes and checkpoints only; it cannot sign CMS in OpenSSL 3.0.
    case ed25519 = "Ed25519"

    /// The DER bytes of a SubjectPublicKeyInfo before the key itself; each kind has exactly one
    /// form (RFC 5480: named curve, uncompressed point; RFC 8410).
    var spkiPrefix: [UInt8] {
        switch self {
        case .p256:
            [
                0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06,
                0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
            ]
        case .p384:
            [
                0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06,
                0x05, 0x2B, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
            ]
        case .ed25519:
            [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]
        }
    }

    /// Bytes of the key that follow `spkiPrefix`: an uncompressed point or an Ed25519 key.
    var rawCount: Int {
        switch self {
        case .p256: 65
        case .p384: 97
        case .ed25519: 32
        }
    }

    /// The digest that goes with the key in signatures; Ed25519 has none of its own.
    var digestAlgorithm: OpaquePointer? {
        switch self {
        case .p256: Fetched.sha256.pointer
        case .p384: Self.sha384.pointer
        case .ed25519: nil
        }
    }

    private static let sha384 = Fetched.Algorithm(EVP_MD_fetch(nil, "SHA384", nil))

    /// The kind of a SubjectPublicKeyInfo, from its exact bytes.
    static func of(spki: [UInt8]) -> KeyKind? {
        allCases.first {
            spki.count == $0.spkiPrefix.count + $0.rawCount && spki.starts(with: $0.spkiPrefix)
        }
    }
}

extension KeyKind {
    /// The digest of `bytes` that goes with the key.
    func digest(_ bytes: [UInt8]) throws(CryptoError) -> [UInt8] {
        try CryptoError.checked("computing a digest") {
            var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
            var count: UInt32 = 0
            guard let algorithm = digestAlgorithm,
                EVP_Digest(bytes, bytes.count, &digest, &count, algorithm, nil) == 1
            else { return nil }
            return Array(digest.prefix(Int(count)))
        }
    }
}
