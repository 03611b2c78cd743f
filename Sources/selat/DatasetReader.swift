import Foundation
import Glibc
import NIOCore
import SelatControl
import SelatCore

/// A large dataset's files, opened, for whoever reads them at any place.
struct OpenedDataset: ~Copyable {
    /// Smaller ones are read as fast from here.
    private static let bytesMin: UInt64 = 8 << 20

    private(set) var descriptors: [Int32] = []

    /// - Returns: nil where it is too small, or has more files than are handed over.
    /// - Throws: `Ending` when a file cannot be opened.
    init?(_ dataset: DatasetFolder) throws {
        guard dataset.size >= Self.bytesMin, dataset.files.count <= FileHandover.filesMax else {
            return nil
        }
        for file in dataset.files { descriptors.append(try DatasetReader.open(file)) }
    }

    deinit { for descriptor in descriptors { close(descriptor) } }
}

/// Reads a dataset's files one after the other, exactly as many bytes as were announced.
struct DatasetReader: ~Copyable {
    private let files: [DatasetFolder.File]
    private var index = 0
    private var descriptor: Int32 = -1
    private var left: UInt64 = 0

    static let pieceBytes = 256 << 10

    init(_ dataset: DatasetFolder) { files = dataset.files }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// All of a small dataset.
    /// - Throws: `Ending` as `next` does.
    static func whole(_ dataset: DatasetFolder) throws -> [UInt8] {
        var reader = DatasetReader(dataset)
        var bytes: [UInt8] = []
        while let piece = try reader.next() { bytes += piece.readableBytesView }
        return bytes
    }

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
        descriptor = try Self.open(files[index])
        left = files[index].size
    }

    /// - Throws: `Ending` when it cannot be opened.
    static func open(_ file: DatasetFolder.File) throws -> Int32 {
        // O_NOFOLLOW: what was a file when the folder was read must not have become a link.
        let descriptor = Glibc.open(file.location, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw fault(String(cString: strerror(errno)), file) }
        return descriptor
    }

    private mutating func finishFile() throws {
        var byte: UInt8 = 0
        guard read(descriptor, &byte, 1) == 0 else { throw fault("it grew while it was read") }
        close(descriptor)
        descriptor = -1
        index += 1
    }

    private func fault(_ reason: String) -> Ending { Self.fault(reason, files[index]) }

    private static func fault(_ reason: String, _ file: DatasetFolder.File) -> Ending {
        Ending(
            .failed, "reading `\(file.location)`: \(reason)",
            hint: "nothing was sent; send it again once the file is at rest")
    }
}
