import Glibc
import NIOCore

/// Reads a file in pieces, in flat memory.
final class PieceReader {
    let size: UInt64
    private let path: String
    private let descriptor: Int32

    /// - Throws: `Ending` where the file cannot be opened.
    init(_ path: String) throws {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        var status = stat()
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
            throw Ending(.failed, "reading `\(path)`: \(String(cString: strerror(errno)))")
        }
        size = UInt64(clamping: status.st_size)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// The next piece; nil at the end.
    func next() throws -> ByteBuffer? {
        var piece = ByteBuffer()
        let count = try piece.writeWithUnsafeMutableBytes(minimumWritableBytes: 1 << 20) { bytes in
            let count = read(descriptor, bytes.baseAddress, bytes.count)
            guard count >= 0 else {
                throw Ending(.failed, "reading `\(path)`: \(String(cString: strerror(errno)))")
            }
            return count
        }
        return count == 0 ? nil : piece
    }
}
