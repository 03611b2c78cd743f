import Foundation
import NIOCore
import SelatCore

/// Reads a dataset's files one after the other, exactly as many bytes as were announced.
struct DatasetReader: ~Copyable {
    private let files: [DatasetFolder.File]
    private var index = 0
    private var descriptor: Int32 = -1
    private var left: UInt64 = 0

    static let pieceBytes = 256 << 10

    init(_ dataset: DatasetFolder) { files = dataset.files }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// The next piece, nil at the end.
    /// - Throws: `Ending` when a file cannot be read, or is not any more what it was.
    mutating func next() throws -> ByteBuffer? {
        while descriptor < 0 || left == 0 {
            if descriptor >= 0 { try finishFile() }
            guard index < files.count else { return nil }
            try openFile()
        }
        var piece = ByteBuffer()
        let wanted = Int(min(UInt64(Self.pieceBytes), left))
        let count = try piece.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { bytes in
            let count = read(descriptor, bytes.baseAddress, wanted)
            guard count >= 0 else { throw fault(String(cString: strerror(errno))) }
            return count
        }
        guard count > 0 else { throw fault("it became shorter while it was read") }
        left -= UInt64(count)
        return piece
    }

    private mutating func openFile() throws {
        // O_NOFOLLOW: what was a file when the folder was read must not have become a link.
        descriptor = open(files[index].location, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw fault(String(cString: strerror(errno))) }
        left = files[index].size
    }

    private mutating func finishFile() throws {
        var byte: UInt8 = 0
        guard read(descriptor, &byte, 1) == 0 else { throw fault("it grew while it was read") }
        close(descriptor)
        descriptor = -1
        index += 1
    }

    private func fault(_ reason: String) -> Ending {
        Ending(
            .failed, "reading `\(files[index].location)`: \(reason)",
            hint: "nothing was sent; send it again once the file is at rest")
    }
}
