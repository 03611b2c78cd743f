package import SelatCore

/// A tree head: C2SP tlog-checkpoint v1.0.0 without extension lines.
package struct Checkpoint: Hashable, Sendable {
    package let origin: String
    package let size: UInt64
    package let root: Digest

    package init(origin: String, size: UInt64, root: Digest) {
        self.origin = origin
        self.size = size
        self.root = root
    }
}

/// A checkpoint and the note that signs it.
package struct SignedCheckpoint: Hashable, Sendable {
    package let checkpoint: Checkpoint
    /// The whole signed note, as it is stored and sent.
    package let note: [UInt8]

    package init(checkpoint: Checkpoint, note: [UInt8]) {
        self.checkpoint = checkpoint
        self.note = note
    }
}

/// The log's name and key.
package struct LogIdentity: Sendable {
    /// `selat/<federation>/<node>/<epoch>`; also the name of the key.
    package let origin: String

    package init(origin: String) { self.origin = origin }
}
