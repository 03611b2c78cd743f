import COpenSSL

/// Where OpenSSL's writers put their bytes; the memory is wiped when it is given back.
enum MemoryBIO {
    /// - Parameter write: returns false for a failure.
    /// - Returns: what was written, or nil for a failure.
    static func collect(_ write: (OpaquePointer) -> Bool) -> [UInt8]? {
        guard let bio = BIO_new(BIO_s_mem()) else { return nil }
        defer { BIO_free(bio) }
        guard write(bio) else { return nil }
        var start: UnsafeMutablePointer<CChar>?
        let count = selat_BIO_get_mem_data(bio, &start)
        guard count > 0, let start else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: count))
    }
}
