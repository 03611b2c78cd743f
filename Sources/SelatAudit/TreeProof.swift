// Proofs of RFC 6962, 2.1: made from stored nodes in logarithmic time, verified as in RFC 9162,
// 2.1.3.2 and 2.1.4.2.

package import SelatCore
import SelatCrypto

package enum TreeProof {
    /// Reads the root of a full subtree.
    package typealias NodeReader = (TreePlace) throws -> Digest

    /// The hashes that lead from a leaf to the root, RFC 6962, 2.1.1.
    /// - Throws: `AuditError.outsideTree` unless `index < size`, and what `node` throws.
    package static func inclusion(
        of index: UInt64, in size: UInt64, node: NodeReader
    ) throws -> [Digest] {
        guard index < size else {
            throw AuditError.outsideTree("entry \(index) in a tree of \(size)")
        }
        return try inclusion(of: index, from: 0, to: size, node: node)
    }

    /// The hashes that prove the tree of `old` leaves a prefix of that of `size`, RFC 6962, 2.1.2;
    /// none from the empty tree, of which every tree is a growth, and none for equal sizes.
    /// - Throws: `AuditError.outsideTree` unless `old <= size`, and what `node` throws.
    package static func consistency(
        from old: UInt64, to size: UInt64, node: NodeReader
    ) throws -> [Digest] {
        guard old <= size else {
            throw AuditError.outsideTree("size \(old) before size \(size)")
        }
        if old == size || old == 0 { return [] }
        return try consistency(of: old, from: 0, to: size, isWhole: true, node: node)
    }

    /// The root of a tree of `size` leaves of this log.
    package static func root(of size: UInt64, node: NodeReader) throws -> Digest {
        size == 0 ? MerkleHash.empty : try subtree(from: 0, to: size, node: node)
    }

    /// Verifies an inclusion proof.
    /// - Throws: `AuditError.proofFails` unless `path` is exactly the proof for this index, size and
    ///   root.
    package static func verifyInclusion(
        leaf: Digest, index: UInt64, size: UInt64, root: Digest, path: [Digest]
    ) throws(AuditError) {
        guard index < size, path.count <= Limits.proofHashesMax else {
            throw .proofFails("inclusion")
        }
        var (place, last) = (index, size - 1)
        var node = leaf
        for sibling in path {
            guard last > 0 else { throw .proofFails("inclusion") }
            if place & 1 == 1 || place == last {
                node = MerkleHash.node(sibling, node)
                // The right edge has no sibling on the levels where it is not a full subtree's end.
                while place & 1 == 0 && place != 0 { (place, last) = (place >> 1, last >> 1) }
            } else {
                node = MerkleHash.node(node, sibling)
            }
            (place, last) = (place >> 1, last >> 1)
        }
        guard last == 0, node == root else { throw .proofFails("inclusion") }
    }

    /// Verifies a consistency proof.
    ///
    /// From size 0 there is nothing to prove, for every tree grows from the empty one: a caller that
    /// has seen nothing yet must not ask.
    /// - Throws: `AuditError.proofFails` unless `path` is exactly the proof for these sizes and
    ///   roots, and `old` is over 0.
    package static func verifyConsistency(
        old: UInt64, oldRoot: Digest, size: UInt64, root: Digest, path: [Digest]
    ) throws(AuditError) {
        if old == size, old > 0 {
            guard oldRoot == root, path.isEmpty else { throw .proofFails("consistency") }
            return
        }
        guard old > 0, old < size, !path.isEmpty, path.count <= Limits.proofHashesMax else {
            throw .proofFails("consistency")
        }
        // A full tree is its own first node, which the proof leaves out.
        let nodes = old & (old - 1) == 0 ? [oldRoot] + path : path
        var (place, last) = (old - 1, size - 1)
        while place & 1 == 1 { (place, last) = (place >> 1, last >> 1) }
        var (oldNode, node) = (nodes[0], nodes[0])
        for sibling in nodes.dropFirst() {
            guard last > 0 else { throw .proofFails("consistency") }
            if place & 1 == 1 || place == last {
                oldNode = MerkleHash.node(sibling, oldNode)
                node = MerkleHash.node(sibling, node)
                while place & 1 == 0 && place != 0 { (place, last) = (place >> 1, last >> 1) }
            } else {
                node = MerkleHash.node(node, sibling)
            }
            (place, last) = (place >> 1, last >> 1)
        }
        guard last == 0, oldNode == oldRoot, node == root else {
            throw .proofFails("consistency")
        }
    }
}

// The recursions of RFC 6962, over the leaves `start ..< end`.
extension TreeProof {
    private static func inclusion(
        of index: UInt64, from start: UInt64, to end: UInt64, node: NodeReader
    ) throws -> [Digest] {
        guard end - start > 1 else { return [] }
        let middle = start + split(end - start)
        return if index < middle {
            try inclusion(of: index, from: start, to: middle, node: node)
                + [subtree(from: middle, to: end, node: node)]
        } else {
            try inclusion(of: index, from: middle, to: end, node: node)
                + [subtree(from: start, to: middle, node: node)]
        }
    }

    private static func consistency(
        of old: UInt64, from start: UInt64, to end: UInt64, isWhole: Bool, node: NodeReader
    ) throws -> [Digest] {
        if old == end { return isWhole ? [] : [try subtree(from: start, to: end, node: node)] }
        let middle = start + split(end - start)
        return if old <= middle {
            try consistency(of: old, from: start, to: middle, isWhole: isWhole, node: node)
                + [subtree(from: middle, to: end, node: node)]
        } else {
            try consistency(of: old, from: middle, to: end, isWhole: false, node: node)
                + [subtree(from: start, to: middle, node: node)]
        }
    }

    /// The root over leaves of which `start` begins a subtree: a stored node when it is full, else
    /// hashed from at most one stored node a level.
    private static func subtree(
        from start: UInt64, to end: UInt64, node: NodeReader
    ) throws -> Digest {
        let count = end - start
        if count & (count - 1) == 0 {
            let level = count.trailingZeroBitCount
            return try node(TreePlace(level: level, index: start >> UInt64(level)))
        }
        let middle = start + split(count)
        return try MerkleHash.node(
            subtree(from: start, to: middle, node: node), subtree(from: middle, to: end, node: node)
        )
    }

    /// The largest power of two below `count`, which is over 1.
    private static func split(_ count: UInt64) -> UInt64 {
        1 << UInt64(63 - (count - 1).leadingZeroBitCount)
    }
}
