import Glibc
import SelatCore
import SelatCrypto

/// A backup in a file, read from its beginning to its end. Nothing is trusted before it has passed
/// the content key.
package final class BackupFile {
    package let path: String
    package let front: BackupFront
    private let file: Int32
    private var offset: UInt64

    /// Opens a file and reads its front.
    /// - Throws: `BackupError`; `.size` for one that is longer or shorter than its front says.
    package init(_ path: String) throws(BackupError) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .file(fault("opening", path)) }
        var read: UInt64 = 0
        do throws(BackupError) {
            front = try BackupFront(reading: { (count) throws(BackupError) in
                defer { read += UInt64(count) }
                return try Self.bytes(of: file, path, count, at: read)
            })
            var status = stat()
            guard fstat(file, &status) == 0 else { throw .file(fault("reading", path)) }
            guard UInt64(status.st_size) == front.fileSize else {
                throw .size(UInt64(status.st_size), expected: front.fileSize)
            }
        } catch {
            close(file)
            throw error
        }
        (self.path, self.file, offset) = (path, file, read)
    }

    deinit { close(file) }

    /// Gives the next bytes.
    /// - Throws: `.size` where there are not as many.
    func next(_ count: Int) throws(BackupError) -> [UInt8] {
        defer { offset += UInt64(count) }
        return try Self.bytes(of: file, path, count, at: offset)
    }

    private static func bytes(
        of file: Int32, _ path: String, _ count: Int, at offset: UInt64
    ) throws(BackupError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes { bytes in
                pread(
                    file, bytes.baseAddress.map { $0 + filled }, count - filled,
                    off_t(offset) + off_t(filled))
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw .file(fault("reading", path)) }
            guard got > 0 else {
                throw .size(offset + UInt64(filled), expected: offset + UInt64(count))
            }
            filled += got
        }
        return bytes
    }
}
