package import SelatCore
import SelatCrypto

/// The hashes that a head lists, in order, 32 bytes each: a payload's leaves up to 32 GiB, above that the
/// roots of subtrees of as many leaves as keep them within 1 MiB (Format, *Leaves*).
package struct Leaves: Hashable, Sendable {
    package let bytes: [UInt8]

    static let bytesMax = Int(SegmentLayout.subtreesMax) * 32

    /// - Throws: `EnvelopeError.malformed` unless there is a whole number of hashes, at least one.
    package init(_ bytes: [UInt8]) throws(EnvelopeError) {
        guard !bytes.isEmpty, bytes.count.isMultiple(of: 32) else {
            throw .malformed("leaves", "\(bytes.count) bytes are not a number of hashes")
        }
        self.bytes = bytes
    }

    /// The hashes of a payload as its sealing computed them.
    init(computed bytes: [UInt8]) {
        precondition(!bytes.isEmpty && bytes.count.isMultiple(of: 32))
        self.bytes = bytes
    }

    package var count: Int { bytes.count / 32 }

    /// - Throws: `EnvelopeError.segmentDiffers`, with the first segment of the subtree, unless this is its root.
    func check(
        _ root: Digest, of subtree: UInt64, _ layout: SegmentLayout
    ) throws(EnvelopeError) {
        let start = Int(subtree) * 32
        guard bytes[start..<start + 32].elementsEqual(root.bytes) else {
            throw .segmentDiffers(index: layout.segments(ofSubtree: subtree).lowerBound)
        }
    }

    /// The root of the tree over the leaves (RFC 6962, section 2.1): the same over whole subtrees.
    package var root: Digest {
        var frontier = MerkleFrontier()
        for start in stride(from: 0, to: bytes.count, by: 32) {
            frontier.append(leafHash: Digest(hash: bytes[start..<start + 32]))
        }
        return frontier.root
    }
}

/// What sealing leaves behind, besides the bytes in the sink.
package struct SealedPayload: Hashable, Sendable {
    package let identity: PayloadIdentity
    package let leaves: Leaves

    /// - Throws: `EnvelopeError.partDiffers` unless the leaves make the root.
    package init(identity: PayloadIdentity, leaves: Leaves) throws(EnvelopeError) {
        guard leaves.root == identity.root else { throw .partDiffers("leaves") }
        self.identity = identity
        self.leaves = leaves
    }

    /// A payload of one segment, whose root is the hash of its only leaf (RFC 6962, section 2.1).
    /// - Returns: nil where it has more.
    /// - Throws: `EnvelopeError.malformed` for a size that no payload has.
    package init?(ofOneSegment identity: PayloadIdentity) throws(EnvelopeError) {
        guard try SegmentLayout(sealedSize: identity.size).count == 1 else { return nil }
        self.identity = identity
        leaves = try Leaves(identity.root.bytes)
    }

    /// A payload as its sealing computed it.
    init(sealedSize: UInt64, leaves: Leaves) {
        identity = PayloadIdentity(size: sealedSize, root: leaves.root)
        self.leaves = leaves
    }
}

extension Digest {
    /// A hash out of a list of hashes.
    fileprivate init(hash: ArraySlice<UInt8>) {
        do { try self.init(bytes: Array(hash)) } catch {
            preconditionFailure("a list of hashes holds 32 bytes each")
        }
    }
}
