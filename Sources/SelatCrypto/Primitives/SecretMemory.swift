import COpenSSL

/// Where secrets lie: OpenSSL's secure heap, which is locked into memory, left out of dumps and kept
/// between guard pages; OpenSSL puts private keys there by itself. Without `protect`, or when it is
/// full, `Secret` takes ordinary memory, which it wipes as well.
package enum SecretMemory {
    /// How far the system let `protect` go.
    package enum Protection: Hashable, Sendable {
        case complete
        /// Secrets may be swapped out: RLIMIT_MEMLOCK is too small.
        case unlocked
        /// There is no secure heap, or dumps could not be forbidden.
        case missing
    }

    /// For daemons and commands that hold keys; called before the first key is read. From then on the
    /// process leaves no core dump, and no other process of its user can look into it.
    @discardableResult
    package static func protect() -> Protection { protection }

    /// Made once: OpenSSL has one secure heap.
    private static let protection: Protection = {
        let forbidden = selat_forbid_dumps() == 1
        let heap = CRYPTO_secure_malloc_init(heapBytes, smallestBytes)
        guard forbidden, heap != 0 else { return .missing }
        // OpenSSL says 2 when the heap is there and its pages could not be locked or guarded.
        return heap == 1 ? .complete : .unlocked
    }()

    /// Zeros.
    static func allocate(_ count: Int) -> UnsafeMutableRawBufferPointer {
        // OpenSSL gives nothing for nothing.
        let bytes = max(count, 1)
        guard let start = selat_secure_zalloc(bytes) ?? selat_zalloc(bytes) else {
            fatalError("no memory for a secret of \(count) bytes")
        }
        return UnsafeMutableRawBufferPointer(start: start, count: count)
    }

    /// Far below the 8 MiB that systemd and login shells allow to be locked. A key or secret takes 32
    /// to 128 bytes: enough for some thousands of transfers and handshakes at once.
    private static let heapBytes = 512 << 10
    private static let smallestBytes = 32
}
