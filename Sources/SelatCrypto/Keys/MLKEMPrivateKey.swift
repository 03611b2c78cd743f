import COpenSSL

/// A decapsulation key of ML-KEM: its seed, wiped when the last owner lets go, and what follows from it;
/// its description tells nothing of either.
package final class MLKEMPrivateKey: Sendable, CustomStringConvertible {
    package let publicKey: MLKEMPublicKey
    private let seed: Secret
    private let expanded: MLKEM.Expanded

    package var kind: MLKEMKind { publicKey.kind }
    package var description: String { "private key (\(kind.rawValue))" }

    /// - Parameter seed: d ‖ z, 64 bytes (FIPS 203, algorithm 16).
    /// - Throws: `CryptoError.unreadableKey` for another length.
    package init(seed: Secret, kind: MLKEMKind) throws(CryptoError) {
        guard seed.count == MLKEMKind.seedBytes else {
            throw .unreadableKey("an ML-KEM seed of \(seed.count) bytes, where 64 are needed")
        }
        expanded = try MLKEM.Expanded(seed: seed, kind)
        publicKey = expanded.publicKey
        self.seed = seed
    }

    /// A fresh key, from OpenSSL's generator.
    /// - Throws: `CryptoError.unreadableKey`, which a fresh seed never does.
    package static func generate(_ kind: MLKEMKind) throws(CryptoError) -> MLKEMPrivateKey {
        try MLKEMPrivateKey(seed: Random.secret(MLKEMKind.seedBytes), kind: kind)
    }

    /// Recovers the shared secret, 32 bytes. For a ciphertext that was changed or made for another
    /// key it is another secret, and nothing tells so: implicit rejection (FIPS 203, 6.3).
    /// - Throws: `CryptoError.unopenable` for a ciphertext of another length.
    package func decapsulate(_ ciphertext: [UInt8]) throws(CryptoError) -> Secret {
        guard ciphertext.count == kind.ciphertextBytes else {
            throw .unopenable(
                "a ciphertext of \(ciphertext.count) bytes, where \(kind.rawValue) has "
                    + "\(kind.ciphertextBytes)")
        }
        return try expanded.decapsulate(ciphertext)
    }
}

// PKCS#8 in the seed form (RFC 9935): one encoding for one key, which OpenSSL 3.5 reads and writes.
extension MLKEMPrivateKey {
    /// Reads the private key of a PEM text: `PRIVATE KEY`, or `ENCRYPTED PRIVATE KEY` with its
    /// passphrase.
    /// - Parameter passphrase: UTF-8 bytes; without one an encrypted key is refused.
    /// - Throws: `CryptoError.unreadableKey` for anything else, also for a wrong passphrase.
    package convenience init(pem: [UInt8], passphrase: [UInt8]? = nil) throws(CryptoError) {
        guard pem.count <= Self.pemBytesMax else {
            throw .unreadableKey("more than \(Self.pemBytesMax) bytes of PEM")
        }
        let plain = try PEM.secrets("PRIVATE KEY", in: pem)
        let encrypted = try PEM.blocks("ENCRYPTED PRIVATE KEY", in: pem)
        guard plain.count + encrypted.count == 1 else {
            throw .unreadableKey("expected one private key, found \(plain.count + encrypted.count)")
        }
        if let der = plain.first {
            try self.init(pkcs8: der)
        } else {
            guard let passphrase else { throw .unreadableKey("it needs a passphrase") }
            try self.init(pkcs8: try Self.decrypted(encrypted[0], passphrase))
        }
    }

    /// The key as PKCS#8 PEM. The caller owns the bytes and keeps them from others.
    /// - Parameter passphrase: encrypts it (Crypto.docc, *Keys at rest*).
    /// - Throws: `CryptoError.openSSL` when OpenSSL cannot encrypt it.
    package func pem(passphrase: Secret) throws(CryptoError) -> [UInt8] {
        var der = pkcs8
        defer { wipe(&der) }
        return try CryptoError.checked("encrypting a private key") {
            let plain = der.withUnsafeBufferPointer { bytes in
                var cursor = bytes.baseAddress
                return d2i_PKCS8_PRIV_KEY_INFO(nil, &cursor, bytes.count)
            }
            guard let plain else { return nil }
            defer { PKCS8_PRIV_KEY_INFO_free(plain) }
            guard let sealed = PassphraseSeal.pkcs8(plain, passphrase) else { return nil }
            defer { X509_SIG_free(sealed) }
            return MemoryBIO.collect { PEM_write_bio_PKCS8($0, sealed) == 1 }
        }
    }

    /// The key as unencrypted PKCS#8 PEM. The caller owns the bytes and keeps them from others.
    package func pem() -> [UInt8] {
        var der = pkcs8
        defer { wipe(&der) }
        return PEM.bytes("PRIVATE KEY", der)
    }

    /// With the seed; whoever asks wipes it.
    private var pkcs8: [UInt8] { seed.withRevealed { kind.pkcs8Prefix + $0 } }

    private convenience init(pkcs8: Secret) throws(CryptoError) {
        let kind = pkcs8.withUnsafeBytes { bytes in
            MLKEMKind.allCases.first {
                bytes.count == $0.pkcs8Prefix.count + MLKEMKind.seedBytes
                    && bytes.starts(with: $0.pkcs8Prefix)
            }
        }
        guard let kind else {
            throw .unreadableKey(
                "expected ML-KEM-768 or ML-KEM-1024 as PKCS#8 with the seed alone (RFC 9935)")
        }
        let seed = pkcs8.withUnsafeBytes { Secret(copying: $0.suffix(MLKEMKind.seedBytes)) }
        try self.init(seed: seed, kind: kind)
    }

    /// The PrivateKeyInfo inside an EncryptedPrivateKeyInfo (RFC 5958); OpenSSL knows the scheme.
    private static func decrypted(
        _ der: [UInt8], _ passphrase: [UInt8]
    ) throws(CryptoError) -> Secret {
        ERR_clear_error()
        let secret: Secret? = der.withUnsafeBufferPointer { bytes in
            var cursor = bytes.baseAddress
            guard let container = d2i_X509_SIG(nil, &cursor, bytes.count) else { return nil }
            defer { X509_SIG_free(container) }
            guard cursor == bytes.baseAddress.map({ $0 + bytes.count }) else { return nil }
            let key = passphrase.withUnsafeBytes {
                PKCS8_decrypt(
                    container, $0.baseAddress?.assumingMemoryBound(to: CChar.self),
                    Int32(clamping: $0.count))
            }
            guard let key else { return nil }
            defer { PKCS8_PRIV_KEY_INFO_free(key) }
            // Not through a BIO: what writes to one frees a copy without wiping it.
            var plain = DER.encoding { cursor in i2d_PKCS8_PRIV_KEY_INFO(key, cursor) } ?? []
            return plain.isEmpty ? nil : Secret(wiping: &plain)
        }
        guard let secret else {
            let reasons = CryptoError.drain()
            throw .unreadableKey(
                reasons.isEmpty ? "it does not decrypt" : reasons.joined(separator: "; "))
        }
        return secret
    }

    private static let pemBytesMax = 16_384
}
