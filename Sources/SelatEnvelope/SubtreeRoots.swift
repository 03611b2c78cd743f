import SelatCore
import SelatCrypto

/// Joins leaf hashes, in whatever order they come, to the hashes that a head lists (Format, *Leaves*): each
/// the root over some segments in a row, of one alone up to 32 GiB.
struct SubtreeRoots: Sendable {
    private struct Subtree {
        var hashes: [Digest?]
        var missing: Int
    }

    private let layout: SegmentLayout
    /// Those of which leaves have come, and not yet all.
    private var subtrees: [UInt64: Subtree] = [:]

    init(_ layout: SegmentLayout) { self.layout = layout }

    /// Takes the hash of one segment.
    /// - Returns: the subtree that it completes, by its number, and that one's root.
    mutating func take(_ leaf: Digest, of segment: UInt64) -> (subtree: UInt64, root: Digest)? {
        if layout.level == 0 { return (segment, leaf) }
        let number = layout.subtree(of: segment)
        let segments = layout.segments(ofSubtree: number)
        var subtree =
            subtrees.removeValue(forKey: number)
            ?? Subtree(
                hashes: Array(repeating: nil, count: segments.count), missing: segments.count)
        let place = Int(segment - segments.lowerBound)
        if subtree.hashes[place] == nil { subtree.missing -= 1 }
        subtree.hashes[place] = leaf
        guard subtree.missing == 0 else {
            subtrees[number] = subtree
            return nil
        }
        var frontier = MerkleFrontier()
        for case let hash? in subtree.hashes { frontier.append(leafHash: hash) }
        return (number, frontier.root)
    }
}
