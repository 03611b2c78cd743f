import Glibc
package import SelatCore
import Synchronization

/// A payload in the spool, written in segments without the page cache.
///
/// Whole blocks go to the disk straight from the caller's memory. A block that two pieces share is
/// joined here and written when it is full, and padded when it must be durable before. Where the
/// file system refuses O_DIRECT (`isBuffered`), the same calls go through the page cache.
package final class SpoolFile: SegmentSink {
    package let path: String
    /// Whether the file system refused direct writes: slower, and worth a warning.
    package let isBuffered: Bool

    /// For whoever hands the file over; it is closed when this goes away.
    package let descriptor: Int32
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
            var status = stat()
            guard fstat(opened.descriptor, &status) == 0 else { throw .latest("reading", path) }
            guard UInt64(status.st_size) >= offset else {
                throw FileFault("resuming", path, code: ENODATA, reason: "ends before \(offset)")
            }
            let edges = try SpoolEdges(opened.descriptor, path, durable: offset)
            self.init(path, opened, edges)
        } catch {
            close(opened.descriptor)
            throw error
        }
    }

    /// Another's file, at whose beginning nothing is written yet.
    /// - Parameter name: how faults call it.
    /// - Throws: `FileFault` where the system gives no second descriptor.
    convenience init(sharing descriptor: Int32, as name: String) throws(FileFault) {
        self.init(name, try DirectFile.share(descriptor, name), SpoolEdges())
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
        func part(_ range: Range<UInt64>) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(
                rebasing: bytes[Int(range.lowerBound - offset)..<Int(range.upperBound - offset)])
        }
        // Shared blocks that are full now stand directly before and behind the others: one call.
        let front = edges.join(part(offset..<first), at: offset)
        let back = edges.join(part(last..<end), at: last)
        let whole = aligned(part(first..<last))
        defer { if whole.isCopy { whole.bytes.deallocate() } }
        let start = front == nil ? first : first - block
        try DirectFile.write(
            descriptor, path, [front?.bytes, whole.bytes, back?.bytes], at: start)
        withExtendedLifetime((front, back)) {}
    }

    /// Direct writes need memory that begins at a block; a piece that does not is copied.
    private func aligned(
        _ bytes: UnsafeRawBufferPointer
    ) -> (bytes: UnsafeRawBufferPointer, isCopy: Bool) {
        let isAligned =
            UInt(bitPattern: bytes.baseAddress).isMultiple(of: UInt(SegmentBlocks.bytes))
        if isBuffered || isAligned || bytes.isEmpty { return (bytes, false) }
        let copy = UnsafeMutableRawBufferPointer.allocate(
            byteCount: bytes.count, alignment: SegmentBlocks.bytes)
        copy.copyMemory(from: bytes)
        return (UnsafeRawBufferPointer(copy), true)
    }

    package func sync() throws(FileFault) {
        try edges.flush(descriptor, path)
        guard fdatasync(descriptor) == 0 else { throw .latest("syncing", path) }
    }

    package func finish(size: UInt64) throws(FileFault) {
        try settle(size: size)
        try DirectFile.syncFolder(of: path)
    }

    /// Cuts or pads to `size` and blocks until the file is durable; its name may not be.
    func settle(size: UInt64) throws(FileFault) {
        try edges.flush(descriptor, path)
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw .latest("cutting", path) }
        guard fsync(descriptor) == 0 else { throw .latest("syncing", path) }
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
// SAFETY: `blocks` is touched only under `lock`; a full block leaves it before it is written.
private final class SpoolEdges: @unchecked Sendable {
    private let lock = Mutex(())
    private var blocks: [UInt64: SpoolEdge] = [:]

    init() {}

    /// The beginning of the block in which the durable part ends.
    init(_ descriptor: Int32, _ path: String, durable offset: UInt64) throws(FileFault) {
        let size = UInt64(SegmentBlocks.bytes)
        let start = offset / size * size
        guard start < offset else { return }
        let edge = SpoolEdge(count: Int(offset - start))
        guard
            pread(descriptor, edge.memory.baseAddress, edge.memory.count, off_t(start))
                >= edge.count
        else { throw .latest("reading", path) }
        blocks[start] = edge
    }

    /// Adds bytes of one block.
    /// - Returns: the block when it is full now; the caller writes it.
    func join(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) -> SpoolEdge? {
        guard !bytes.isEmpty else { return nil }
        let size = UInt64(SegmentBlocks.bytes)
        let start = offset / size * size
        return locked { () throws(Never) in
            let edge = blocks[start] ?? SpoolEdge(count: 0)
            let at = Int(offset - start)
            edge.memory[at..<at + bytes.count].copyBytes(from: bytes)
            edge.count += bytes.count
            blocks[start] = edge.count == SegmentBlocks.bytes ? nil : edge
            return edge.count == SegmentBlocks.bytes ? edge : nil
        }
    }

    /// Writes what there is of each block, padded. Nobody may be writing meanwhile, or a padded
    /// block could overtake the full one.
    func flush(_ descriptor: Int32, _ path: String) throws(FileFault) {
        try locked { () throws(FileFault) in
            for (start, edge) in blocks {
                try DirectFile.write(descriptor, path, edge.bytes, at: start)
            }
        }
    }

    private func locked<Value, Failure: Error>(
        _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let result: Result<Value, Failure> = lock.withLock { _ in
            do throws(Failure) { return .success(try body()) } catch { return .failure(error) }
        }
        return try result.get()
    }
}

/// One shared block.
private final class SpoolEdge {
    let memory = UnsafeMutableRawBufferPointer.allocate(
        byteCount: SegmentBlocks.bytes, alignment: SegmentBlocks.bytes)
    var count: Int

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(memory) }

    init(count: Int) {
        self.count = count
        memory.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { memory.deallocate() }
}
