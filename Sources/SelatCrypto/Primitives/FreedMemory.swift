import COpenSSL
import Synchronization

/// Memory that the heap keeps after it was freed. Buffers of up to a megabyte, freed in another order than
/// they were made in, leave holes that later ones do not fit, so that a busy daemon would hold several
/// times what it uses.
package enum FreedMemory {
    /// Bytes of data that pass through buffers between two looks. Each costs a millisecond or so, and the
    /// pages that are taken again cost a fault each.
    private static let interval: UInt64 = 8 << 20

    private static let passed = Atomic<UInt64>(0)

    /// Counts data that went through buffers; every so often gives back to the system what the heap has
    /// free.
    package static func passed(_ count: Int) {
        let added = UInt64(count)
        let total = passed.wrappingAdd(added, ordering: .relaxed).newValue
        if total % interval < added { selat_trim_heap() }
    }
}
