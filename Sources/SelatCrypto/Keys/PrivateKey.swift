import COpenSSL

/// A private key: in memory, where OpenSSL wipes it when the last owner lets go, or in a token. It has
/// no description.
// SAFETY: the EVP_PKEY is never changed after `init`, and OpenSSL counts its references atomically.
package final class PrivateKey: @unchecked Sendable, CustomStringConvertible {
    package let publicKey: PublicKey
    let pointer: OpaquePointer
    /// Where the key is used, unless it is in memory.
    let token: Token?
    private let template = SignatureTemplate()

    package var kind: KeyKind { publicKey.kind }
    /// Whether the key lies in a token, and can be used there only.
    package var isInToken: Bool { token != nil }
    package var description: String {
        "private key (\(kind.rawValue)\(isInToken ? ", in a token" : ""))"
    }

    /// - Throws: `CryptoError.unreadableKey` for a kind that Selat does not use; the key is freed.
    init(takingOwnership pointer: OpaquePointer, token: Token? = nil) throws(CryptoError) {
        self.token = token
        do throws(CryptoError) {
            publicKey = try PublicKey(spki: Self.spki(borrowing: pointer))
        } catch {
            EVP_PKEY_free(pointer)
            throw error
        }
        self.pointer = pointer
    }

    deinit { EVP_PKEY_free(pointer) }

    /// A fresh key from OpenSSL's generator.
    /// - Throws: `CryptoError.openSSL` when the generator fails.
    package static func generate(_ kind: KeyKind) throws(CryptoError) -> PrivateKey {
        let name = kind == .ed25519 ? "ED25519" : "EC"
        let key: OpaquePointer = try CryptoError.checked("generating a \(kind.rawValue) key") {
            guard let context = EVP_PKEY_CTX_new_from_name(nil, name, nil) else { return nil }
            defer { EVP_PKEY_CTX_free(context) }
            guard EVP_PKEY_keygen_init(context) > 0,
                kind == .ed25519 || EVP_PKEY_CTX_set_group_name(context, kind.rawValue) > 0
            else { return nil }
            var made: OpaquePointer?
            return EVP_PKEY_generate(context, &made) > 0 ? made : nil
        }
        return try PrivateKey(takingOwnership: key)
    }

    /// Reads the first private key of a PEM text (PKCS#8, plain or encrypted).
    /// - Parameter passphrase: UTF-8 bytes; without one an encrypted key is refused, never asked
    ///   for.
    /// - Throws: `CryptoError.unreadableKey` for anything else, also for a wrong passphrase.
    package convenience init(pem: [UInt8], passphrase: [UInt8]? = nil) throws(CryptoError) {
        guard let count = Int32(exactly: pem.count), pem.count <= Self.pemBytesMax else {
            throw .unreadableKey("more than \(Self.pemBytesMax) bytes of PEM")
        }
        ERR_clear_error()
        let key: OpaquePointer? = pem.withUnsafeBytes { bytes in
            guard let bio = BIO_new_mem_buf(bytes.baseAddress, count) else { return nil }
            defer { BIO_free(bio) }
            return Self.read(bio, passphrase: passphrase)
        }
        guard let key else {
            throw .unreadableKey(CryptoError.drain().joined(separator: "; "))
        }
        try self.init(takingOwnership: key)
    }

    /// The key as PKCS#8 PEM. The caller owns the bytes and keeps them from others.
    /// - Parameter passphrase: encrypts it (Crypto.docc, *Keys at rest*); nil leaves it plain.
    /// - Throws: `CryptoError.unreadableKey` for a key in a token, `.openSSL` when OpenSSL cannot
    ///   write it.
    package func pem(passphrase: Secret? = nil) throws(CryptoError) -> [UInt8] {
        guard token == nil else { throw .unreadableKey("it lies in a token, and stays there") }
        guard let passphrase else {
            return try CryptoError.checked("writing a private key") {
                MemoryBIO.collect { bio in
                    PEM_write_bio_PKCS8PrivateKey(bio, pointer, nil, nil, 0, nil, nil) == 1
                }
            }
        }
        return try CryptoError.checked("encrypting a private key") {
            guard let plain = EVP_PKEY2PKCS8(pointer) else { return nil }
            defer { PKCS8_PRIV_KEY_INFO_free(plain) }
            guard let sealed = PassphraseSeal.pkcs8(plain, passphrase) else { return nil }
            defer { X509_SIG_free(sealed) }
            return MemoryBIO.collect { PEM_write_bio_PKCS8($0, sealed) == 1 }
        }
    }

    /// Signs `message`.
    /// - Returns: Ed25519: 64 bytes, the same for the same message; ECDSA: DER of the two numbers,
    ///   over SHA-256 (P-256) or SHA-384 (P-384).
    /// - Throws: `CryptoError.tokenUnavailable` when the token does not answer, `.openSSL` when
    ///   OpenSSL fails.
    package func sign(_ message: [UInt8]) throws(CryptoError) -> [UInt8] {
        let faults = token?.faults
        do throws(CryptoError) { return try signature(of: message) } catch {
            if let token, token.faults != faults { throw token.fault }
            throw error
        }
    }

    private func signature(of message: [UInt8]) throws(CryptoError) -> [UInt8] {
        try CryptoError.checked("signing") {
            guard let context = EVP_MD_CTX_new() else { return nil }
            defer { EVP_MD_CTX_free(context) }
            guard prepare(context) else { return nil }
            var count = Int(EVP_PKEY_get_size(pointer))
            var signature = [UInt8](repeating: 0, count: count)
            guard EVP_DigestSign(context, &signature, &count, message, message.count) == 1 else {
                return nil
            }
            signature.removeLast(signature.count - count)
            return signature
        }
    }

    private func prepare(_ context: OpaquePointer) -> Bool {
        // A token takes far longer than that, and its key belongs to no provider.
        token == nil ? template.prepare(context, start) : start(context) == 1
    }

    private func start(_ context: OpaquePointer) -> Int32 {
        EVP_DigestSignInit(context, nil, kind.digestAlgorithm, nil, pointer)
    }

    private static func spki(borrowing pointer: OpaquePointer) throws(CryptoError) -> [UInt8] {
        try CryptoError.checked("encoding a public key") {
            DER.encoding { cursor in i2d_PUBKEY(pointer, cursor) }
        }
    }

    /// Without a passphrase the callback refuses: with none at all OpenSSL would ask the terminal.
    private static func read(_ bio: OpaquePointer, passphrase: [UInt8]?) -> OpaquePointer? {
        guard var passphrase else {
            return PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil)
        }
        return withUnsafeMutablePointer(to: &passphrase) { state in
            PEM_read_bio_PrivateKey(
                bio, nil,
                { buffer, size, _, state in
                    guard let buffer, let state else { return -1 }
                    let bytes = state.assumingMemoryBound(to: [UInt8].self).pointee
                    guard bytes.count <= Int(size) else { return -1 }
                    for index in bytes.indices { buffer[index] = CChar(bitPattern: bytes[index]) }
                    return Int32(bytes.count)
                }, state)
        }
    }

    private static let pemBytesMax = 16_384
}
