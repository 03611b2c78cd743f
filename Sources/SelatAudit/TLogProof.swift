// C2SP tlog-proof: what proves offline that an entry is in a log.

package import SelatCore

/// An inclusion proof with its checkpoint.
package struct TLogProof: Sendable {
    package let index: UInt64
    /// From the leaf to the root.
    package let path: [Digest]
    /// The signed note.
    package let checkpoint: [UInt8]
    /// What `checkpoint` says, where it was read already.
    private let note: SignedNote?

    package init(index: UInt64, path: [Digest], checkpoint: [UInt8]) {
        self.init(index: index, path: path, checkpoint: checkpoint, note: nil)
    }

    private init(index: UInt64, path: [Digest], checkpoint: [UInt8], note: SignedNote?) {
        self.index = index
        self.path = path
        self.checkpoint = checkpoint
        self.note = note
    }

    /// Parses the text form. A proof with an `extra` line is refused: Selat's have none.
    /// - Throws: `AuditError.malformed` for anything but what `text` gives.
    package init(parsing bytes: [UInt8]) throws(AuditError) {
        guard bytes.count <= Self.bytesMax, let end = Self.firstEmptyLine(bytes) else {
            throw .malformed("proof", "\(bytes.count) bytes")
        }
        let head = String(decoding: bytes[..<end], as: UTF8.self)
        let lines = head.utf8.split(separator: 0x0A, omittingEmptySubsequences: false)
            .map { Substring($0) }
        guard lines.count >= 2, lines[0] == Self.firstLine, lines[1].hasPrefix("index "),
            let index = UInt64(decimal: lines[1].dropFirst(6)),
            lines.count <= Limits.proofHashesMax + 2
        else { throw .malformed("proof", head.quotable) }
        var path: [Digest] = []
        for line in lines[2...] {
            guard let hash = Base64.decode(line), let digest = try? Digest(bytes: hash) else {
                throw .malformed("proof hash", String(line).quotable)
            }
            path.append(digest)
        }
        let checkpoint = Array(bytes[(end + 2)...])
        self.init(
            index: index, path: path, checkpoint: checkpoint,
            note: try SignedNote(parsing: checkpoint))
    }

    /// The text form, to be kept as `.tlog-proof`.
    package var bytes: [UInt8] {
        let head = [Self.firstLine, "index \(index)"] + path.map { Base64.encode($0.bytes) }
        return Array((head.joined(separator: "\n") + "\n\n").utf8) + checkpoint
    }

    /// Proves that an entry with this leaf is in the log of `key`, of whatever epoch.
    /// - Returns: the checkpoint that holds it.
    /// - Throws: `AuditError`.
    package func verify(leaf: Digest, key: VerifierKey) throws(AuditError) -> Checkpoint {
        let checkpoint = try SignedCheckpoint(note: checkpoint, read: note, anyEpochOf: key)
            .checkpoint
        try verify(leaf: leaf, in: checkpoint)
        return checkpoint
    }

    /// Proves that an entry with this leaf is in the tree of a checkpoint that was verified: the one that comes with
    /// this proof.
    /// - Throws: `AuditError`.
    package func verify(leaf: Digest, in checkpoint: Checkpoint) throws(AuditError) {
        try TreeProof.verifyInclusion(
            leaf: leaf, index: index, size: checkpoint.size, root: checkpoint.root, path: path)
    }

    /// Proves that an entry with this leaf is in a log of `policy`, before the policy's witnesses.
    /// - Returns: the checkpoint that holds it.
    /// - Throws: `AuditError`; `.quorumMissing` for a proof that is signed by the log alone.
    package func verify(leaf: Digest, policy: LogPolicy) throws(AuditError) -> Checkpoint {
        let checkpoint = try policy.verify(checkpoint).checkpoint
        try verify(leaf: leaf, in: checkpoint)
        return checkpoint
    }

    /// The index of the newline before the first empty line.
    private static func firstEmptyLine(_ bytes: [UInt8]) -> Int? {
        bytes.indices.dropLast().first { bytes[$0] == 0x0A && bytes[$0 + 1] == 0x0A }
    }

    private static let firstLine = "c2sp.org/tlog-proof@v1"
    private static let bytesMax = Limits.noteBytesMax + 64 * Limits.proofHashesMax
}

extension TLogProof: Hashable {
    // By what it is made of: whether its note was read already is no difference.

    package static func == (a: TLogProof, b: TLogProof) -> Bool {
        a.index == b.index && a.path == b.path && a.checkpoint == b.checkpoint
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(index)
        hasher.combine(path)
        hasher.combine(checkpoint)
    }
}
