import COpenSSL
import Synchronization

// Algorithms are fetched once: a fetch walks the provider's tables under a lock, and costs more
// than hashing a small message.

/// OpenSSL algorithms that live as long as the process.
enum Fetched {
    static let sha256 = Algorithm(EVP_MD_fetch(nil, "SHA256", nil))
    static let sha512 = Algorithm(EVP_MD_fetch(nil, "SHA512", nil))
    static let hmac = Algorithm(EVP_MAC_fetch(nil, "HMAC", nil))
    static let aes256GCM = Algorithm(EVP_CIPHER_fetch(nil, "AES-256-GCM", nil))

    /// Whether anything was fetched: from then on a provider comes too late.
    static var hasBegun: Bool { begun.load(ordering: .relaxed) }
    private static let begun = Atomic(false)

    // SAFETY: a fetched algorithm is immutable and reference counted, and is never freed.
    struct Algorithm: @unchecked Sendable {
        let pointer: OpaquePointer

        init(_ pointer: OpaquePointer?) {
            guard let pointer else {
                preconditionFailure("libcrypto lacks an algorithm of its default provider")
            }
            self.pointer = pointer
            Fetched.begun.store(true, ordering: .relaxed)
        }
    }
}

/// Calls `body` with the bytes in one piece, copying only what does not lie in one piece.
func withContiguousBytes<Result: ~Copyable, Failure: Error>(
    _ bytes: some Collection<UInt8>, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
) throws(Failure) -> Result {
    if let array = bytes as? [UInt8] { return try array.withBytes(body) }
    if let slice = bytes as? ArraySlice<UInt8> { return try slice.withBytes(body) }
    if let raw = bytes as? UnsafeRawBufferPointer { return try body(raw) }
    return try Array(bytes).withBytes(body)
}

extension Array where Element == UInt8 {
    /// `withUnsafeBytes` that keeps the error's type and takes results that cannot be copied.
    func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try self[...].withBytes(body)
    }
}

extension ArraySlice where Element == UInt8 {
    func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try span.bytes.withUnsafeBytes(body)
    }
}
