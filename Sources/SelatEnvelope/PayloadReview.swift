import SelatCore
import SelatCrypto

/// Opens a sealed payload while it streams by, for a person who is to know what leaves: key
/// commitment first, every chunk by its tag, and the tree's root from the bytes themselves.
///
/// It holds one segment. What it hands out before `finish` has returned is part of a payload that
/// may still turn out to be another one.
package struct PayloadReview: Sendable {
    private let layout: SegmentLayout
    private let core: EnvelopeCore
    private let contentKey: ContentKey
    private var key: ChunkKey?
    private var segment: [UInt8] = []
    private var index: UInt64 = 0
    private var tree = MerkleFrontier()

    /// - Parameter size: of the sealed payload.
    package init(
        size: UInt64, core: EnvelopeCore, contentKey: ContentKey
    ) throws(EnvelopeError) {
        layout = try SegmentLayout(sealedSize: size)
        self.core = core
        self.contentKey = contentKey
    }

    /// Takes the next sealed bytes.
    /// - Returns: the plaintext of each segment that they complete, in order.
    /// - Throws: `EnvelopeError` for the wrong key, a chunk that is not authentic, or bytes too many.
    package mutating func append(
        _ bytes: some Collection<UInt8>
    ) throws(EnvelopeError) -> [[UInt8]] {
        var opened: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            guard index < layout.count else {
                throw .sizeDiffers(
                    expected: layout.sealedSize, actual: layout.sealedSize + UInt64(rest.count))
            }
            let needed = layout.leaf(index).count - segment.count
            segment.append(contentsOf: rest.prefix(needed))
            rest = rest.dropFirst(needed)
            if segment.count == layout.leaf(index).count { opened.append(try openSegment()) }
        }
        return opened
    }

    /// The payload's identity, computed from what came by.
    /// - Throws: `EnvelopeError.sizeDiffers` where bytes are missing.
    package consuming func finish() throws(EnvelopeError) -> PayloadIdentity {
        guard index == layout.count else {
            let taken = layout.leaf(index).lowerBound + UInt64(segment.count)
            throw .sizeDiffers(expected: layout.sealedSize, actual: taken)
        }
        return PayloadIdentity(size: layout.sealedSize, root: tree.root)
    }

    private mutating func openSegment() throws(EnvelopeError) -> [UInt8] {
        let header = index == 0 ? ChunkedEncryption.headerBytes : 0
        tree.append(leafHash: MerkleHash.leaf(segment))
        let key = try chunkKey()
        let (first, count) = (layout.firstChunk(index), layout.message(index).count)
        let sealed = Array(segment[header...])
        let message = try withCrypto { () throws(CryptoError) in
            try Self.open(sealed, from: first, to: count, key)
        }
        segment.removeAll(keepingCapacity: true)
        index += 1
        return message
    }

    private mutating func chunkKey() throws(EnvelopeError) -> ChunkKey {
        if let key { return key }
        let header = Array(segment[..<ChunkedEncryption.headerBytes])
        let (secret, context) = (contentKey.secret, ContentKey.payloadContext(core))
        let made = try withCrypto { () throws(CryptoError) in
            try ChunkKey(secret, header: header, context: context)
        }
        key = made
        return made
    }

    private static func open(
        _ sealed: [UInt8], from first: UInt64, to count: Int, _ key: ChunkKey
    ) throws(CryptoError) -> [UInt8] {
        let cipher = try ChunkCipher(opening: key)
        var message = [UInt8](repeating: 0, count: count)
        var span = message.mutableSpan
        var room = span.mutableBytes
        try cipher.open(sealed.span.bytes, from: first, into: &room)
        return message
    }
}
