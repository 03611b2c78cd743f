import COpenSSL

/// A running digest of an algorithm that a foreign descriptor names; Selat's own digests are
/// SHA-256.
///
/// Data Package v2, *Data Resource*, `hash`: MD5 where no algorithm is named, otherwise the name, a
/// colon, and the digest in hexadecimal.
package struct NamedDigest: ~Copyable {
    private let context: OpaquePointer

    /// The names that descriptors use.
    package static let algorithms = ["md5", "sha1", "sha256", "sha512"]

    /// - Throws: `CryptoError.openSSL` when OpenSSL lacks `algorithm`, as a FIPS provider lacks MD5.
    package init(_ algorithm: String) throws(CryptoError) {
        let context: OpaquePointer = try CryptoError.checked("digest `\(algorithm)`") {
            guard let digest = EVP_get_digestbyname(algorithm), let context = EVP_MD_CTX_new()
            else {
                return nil
            }
            guard EVP_DigestInit_ex(context, digest, nil) > 0 else {
                EVP_MD_CTX_free(context)
                return nil
            }
            return context
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    package mutating func update(_ bytes: RawSpan) {
        let taken = bytes.withUnsafeBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
        precondition(taken > 0, "a digest takes any bytes")
    }

    /// The digest; the value takes no bytes after that.
    package mutating func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        precondition(EVP_DigestFinal_ex(context, &digest, &count) > 0, "a digest ends once")
        return Array(digest.prefix(Int(count)))
    }
}
