import COpenSSL

/// What a passphrase protects on disk (`Crypto.docc/Keys.md`): private keys as encrypted PKCS#8, and
/// a node's storage key in a form of its own.
package enum PassphraseSeal {
    /// Whether the bytes are a storage key that a passphrase protects.
    package static func isSealed(_ bytes: [UInt8]) -> Bool { bytes.starts(with: magic) }

    /// Layout: magic(20) ‖ log2 N(1) ‖ salt(16) ‖ nonce(12) ‖ sealed key(n) ‖ tag(16).
    /// - Throws: `CryptoError.openSSL` when OpenSSL fails.
    package static func seal(_ key: Secret, passphrase: Secret) throws(CryptoError) -> [UInt8] {
        let head = magic + [costLog2] + Random.bytes(saltBytes)
        let nonce = Random.bytes(AES256GCM.nonceBytes)
        let sealed = try key.withRevealed { (plain) throws(CryptoError) in
            try AES256GCM.seal(
                plain, key: try derived(head, passphrase), nonce: nonce, authenticating: head)
        }
        return head + nonce + sealed
    }

    /// - Throws: `CryptoError.passphraseRefused` for another passphrase, and for bytes that were cut,
    ///   changed or are not of this form.
    package static func open(
        _ bytes: [UInt8], passphrase: Secret
    ) throws(CryptoError) -> Secret {
        let what = "the storage key"
        let rest = bytes.dropFirst(headBytes)
        guard isSealed(bytes), bytes.count <= bytesMax, costs.contains(bytes[magic.count]),
            rest.count > AES256GCM.nonceBytes + AES256GCM.tagBytes
        else { throw .passphraseRefused(what) }
        let head = Array(bytes.prefix(headBytes))
        let key = try derived(head, passphrase)
        guard
            var plain = try? AES256GCM.open(
                Array(rest.dropFirst(AES256GCM.nonceBytes)), key: key,
                nonce: Array(rest.prefix(AES256GCM.nonceBytes)), authenticating: head)
        else { throw .passphraseRefused(what) }
        return Secret(wiping: &plain)
    }

    /// Encrypts a PrivateKeyInfo: PBES2 with scrypt and AES-256-CBC, which OpenSSL reads by itself.
    /// - Returns: the caller's to free; nil when OpenSSL fails.
    static func pkcs8(_ plain: OpaquePointer, _ passphrase: Secret) -> OpaquePointer? {
        var salt = Random.bytes(saltBytes)
        guard
            let scheme = PKCS5_pbe2_set_scrypt(
                EVP_aes_256_cbc(), &salt, Int32(salt.count), nil, 1 << UInt64(costLog2),
                blockSize, 1)
        else { return nil }
        let sealed: OpaquePointer? = passphrase.withUnsafeBytes { bytes in
            PKCS8_set0_pbe(
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count), plain,
                scheme)
        }
        if sealed == nil { X509_ALGOR_free(scheme) }
        return sealed
    }

    /// scrypt (RFC 7914) with r = 8, p = 1; 32 bytes.
    private static func derived(
        _ head: [UInt8], _ passphrase: Secret
    ) throws(CryptoError) -> Secret {
        let cost = UInt64(1) << UInt64(head[magic.count])
        let salt = Array(head.suffix(saltBytes))
        return try Secret(count: AES256GCM.keyBytes) { (key) throws(CryptoError) in
            try CryptoError.positive("deriving a key from a passphrase") {
                passphrase.withUnsafeBytes { bytes in
                    EVP_PBE_scrypt(
                        bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, salt,
                        salt.count, cost, blockSize, 1, memoryBytesMax,
                        key.baseAddress?.assumingMemoryBound(to: UInt8.self), key.count)
                }
            }
        }
    }

    private static let magic = Array("selat storage key 1\n".utf8)
    /// N = 16,384: 16 MiB for about 50 ms, once at the start.
    private static let costLog2: UInt8 = 14
    /// What is read: a file must not make the daemon take a gigabyte.
    private static let costs: ClosedRange<UInt8> = 14...17
    private static let blockSize: UInt64 = 8
    private static let memoryBytesMax: UInt64 = 160 << 20
    private static let saltBytes = 16
    private static let headBytes = magic.count + 1 + saltBytes
    private static let bytesMax = 1_024
}
