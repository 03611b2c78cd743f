import COpenSSL
import Glibc
import Synchronization

/// Memory that the heap keeps after it was freed. Buffers of up to a megabyte, freed in another order than
/// they were made in, leave holes that later ones do not fit, so that a busy daemon would hold several
/// times what it uses.
package enum FreedMemory {
    /// Bytes of data that pass through buffers between two looks.
    private static let interval: UInt64 = 1 << 20
    /// What the process may have without a look at what of it is free. One upload alone would else give back and
    /// take again what its buffers need, over and over: half of its processor time.
    private static let easy: UInt64 = 28 << 20
    /// How much more it may have, above that, than after the last time. Giving back costs a millisecond or so, and
    /// the pages that are taken again cost a fault each; where buffers are used again nothing grows, and it costs
    /// nothing.
    private static let growthMax: UInt64 = 2 << 20
    /// Above that it is given back after so many bytes also where nothing has grown: much of what it had the last
    /// time may be free by now.
    private static let intervalAbove: UInt64 = 32 << 20

    private static let passed = Atomic<UInt64>(0)
    /// What the process had after the last time, or less.
    private static let least = Atomic<UInt64>(0)

    /// For a daemon, before it has threads: what it frees is kept for the next buffers, and goes back by `passed` and
    /// `giveBack` alone.
    package static func keep() { selat_keep_freed_blocks(mappedBytesMin) }

    /// Larger than any buffer that comes and goes with each piece of a payload.
    private static let mappedBytesMin = (1 << 20) + (64 << 10)

    /// Gives back all that is free, however little it is: for moments in which nothing goes on.
    package static func giveBack() {
        selat_trim_heap()
        least.store(privateBytes ?? 0, ordering: .relaxed)
    }

    /// Counts data that went through buffers; gives back to the system what the heap has free where the process has
    /// grown meanwhile.
    package static func passed(_ count: Int) {
        let added = UInt64(count)
        let total = passed.wrappingAdd(added, ordering: .relaxed).newValue
        guard total % interval < added else { return }
        guard let now = privateBytes else { return selat_trim_heap() }
        let before = least.load(ordering: .relaxed)
        if now > easy, now > before + growthMax || total % intervalAbove < added {
            selat_trim_heap()
            least.store(privateBytes ?? now, ordering: .relaxed)
        } else if now < before {
            least.store(now, ordering: .relaxed)
        }
    }

    /// What the process has in memory and shares with nobody: proc(5), *statm*, the second number less the third; nil
    /// where it cannot be told.
    static var privateBytes: UInt64? {
        let text = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 128) { buffer in
            let count = pread(statm, buffer.baseAddress, buffer.count, 0)
            return String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
        }
        let pages = text.split(separator: " ").dropFirst().prefix(2).compactMap { UInt64($0) }
        guard pages.count == 2, pages[0] >= pages[1] else { return nil }
        return (pages[0] - pages[1]) * UInt64(sysconf(Int32(_SC_PAGESIZE)))
    }

    private static let statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
}
