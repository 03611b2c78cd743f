package import SelatCore

/// An inclusion proof with its checkpoint: C2SP tlog-proof.
package struct TLogProof: Hashable, Sendable {
    package let index: UInt64
    /// From the leaf to the root.
    package let path: [Digest]
    /// The signed note.
    package let checkpoint: [UInt8]

    package init(index: UInt64, path: [Digest], checkpoint: [UInt8]) {
        self.index = index
        self.path = path
        self.checkpoint = checkpoint
    }
}
