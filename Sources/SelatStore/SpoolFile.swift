import Glibc
package import SelatCore
import Synchronization

/// A payload in the spool, written in segments without the page cache.
///
/// Whole blocks go to the disk straight from the caller's memory. A block that two pieces share is
/// joined here and written when it is full, and padded when it must be durable before. Where the file
/// system refuses O_DIRECT (`isBuffered`), the same calls go through the page cache.
package final class SpoolFile: SegmentSink {
    package let path: String
    /// Whether the file system refused direct writes: slower, and worth a warning.
    package let isBuffered: Bool

    private let descriptor: Int32
    private let edges: SpoolEdges

    /// Creates the file and reserves its room, so that a full disk shows at once.
    /// - Throws: `FileFault` when it exists already, or the disk is full.
    package convenience init(creating path: String, size: UInt64) throws(FileFault) {
        let opened = try DirectFile.open(path, O_RDWR | O_CREAT | O_EXCL)
        self.init(path, opened, SpoolEdges())
        do throws(FileFault) { try reserve(size) } catch {
            discard()
            throw error
        }
    }

    /// Goes on with a file that was made durable up to `offset`.
    /// - Throws: `FileFault` when it is not there or shorter.
    package convenience init(resuming path: String, at offset: UInt64) throws(FileFault) {
        let opened = try DirectFile.open(path, O_RDWR)
        do throws(FileFault) {
            let edges = try SpoolEdges(opened.descriptor, path, durable: offset)
            self.init(path, opened, edges)
        } catch {
            close(opened.descriptor)
            throw error
        }
    }

    private init(
        _ path: String, _ opened: DirectFile.Opened, _ edges: SpoolEdges
    ) {
        self.path = path
        descriptor = opened.descriptor
        isBuffered = opened.isBuffered
        self.edges = edges
    }

    deinit { close(descriptor) }

    package func write(_ bytes: RawSpan, at offset: UInt64) throws(FileFault) {
        var fault: FileFault?
        bytes.withUnsafeBytes { bytes in
            do throws(FileFault) { try write(bytes, at: offset) } catch { fault = error }
        }
        if let fault { throw fault }
    }

    private func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(FileFault) {
        let block = UInt64(SegmentBlocks.bytes)
        let end = offset + UInt64(bytes.count)
        // The blocks that lie wholly inside; what stands before and behind is shared with others.
        let first = min((offset + block - 1) / block * block, end)
        let last = max(end / block * block, first)
        try writeBlocks(
            UnsafeRawBufferPointer(rebasing: bytes[Int(first - offset)..<Int(last - offset)]),
            at: first)
        for edge in [offset..<first, last..<end] where !edge.isEmpty {
            let part = bytes[Int(edge.lowerBound - offset)..<Int(edge.upperBound - offset)]
            try edges.join(
                UnsafeRawBufferPointer(rebasing: part), at: edge.lowerBound, descriptor, path)
        }
    }

    private func writeBlocks(
        _ bytes: UnsafeRawBufferPointer, at offset: UInt64
    ) throws(FileFault) {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
        if isBuffered || UInt(bitPattern: start).isMultiple(of: UInt(SegmentBlocks.bytes)) {
            return try DirectFile.write(descriptor, path, bytes, at: offset)
        }
        let aligned = UnsafeMutableRawBufferPointer.allocate(
            byteCount: bytes.count, alignment: SegmentBlocks.bytes)
        defer { aligned.deallocate() }
        aligned.copyMemory(from: bytes)
        try DirectFile.write(descriptor, path, UnsafeRawBufferPointer(aligned), at: offset)
    }

    package func sync() throws(FileFault) {
        try edges.flush(descriptor, path)
        guard fdatasync(descriptor) == 0 else { throw .latest("syncing", path) }
    }

    package func finish(size: UInt64) throws(FileFault) {
        try edges.flush(descriptor, path)
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw .latest("cutting", path) }
        guard fsync(descriptor) == 0 else { throw .latest("syncing", path) }
        try DirectFile.syncFolder(of: path)
    }

    package func discard() { unlink(path) }

    /// Blocks of the whole file are set aside; writing inside a file's size also lets several
    /// threads write at once.
    private func reserve(_ size: UInt64) throws(FileFault) {
        let whole = SegmentBlocks.widened(0..<size).upperBound
        let code = posix_fallocate(descriptor, 0, off_t(whole))
        // Some file systems cannot reserve; they show a full disk later.
        guard code == 0 || code == EOPNOTSUPP || code == EINVAL else {
            throw FileFault("reserving room for", path, code: code)
        }
    }
}

/// Blocks of which some bytes are still missing, by their offset in the file.
///
/// They are written under the lock, so that a padded block never overtakes the full one.
// SAFETY: `blocks` is touched only under `lock`.
private final class SpoolEdges: @unchecked Sendable {
    private let lock = Mutex(())
    private var blocks: [UInt64: Edge] = [:]

    init() {}

    /// The beginning of the block in which the durable part ends.
    init(_ descriptor: Int32, _ path: String, durable offset: UInt64) throws(FileFault) {
        let size = UInt64(SegmentBlocks.bytes)
        let start = offset / size * size
        guard start < offset else { return }
        let edge = Edge(count: Int(offset - start))
        guard
            pread(descriptor, edge.bytes.baseAddress, edge.bytes.count, off_t(start)) >= edge.count
        else { throw .latest("reading", path) }
        blocks[start] = edge
    }

    /// Adds bytes of one block, and writes the block when it is full.
    func join(
        _ bytes: UnsafeRawBufferPointer, at offset: UInt64, _ descriptor: Int32, _ path: String
    ) throws(FileFault) {
        let size = UInt64(SegmentBlocks.bytes)
        let start = offset / size * size
        try locked { () throws(FileFault) in
            let edge = blocks[start] ?? Edge(count: 0)
            let at = Int(offset - start)
            edge.bytes[at..<at + bytes.count].copyBytes(from: bytes)
            edge.count += bytes.count
            blocks[start] = edge.count == SegmentBlocks.bytes ? nil : edge
            if edge.count == SegmentBlocks.bytes { try edge.write(descriptor, path, at: start) }
        }
    }

    /// Writes what there is of each block, padded.
    func flush(_ descriptor: Int32, _ path: String) throws(FileFault) {
        try locked { () throws(FileFault) in
            for (start, edge) in blocks { try edge.write(descriptor, path, at: start) }
        }
    }

    private func locked(_ body: () throws(FileFault) -> Void) throws(FileFault) {
        let result: Result<Void, FileFault> = lock.withLock { _ in
            do throws(FileFault) { return .success(try body()) } catch { return .failure(error) }
        }
        try result.get()
    }

    private final class Edge {
        let bytes = UnsafeMutableRawBufferPointer.allocate(
            byteCount: SegmentBlocks.bytes, alignment: SegmentBlocks.bytes)
        var count: Int

        init(count: Int) {
            self.count = count
            bytes.initializeMemory(as: UInt8.self, repeating: 0)
        }

        deinit { bytes.deallocate() }

        func write(_ descriptor: Int32, _ path: String, at offset: UInt64) throws(FileFault) {
            try DirectFile.write(descriptor, path, UnsafeRawBufferPointer(bytes), at: offset)
        }
    }
}
