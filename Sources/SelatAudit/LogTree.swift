// The RFC 6962 tree as a log needs it: the right edge in memory, full subtrees in the database.

package import SelatCore
import SelatCrypto

/// The right edge of a tree: one root for each full subtree, largest first. Appending and the root
/// need nothing else, so a log never re-reads itself.
package struct LogTree: Hashable, Sendable {
    /// Leaves.
    package private(set) var size: UInt64 = 0
    /// The roots of the full subtrees, one for each bit set in `size`, largest first.
    package private(set) var edge: [Digest] = []

    /// The empty tree.
    package init() {}

    /// The tree of `size` leaves, from stored nodes.
    /// - Parameter node: the root of the full subtree at a place; asked for each bit of `size`.
    package init<Failure: Error>(
        size: UInt64, node: (TreePlace) throws(Failure) -> Digest
    ) throws(Failure) {
        self.size = size
        for place in TreePlace.edge(of: size) { edge.append(try node(place)) }
    }

    /// Adds a leaf.
    /// - Parameter complete: takes the roots of the full subtrees that the leaf completes, smallest
    ///   first: with the leaf itself, the nodes to be stored beside it.
    package mutating func append(leaf: Digest, complete: (Digest) -> Void = { _ in }) {
        var node = leaf
        var levels = size
        while levels & 1 == 1 {
            node = MerkleHash.node(edge.removeLast(), node)
            complete(node)
            levels >>= 1
        }
        edge.append(node)
        size += 1
    }

    /// The tree's root; SHA-256 of nothing when it is empty.
    package var root: Digest {
        guard var root = edge.last else { return MerkleHash.empty }
        for left in edge.dropLast().reversed() { root = MerkleHash.node(left, root) }
        return root
    }
}

/// Where a full subtree lies: it covers the leaves `index << level ..< (index + 1) << level`.
package struct TreePlace: Hashable, Sendable {
    package let level: Int
    package let index: UInt64

    package init(level: Int, index: UInt64) {
        self.level = level
        self.index = index
    }

    /// The leaf that completes the subtree: its root is stored with that leaf.
    package var lastLeaf: UInt64 { ((index + 1) << UInt64(level)) - 1 }

    /// The full subtrees of a tree, largest first.
    static func edge(of size: UInt64) -> [TreePlace] {
        var places: [TreePlace] = []
        var start: UInt64 = 0
        for level in (0..<64).reversed() where size >> UInt64(level) & 1 == 1 {
            places.append(TreePlace(level: level, index: start >> UInt64(level)))
            start += 1 << UInt64(level)
        }
        return places
    }
}
