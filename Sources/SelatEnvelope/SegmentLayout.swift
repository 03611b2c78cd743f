import SelatCore
import SelatCrypto

/// Where the segments of one payload begin and end (Format, *Leaves*).
///
/// A segment is 64 chunks: 1 MiB of plaintext, 1,049,600 sealed bytes. The first leaf also covers
/// the 56 bytes of salt and commitment. The last segment may be one chunk of 16 bytes.
///
/// A head lists one hash for each subtree of 2^`level` segments: as many as keep it within
/// `subtreesMax`, so that it stays small whatever the payload's size.
package struct SegmentLayout: Hashable, Sendable {
    package static let chunks = 64
    package static let messageBytes = UInt64(chunks * ChunkedEncryption.chunkBytes)
    package static let sealedBytes = UInt64(chunks * ChunkedEncryption.sealedChunkBytes)
    /// The most that one leaf covers.
    package static let leafBytesMax = sealedBytes + UInt64(ChunkedEncryption.headerBytes)

    /// Hashes that a head lists: 1 MiB of them.
    package static let subtreesMax: UInt64 = 32_768

    private static let header = UInt64(ChunkedEncryption.headerBytes)

    /// Plaintext bytes of the whole payload.
    package let messageSize: UInt64
    /// Sealed bytes of the whole payload.
    package let sealedSize: UInt64
    /// Segments, and so leaves; at least one.
    package let count: UInt64
    /// Of the subtrees whose roots a head lists; 0 where those are the leaves.
    package let level: Int

    /// - Throws: `EnvelopeError.malformed` beyond `Limits.payloadBytesMax`.
    package init(messageSize: UInt64) throws(EnvelopeError) {
        try self.init(messageSize: messageSize, subtreesMax: Self.subtreesMax)
    }

    /// With fewer subtrees, for tests: a payload that has a level fits into memory then.
    init(messageSize: UInt64, subtreesMax: UInt64) throws(EnvelopeError) {
        guard messageSize <= Limits.payloadBytesMax else {
            throw .malformed("payload", "over \(Limits.payloadBytesMax) bytes")
        }
        self.messageSize = messageSize
        sealedSize = ChunkedEncryption.sealedSize(of: messageSize)
        let count = (sealedSize - Self.header + Self.sealedBytes - 1) / Self.sealedBytes
        self.count = count
        level = (0..<64).first { (count - 1) >> $0 < subtreesMax } ?? 0
    }

    /// - Throws: `EnvelopeError` for a size that no sealed message has.
    package init(sealedSize: UInt64) throws(EnvelopeError) {
        let size = try withCrypto { () throws(CryptoError) in
            try ChunkedEncryption.messageSize(of: sealedSize)
        }
        try self.init(messageSize: size)
    }

    /// Subtrees, and so hashes in a head; at least one.
    package var subtreeCount: UInt64 { (count - 1) >> level + 1 }

    /// The subtree in which a segment lies.
    func subtree(of segment: UInt64) -> UInt64 { segment >> level }

    /// The segments of a subtree; the last may have fewer than the others.
    func segments(ofSubtree number: UInt64) -> Range<UInt64> {
        number << level..<min((number + 1) << level, count)
    }

    /// How many threads find work in a payload: of one segment, one.
    func threads(atMost count: Int) -> Int { min(count, Int(clamping: self.count)) }

    /// The sealed bytes that a leaf covers.
    package func leaf(_ index: UInt64) -> Range<UInt64> {
        let end = min(Self.header + (index + 1) * Self.sealedBytes, sealedSize)
        return (index == 0 ? 0 : Self.header + index * Self.sealedBytes)..<end
    }

    /// The plaintext bytes of a segment; empty when the last is one empty chunk.
    package func message(_ index: UInt64) -> Range<UInt64> {
        index * Self.messageBytes..<min((index + 1) * Self.messageBytes, messageSize)
    }

    /// The number of a segment's first chunk.
    func firstChunk(_ index: UInt64) -> UInt64 { index * UInt64(Self.chunks) }

    /// The segments of the subtrees that lie wholly before a byte of the sealed payload.
    package func checkedSegments(before offset: UInt64) -> UInt64 {
        if offset >= sealedSize { return count }
        return offset < Self.header
            ? 0 : wholeSubtrees((offset - Self.header) / Self.sealedBytes)
    }

    /// How many of the first `segments` lie in subtrees that are whole with them.
    func wholeSubtrees(_ segments: UInt64) -> UInt64 {
        segments >= count ? count : (segments >> level) << level
    }
}
