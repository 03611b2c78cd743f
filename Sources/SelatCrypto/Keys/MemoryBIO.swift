import COpenSSL

/// Where OpenSSL's writers put their bytes. A memory BIO wipes its buffer when it is freed
/// (BUF_MEM_free clears).
enum MemoryBIO {
    /// - Parameter write: returns false for a failure.
    /// - Returns: what was written, or nil for a failure.
    static func collect(_ write: (OpaquePointer) -> Bool) -> [UInt8]? {
        collect(write) { Array($0) }
    }

    /// As `collect`, but the bytes exist outside the BIO only as a secret.
    static func secret(_ write: (OpaquePointer) -> Bool) -> Secret? {
        collect(write) { Secret(copying: $0) }
    }

    private static func collect<Value>(
        _ write: (OpaquePointer) -> Bool, _ take: (UnsafeRawBufferPointer) -> Value
    ) -> Value? {
        guard let bio = BIO_new(BIO_s_mem()) else { return nil }
        defer { BIO_free(bio) }
        guard write(bio) else { return nil }
        var start: UnsafeMutablePointer<CChar>?
        let count = selat_BIO_get_mem_data(bio, &start)
        return take(UnsafeRawBufferPointer(start: start, count: max(0, count)))
    }
}
