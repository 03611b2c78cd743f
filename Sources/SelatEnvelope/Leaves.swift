package import SelatCore
import SelatCrypto

/// The leaf hashes of a payload's segments, in order, 32 bytes each: 1 MiB for 32 GiB.
package struct Leaves: Hashable, Sendable {
    package let bytes: [UInt8]

    /// As many leaves as the largest payload has.
    static let bytesMax = Int(Limits.payloadBytesMax / SegmentLayout.messageBytes + 1) * 32

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

    func matches(_ hash: Digest, at index: UInt64) -> Bool {
        let start = Int(index) * 32
        return bytes[start..<start + 32].elementsEqual(hash.bytes)
    }

    /// The root of the tree over the leaves (RFC 6962, section 2.1).
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
