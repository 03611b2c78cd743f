import COpenSSL
import SelatCore

/// Random bytes from OpenSSL's generator, which is seeded by the kernel.
package enum Random {
    package static func bytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { bytes, initialized in
            fill(UnsafeMutableRawBufferPointer(bytes))
            initialized = count
        }
    }

    /// Random bytes from the generator that is kept apart for keys.
    package static func secret(_ count: Int) -> Secret {
        Secret(count: count) { storage in
            let filled = RAND_priv_bytes(storage.baseAddress, Int32(storage.count))
            precondition(filled == 1, "the random generator gives nothing")
        }
    }

    /// Whether the generator has been seeded; OpenSSL waits for the kernel's at its first use.
    package static var isSeeded: Bool { RAND_status() == 1 }

    /// There is no safe way on without randomness, so a failure ends the process.
    private static func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        let filled = RAND_bytes(start.assumingMemoryBound(to: UInt8.self), Int32(bytes.count))
        precondition(filled == 1, "the random generator gives nothing")
    }
}

/// The system's randomness, where code takes randomness as a parameter.
package struct SystemEntropy: Entropy {
    package init() {}
    package func bytes(_ count: Int) -> [UInt8] { Random.bytes(count) }
}
