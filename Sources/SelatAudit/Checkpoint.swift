// C2SP tlog-checkpoint v1.0.0: the text of a note that states a tree's size and root.

package import SelatCore

/// A tree head.
package struct Checkpoint: Hashable, Sendable {
    package let origin: String
    package let size: UInt64
    package let root: Digest

    package init(origin: String, size: UInt64, root: Digest) {
        self.origin = origin
        self.size = size
        self.root = root
    }

    /// Parses a note's text. Extension lines are refused: Selat's logs write none, and nobody could
    /// audit them.
    /// - Throws: `AuditError.malformed` for anything but what `text` gives, and for a size that no log reaches:
    ///   above `JSON.integerMax`, which neither a database nor a document holds.
    package init(parsing text: String) throws(AuditError) {
        let lines = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false)
            .map { Substring($0) }
        guard lines.count == 4, !lines[0].isEmpty, lines[3].isEmpty,
            let size = UInt64(decimal: lines[1]), size <= UInt64(JSON.integerMax),
            let hash = Base64.decode(lines[2]), let root = try? Digest(bytes: hash)
        else { throw .malformed("checkpoint", text.quotable) }
        self.init(origin: String(lines[0]), size: size, root: root)
    }

    /// Origin, size and root, a line each.
    package var text: String { "\(origin)\n\(size)\n\(Base64.encode(root.bytes))\n" }
}

/// A checkpoint and the note that signs it.
package struct SignedCheckpoint: Hashable, Sendable {
    package let checkpoint: Checkpoint
    /// The whole signed note, as it is stored and sent.
    package let note: [UInt8]

    init(checkpoint: Checkpoint, note: [UInt8]) {
        self.checkpoint = checkpoint
        self.note = note
    }

    /// Believes a note if `key` has signed it and it states a checkpoint of the log that the key is
    /// named for.
    /// - Throws: `AuditError`.
    package init(note: [UInt8], key: VerifierKey) throws(AuditError) {
        try self.init(try SignedNote(parsing: note), key: key)
    }

    /// The same of a note that is parsed already.
    package init(_ signed: SignedNote, key: VerifierKey) throws(AuditError) {
        try signed.verify(key)
        let checkpoint = try Checkpoint(parsing: signed.text)
        guard checkpoint.origin == key.name else {
            throw .malformed("checkpoint of `\(key.name)`", checkpoint.origin.quotable)
        }
        self.init(checkpoint: checkpoint, note: signed.bytes)
    }
}

extension UInt64 {
    /// ASCII digits without a sign or leading zeros.
    init?(decimal text: some StringProtocol) {
        guard let value = UInt64(text), String(value) == text else { return nil }
        self = value
    }
}
