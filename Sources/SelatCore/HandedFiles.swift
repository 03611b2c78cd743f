import CLinux
import Glibc

/// Files that another process on this machine has opened and handed over (Control.docc, *Files*). They are closed
/// when this goes away.
package final class HandedFiles: Sendable {
    package let descriptors: [Int32]
    /// Tells whoever handed them over how many bytes have passed so far.
    package let passed: @Sendable (UInt64) -> Void

    /// Takes the descriptors over, also where it refuses them.
    /// - Throws: `FileFault` for what is no regular file, whose file system may let a thread wait for as long as
    ///   somebody else likes, or that writes at its end wherever it is told to.
    package init(
        _ descriptors: [Int32], passed: @escaping @Sendable (UInt64) -> Void = { _ in }
    ) throws(FileFault) {
        do throws(FileFault) {
            for (index, descriptor) in descriptors.enumerated() {
                try Self.check(descriptor, "file \(index + 1)")
            }
        } catch {
            for descriptor in descriptors { close(descriptor) }
            throw error
        }
        self.descriptors = descriptors
        self.passed = passed
    }

    deinit { for descriptor in descriptors { close(descriptor) } }

    private static func check(_ descriptor: Int32, _ name: String) throws(FileFault) {
        func refused(_ reason: String) -> FileFault {
            FileFault("taking over", name, code: EINVAL, reason: reason)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw refused("it is no regular file")
        }
        guard local.contains(selat_file_system(descriptor)) else {
            throw refused("it lies on no file system of this machine's own")
        }
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, flags & O_APPEND == 0 else { throw refused("it is open for appending") }
    }

    /// What statfs(2) calls file systems that the kernel serves by itself. Not those of a network or a process,
    /// nor those that lie over others.
    private static let local: Set<Int> = [
        0xEF53,  // ext2, ext3, ext4
        0x5846_5342,  // XFS
        0x9123_683E,  // Btrfs
        0xF2F5_2010,  // F2FS
        0x2FC1_2FC1,  // ZFS
        0x0102_1994,  // tmpfs
    ]
}
