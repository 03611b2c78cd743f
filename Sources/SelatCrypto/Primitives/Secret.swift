import COpenSSL

/// Bytes that must not outlive their use: wiped when the last reference goes, never printed.
// SAFETY: the bytes are written only before the initializer returns and wiped only in deinit.
package final class Secret: @unchecked Sendable, CustomStringConvertible, CustomReflectable {
    private let storage: UnsafeMutableRawBufferPointer

    /// - Parameter fill: writes the bytes, which are zero before; what it throws is thrown on.
    init<Failure: Error>(
        count: Int, fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        storage.initializeMemory(as: UInt8.self, repeating: 0)
        do throws(Failure) { try fill(storage) } catch {
            Self.wipe(storage)
            throw error
        }
        self.storage = storage
    }

    /// A copy of `bytes`; the caller's own copy is the caller's to forget.
    package convenience init(copying bytes: some Collection<UInt8>) {
        self.init(count: bytes.count) { storage in storage.copyBytes(from: bytes) }
    }

    deinit { Self.wipe(storage) }

    package var count: Int { storage.count }

    /// The bytes, for handing a key on to its rightful holder. The copy is not wiped.
    package func revealed() -> [UInt8] { Array(storage) }

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

    private static func wipe(_ storage: UnsafeMutableRawBufferPointer) {
        OPENSSL_cleanse(storage.baseAddress, storage.count)
        storage.deallocate()
    }
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
