import COpenSSL

/// Bytes that must not outlive their use: wiped when the last reference goes, never printed, and in
/// memory that is never swapped out where the program asked for it (`SecretMemory`).
// SAFETY: the bytes are written only before the initializer returns and wiped only in deinit.
package final class Secret: @unchecked Sendable, CustomStringConvertible, CustomReflectable {
    private let storage: UnsafeMutableRawBufferPointer

    /// - Parameter fill: writes the bytes, which are zero before; what it throws is thrown on.
    package init<Failure: Error>(
        count: Int, fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        let storage = SecretMemory.allocate(count)
        do throws(Failure) { try fill(storage) } catch {
            Self.free(storage)
            throw error
        }
        self.storage = storage
    }

    /// A copy of `bytes`; the caller's own copy is the caller's to forget.
    package convenience init(copying bytes: some Collection<UInt8>) {
        self.init(count: bytes.count) { storage in storage.copyBytes(from: bytes) }
    }

    /// A copy of `bytes`, which are zero afterwards.
    package convenience init(wiping bytes: inout [UInt8]) {
        self.init(copying: bytes)
        wipe(&bytes)
    }

    deinit { Self.free(storage) }

    package var count: Int { storage.count }

    /// The bytes, for handing a key on to its rightful holder. The copy is not wiped.
    package func revealed() -> [UInt8] { Array(storage) }

    /// Calls `body` with a copy of the bytes, which is wiped afterwards unless `body` kept it.
    package func withRevealed<Result, Failure: Error>(
        _ body: ([UInt8]) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var copy = Array(storage)
        defer { wipe(&copy) }
        return try body(copy)
    }

    /// These bytes, followed by those of `other`.
    package func joined(with other: Secret?) -> Secret {
        Secret(count: count + (other?.count ?? 0)) { joined in
            joined.copyBytes(from: storage)
            if let other {
                UnsafeMutableRawBufferPointer(rebasing: joined[count...])
                    .copyBytes(from: other.storage)
            }
        }
    }

    /// The pointer ends with the call.
    func withUnsafeBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(storage))
    }

    package var description: String { "secret of \(count) bytes" }
    package var customMirror: Mirror { Mirror(self, children: []) }

    private static func free(_ storage: UnsafeMutableRawBufferPointer) {
        selat_secure_clear_free(storage.baseAddress, storage.count)
    }
}

/// Overwrites bytes with zeros; who holds a copy of the array keeps them.
package func wipe(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) }
}

/// Whether both have the same bytes, in a time that depends on the lengths alone.
package func constantTimeEqual(
    _ a: some Collection<UInt8>, _ b: some Collection<UInt8>
) -> Bool {
    guard a.count == b.count else { return false }
    return withContiguousBytes(a) { (a: UnsafeRawBufferPointer) in
        withContiguousBytes(b) { (b: UnsafeRawBufferPointer) in
            a.isEmpty || CRYPTO_memcmp(a.baseAddress, b.baseAddress, a.count) == 0
        }
    }
}
