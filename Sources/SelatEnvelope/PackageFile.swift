import Glibc
package import SelatCore
import SelatCrypto

/// A whole envelope in one file, `.selat`: the head, the payload and the end of a tar archive.
///
/// Calls block on the disk. Opening reads the head and checks the form to the last byte; what the
/// head says is believed after `EnvelopeHead.verify`, the payload after `verifyPayload`.
package final class PackageFile: SegmentSource {
    package let path: String
    package let head: EnvelopeHead
    private let descriptor: Int32
    private let payloadStart: UInt64

    /// - Throws: `EnvelopeError.malformed` unless the file is exactly a package.
    package init(_ path: String) throws(EnvelopeError) {
        // A pipe that nobody writes to would be waited for without end.
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw .file(.latest("opening", path)) }
        do throws(EnvelopeError) {
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { throw .file(.latest("opening", path)) }
            guard status.st_mode & S_IFMT == S_IFREG else {
                let isFolder = status.st_mode & S_IFMT == S_IFDIR
                throw .file(
                    FileFault(
                        "opening", path, code: isFolder ? EISDIR : EINVAL,
                        reason: isFolder ? "it is a directory" : "it is no file"))
            }
            let cursor = FileCursor(descriptor, path)
            head = try EnvelopeHead(reading: { (count) throws(EnvelopeError) in
                try cursor.next(count)
            })
            payloadStart = cursor.offset
            try Self.checkEnd(cursor, after: head.payloadSize)
        } catch {
            close(descriptor)
            throw error
        }
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Behind the payload: zeros up to a whole block, two zero blocks, and nothing.
    private static func checkEnd(
        _ cursor: FileCursor, after payloadSize: UInt64
    ) throws(EnvelopeError) {
        let end = Tar.padding(after: payloadSize) + Tar.end
        let size = try cursor.size()
        let expected = cursor.offset + payloadSize + UInt64(end.count)
        guard size == expected else { throw .sizeDiffers(expected: expected, actual: size) }
        cursor.skip(payloadSize)
        guard try cursor.next(end.count) == end else {
            throw .malformed("package", "bytes behind the payload that are not zero")
        }
    }

    /// Compares the whole payload with the leaves.
    /// - Parameter checked: hears of the bytes of each segment that was read.
    /// - Throws: `EnvelopeError.segmentDiffers` where a segment is another.
    package func verifyPayload(
        of verified: VerifiedHead, checked: (Int) -> Void = { _ in }
    ) throws(EnvelopeError) {
        guard verified.head == head else { throw .partDiffers("head") }
        let memory = PageMemory(count: Int(SegmentLayout.leafBytesMax) + SegmentBlocks.bytes)
        var roots = SubtreeRoots(verified.layout)
        for index in 0..<verified.layout.count {
            let range = verified.layout.leaf(index)
            let piece = memory[0..<range.count]
            try withFile { () throws(FileFault) in try fill(piece, from: range.lowerBound) }
            if let (subtree, root) = roots.take(piece.leafHash, of: index) {
                try head.leaves.check(root, of: subtree, verified.layout)
            }
            checked(range.count)
        }
    }

    package func read(
        _ range: Range<UInt64>, into memory: inout MutableRawSpan
    ) throws(FileFault) -> Int {
        var fault: FileFault?
        memory.withUnsafeMutableBytes { memory in
            do throws(FileFault) {
                try fill(
                    UnsafeMutableRawBufferPointer(rebasing: memory[..<range.count]),
                    from: range.lowerBound)
            } catch { fault = error }
        }
        if let fault { throw fault }
        return 0
    }

    private func fill(
        _ memory: UnsafeMutableRawBufferPointer, from offset: UInt64
    ) throws(FileFault) {
        try FileCursor.fill(memory, descriptor, path, from: payloadStart + offset)
    }
}

extension EnvelopeHead {
    /// The package's bytes after the payload's last.
    package var trailer: [UInt8] { Tar.padding(after: payloadSize) + Tar.end }
}

extension PackageFile {
    /// Writes a package to an open file, from its current position on.
    /// - Parameters:
    ///   - payload: the sealed payload, of the size that the head names.
    ///   - write: takes the next bytes.
    package static func write(
        _ head: EnvelopeHead, payload: any SegmentSource,
        to write: (RawSpan) throws(FileFault) -> Void
    ) throws(EnvelopeError) {
        let end = head.trailer
        let front = head.encoded()
        let memory = PageMemory(count: Int(SegmentLayout.messageBytes) + 2 * SegmentBlocks.bytes)
        try withFile { () throws(FileFault) in try write(front.span.bytes) }
        var offset: UInt64 = 0
        while offset < head.payloadSize {
            let range = offset..<min(offset + SegmentLayout.messageBytes, head.payloadSize)
            let start = try memory.fill(from: payload, range)
            let piece = memory[start..<start + range.count]
            try withFile { () throws(FileFault) in try write(piece.bytes) }
            offset = range.upperBound
        }
        try withFile { () throws(FileFault) in try write(end.span.bytes) }
    }
}

/// Reads a file from its beginning.
private final class FileCursor {
    private let descriptor: Int32
    private let path: String
    private(set) var offset: UInt64 = 0

    init(_ descriptor: Int32, _ path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    func next(_ count: Int) throws(EnvelopeError) -> [UInt8] {
        // Asked before memory is taken: a header may claim what the file does not have.
        guard try size() >= offset + UInt64(count) else {
            throw .malformed("package", "`\(path)` is cut off")
        }
        var bytes = [UInt8](repeating: 0, count: count)
        var fault: FileFault?
        bytes.withUnsafeMutableBytes { bytes in
            do throws(FileFault) { try Self.fill(bytes, descriptor, path, from: offset) } catch {
                fault = error
            }
        }
        if let fault { throw .file(fault) }
        offset += UInt64(count)
        return bytes
    }

    func skip(_ count: UInt64) { offset += count }

    func size() throws(EnvelopeError) -> UInt64 {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .file(.latest("reading", path)) }
        return UInt64(status.st_size)
    }

    static func fill(
        _ memory: UnsafeMutableRawBufferPointer, _ descriptor: Int32, _ path: String,
        from offset: UInt64
    ) throws(FileFault) {
        var filled = 0
        while filled < memory.count {
            let count = pread(
                descriptor, memory.baseAddress.map { $0 + filled }, memory.count - filled,
                off_t(offset) + off_t(filled))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .latest("reading", path) }
            guard count > 0 else {
                throw FileFault("reading", path, code: 0, reason: "ends too early")
            }
            filled += count
        }
    }
}

extension FileFault {
    fileprivate static func latest(_ operation: String, _ path: String) -> FileFault {
        let code = errno
        return FileFault(operation, path, code: code, reason: String(cString: strerror(code)))
    }
}
