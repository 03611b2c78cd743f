import Glibc
import SelatCore
import SelatCrypto

/// Page-aligned memory outside the heap, so that it goes back to the system at once.
// SAFETY: the address never changes; whoever holds the slot that owns it is alone with the bytes.
final class PageMemory: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer

    init(count: Int) {
        let start = mmap(
            nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let start, start != MAP_FAILED else {
            preconditionFailure("out of memory for a segment")
        }
        bytes = UnsafeMutableRawBufferPointer(start: start, count: count)
    }

    deinit { munmap(bytes.baseAddress, bytes.count) }

    subscript(range: Range<Int>) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: bytes[range])
    }

    /// Copies bytes in.
    /// - Parameters:
    ///   - source: read from its `offset`-th byte on.
    ///   - range: where the copy may stand; less is written when `source` ends.
    /// - Returns: the number of bytes copied.
    func copy(_ source: some Collection<UInt8>, from offset: Int, to range: Range<Int>) -> Int {
        let copied = source.withContiguousStorageIfAvailable { source in
            let part = source[offset..<min(source.count, offset + range.count)]
            self[range].copyBytes(from: part)
            return part.count
        }
        return copied ?? copy(Array(source), from: offset, to: range)
    }
}

extension PageMemory {
    /// Reads a piece of a payload.
    /// - Returns: where its first byte lies.
    func fill(
        from source: any SegmentSource, _ range: Range<UInt64>
    ) throws(EnvelopeError) -> Int {
        var room = bytes.mutableBytes
        do throws(FileFault) { return try source.read(range, into: &room) } catch {
            throw .file(error)
        }
    }
}

// Each hands one piece of memory on as a span: pointers end at this module's border.

extension UnsafeMutableRawBufferPointer {
    var leafHash: Digest { MerkleHash.leaf(bytes) }
}

extension SegmentSink {
    func take(
        _ piece: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(EnvelopeError) {
        do throws(FileFault) { try write(piece.bytes, at: offset) } catch { throw .file(error) }
    }
}

extension ChunkCipher {
    borrowing func seal(
        _ message: UnsafeMutableRawBufferPointer, from first: UInt64,
        into sealed: UnsafeMutableRawBufferPointer, hashing hasher: inout SHA256
    ) throws(EnvelopeError) {
        var room = sealed.mutableBytes
        do throws(CryptoError) {
            try seal(message.bytes, from: first, into: &room, hashing: &hasher)
        } catch { throw .crypto(error) }
    }

    borrowing func open(
        _ sealed: UnsafeMutableRawBufferPointer, from first: UInt64,
        into message: UnsafeMutableRawBufferPointer
    ) throws(EnvelopeError) {
        var room = message.mutableBytes
        do throws(CryptoError) { try open(sealed.bytes, from: first, into: &room) } catch {
            throw .crypto(error)
        }
    }
}

/// Memory for one segment on its way: its plaintext, and its sealed bytes with room for whole
/// blocks.
final class Slot: Sendable {
    private let plain: PageMemory?
    let sealed: PageMemory

    /// The plaintext; only in slots that were made with it.
    var message: PageMemory {
        guard let plain else { preconditionFailure("a slot without plaintext") }
        return plain
    }

    init(withMessage: Bool) {
        plain = withMessage ? PageMemory(count: Int(SegmentLayout.messageBytes)) : nil
        sealed = PageMemory(
            count: Int(SegmentLayout.leafBytesMax) + 2 * SegmentBlocks.bytes)
    }

    /// Where a piece of the payload stands in `sealed`, so that address and offset agree modulo the
    /// block size.
    static func place(of range: Range<UInt64>) -> Range<Int> {
        let start = Int(range.lowerBound % UInt64(SegmentBlocks.bytes))
        return start..<start + range.count
    }
}
