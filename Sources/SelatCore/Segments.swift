// Where sealed bytes go to and come from, piece by piece. The envelope seals and opens; the store and
// the package file know the disk.

/// Takes a payload in pieces and makes them durable.
///
/// Pieces arrive in any order and from several threads at once; they never overlap. A sink works best
/// when a piece's address in memory and its offset are equal modulo `SegmentBlocks.bytes`.
package protocol SegmentSink: AnyObject, Sendable {
    /// Blocks until the system has taken the bytes.
    /// - Throws: `FileFault` when the system refuses, such as for a full disk.
    func write(_ bytes: RawSpan, at offset: UInt64) throws(FileFault)

    /// Blocks until all that was written is durable. Nobody may be writing meanwhile.
    func sync() throws(FileFault)

    /// Cuts or pads to `size` and blocks until file and folder entry are durable. Nothing is
    /// written afterwards.
    func finish(size: UInt64) throws(FileFault)

    /// Throws away what was written.
    func discard()
}

/// Gives back a payload in pieces, from several threads at once.
package protocol SegmentSource: AnyObject, Sendable {
    /// Blocks until `range` is read.
    /// - Parameter memory: has room for `SegmentBlocks.widened(range)`; its start is block-aligned.
    /// - Returns: where in `memory` the first byte of `range` lies.
    /// - Throws: `FileFault` when the system refuses or the file ends before.
    func read(
        _ range: Range<UInt64>, into memory: inout MutableRawSpan
    ) throws(FileFault) -> Int
}

/// The unit in which disks are read and written without the page cache.
package enum SegmentBlocks {
    package static let bytes = 4_096

    /// `range`, from the beginning of its first block to the end of its last.
    package static func widened(_ range: Range<UInt64>) -> Range<UInt64> {
        let block = UInt64(bytes)
        let end = (range.upperBound + block - 1) / block * block
        return range.lowerBound / block * block..<max(end, range.lowerBound / block * block)
    }
}

/// The system's refusal to do something with a file.
package struct FileFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was tried: `writing`, `opening`.
    package let operation: String
    package let path: String
    /// The system's number, `errno`; 0 where a file is not what it should be.
    package let code: Int32
    /// The system's words for it.
    package let reason: String

    package init(_ operation: String, _ path: String, code: Int32, reason: String) {
        self.operation = operation
        self.path = path
        self.code = code
        self.reason = reason
    }

    package var description: String { "\(operation) `\(path)`: \(reason)" }
}
