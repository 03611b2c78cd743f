import Glibc
package import SelatCore

/// A payload in the spool, read in segments without the page cache: it is read once, and the cache
/// has better uses.
package final class SpoolReader: SegmentSource {
    package let path: String
    package let size: UInt64
    private let descriptor: Int32
    private let isBuffered: Bool

    package init(_ path: String) throws(FileFault) {
        let opened = try DirectFile.open(path, O_RDONLY)
        var status = stat()
        guard fstat(opened.descriptor, &status) == 0 else {
            let fault = FileFault.latest("reading", path)
            close(opened.descriptor)
            throw fault
        }
        self.path = path
        size = UInt64(status.st_size)
        descriptor = opened.descriptor
        isBuffered = opened.isBuffered
    }

    deinit { close(descriptor) }

    package func read(
        _ range: Range<UInt64>, into memory: inout MutableRawSpan
    ) throws(FileFault) -> Int {
        let whole = SegmentBlocks.widened(range)
        let start = Int(range.lowerBound - whole.lowerBound)
        var count = 0
        var fault: FileFault?
        memory.withUnsafeMutableBytes { memory in
            do throws(FileFault) { count = try read(whole, into: memory) } catch { fault = error }
        }
        if let fault { throw fault }
        guard count >= start + range.count else {
            throw FileFault(
                "reading", path, code: 0,
                reason:
                    "ends at byte \(whole.lowerBound + UInt64(count)), before \(range.upperBound)")
        }
        return start
    }

    /// - Returns: how many bytes there were before the file's end.
    private func read(
        _ whole: Range<UInt64>, into memory: UnsafeMutableRawBufferPointer
    ) throws(FileFault) -> Int {
        var filled = 0
        while filled < whole.count {
            let count = pread(
                descriptor, memory.baseAddress.map { $0 + filled }, whole.count - filled,
                off_t(whole.lowerBound) + off_t(filled))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .latest("reading", path) }
            filled += count
            // A direct read that is not of whole blocks has met the end.
            if count == 0 || !count.isMultiple(of: SegmentBlocks.bytes) { break }
        }
        return filled
    }
}
