package import SelatCore

/// The hashes of RFC 6962, section 2.1: a leaf and an inner node never have the same input.
package enum MerkleHash {
    /// SHA-256 of no bytes: the root of a tree without leaves.
    package static let empty = SHA256.digest([UInt8]())

    /// SHA-256(00 ‖ `content`).
    package static func leaf(_ content: some Collection<UInt8>) -> Digest {
        withContiguousBytes(content) { (raw: UnsafeRawBufferPointer) in hash(0, raw) }
    }

    /// SHA-256(00 ‖ `content`).
    package static func leaf(_ content: RawSpan) -> Digest {
        content.withUnsafeBytes { hash(0, $0) }
    }

    /// SHA-256(01 ‖ `left` ‖ `right`).
    package static func node(_ left: Digest, _ right: Digest) -> Digest {
        let context = ThreadDigest.context()
        SHA256.start(context)
        withUnsafeBytes(of: (1 as UInt8)) { SHA256.update(context, $0) }
        left.withBytes { SHA256.update(context, $0) }
        right.withBytes { SHA256.update(context, $0) }
        return SHA256.finish(context)
    }

    private static func hash(_ prefix: UInt8, _ content: UnsafeRawBufferPointer) -> Digest {
        let context = ThreadDigest.context()
        SHA256.start(context)
        withUnsafeBytes(of: prefix) { SHA256.update(context, $0) }
        SHA256.update(context, content)
        return SHA256.finish(context)
    }
}

extension SHA256 {
    /// Makes what follows a leaf of RFC 6962, for leaves that come in pieces.
    package mutating func beginLeaf() { update([0]) }
}

/// The right edge of an RFC 6962 tree: takes leaf hashes in order and knows the root at any time.
///
/// Holds one hash for each one-bit of `count`, at most 64.
package struct MerkleFrontier: Sendable {
    package private(set) var count: UInt64 = 0
    /// Roots of the perfect subtrees, the largest first.
    private var roots: [Digest] = []

    package init() {}

    package mutating func append(leafHash: Digest) {
        var hash = leafHash
        for _ in 0..<count.trailingOneBitCount { hash = MerkleHash.node(roots.removeLast(), hash) }
        roots.append(hash)
        count += 1
    }

    package var root: Digest {
        guard var hash = roots.last else { return MerkleHash.empty }
        for left in roots.dropLast().reversed() { hash = MerkleHash.node(left, hash) }
        return hash
    }
}

extension UInt64 {
    fileprivate var trailingOneBitCount: Int { (~self).trailingZeroBitCount }
}
