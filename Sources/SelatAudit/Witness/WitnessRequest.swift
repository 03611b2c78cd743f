// C2SP tlog-witness: what a log asks of a witness, and what the witness makes of it.

package import SelatCore

/// The body of `add-checkpoint`: how far the witness has seen the log, the proof from there, and the
/// checkpoint to be cosigned.
package struct WitnessRequest: Hashable, Sendable {
    /// The size that the witness cosigned last, as the log believes; 0 for none.
    package let old: UInt64
    /// From `old` to the checkpoint's size.
    package let proof: [Digest]
    package let note: SignedNote
    /// What the note states; believed in nothing before its signature is verified.
    package let checkpoint: Checkpoint

    /// - Parameter note: a signed checkpoint.
    /// - Throws: `AuditError.malformed` for a note that is no checkpoint's.
    package init(old: UInt64, proof: [Digest], note: [UInt8]) throws(AuditError) {
        self.old = old
        self.proof = proof
        self.note = try SignedNote(parsing: note)
        checkpoint = try Checkpoint(parsing: self.note.text)
    }

    /// Parses the body.
    /// - Throws: `AuditError.malformed` for anything but an old size, at most 63 hashes, an empty
    ///   line and a checkpoint of at most `Limits.noteBytesMax` bytes.
    package init(parsing bytes: [UInt8]) throws(AuditError) {
        guard bytes.count <= Self.bytesMax, let text = String(validating: bytes, as: UTF8.self)
        else { throw .malformed("witness request", "\(bytes.count) bytes") }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let end = lines.firstIndex(of: ""), end > 0, end <= Limits.proofHashesMax + 1,
            lines[0].hasPrefix("old "), let old = UInt64(decimal: lines[0].dropFirst(4))
        else { throw .malformed("witness request", text.quotable) }
        var proof: [Digest] = []
        for line in lines[1..<end] {
            guard let hash = Base64.decode(line), let digest = try? Digest(bytes: hash) else {
                throw .malformed("proof hash", String(line).quotable)
            }
            proof.append(digest)
        }
        let note = lines[(end + 1)...].joined(separator: "\n")
        try self.init(old: old, proof: proof, note: Array(note.utf8))
    }

    package var bytes: [UInt8] {
        let head = ["old \(old)"] + proof.map { Base64.encode($0.bytes) }
        return Array((head.joined(separator: "\n") + "\n\n").utf8) + note.bytes
    }

    /// Compares the checkpoint with the one that this witness cosigned last. Its signature must have
    /// been verified.
    /// - Parameter last: of the same origin; nil for none.
    package func judge(after last: Checkpoint?) -> WitnessJudgement {
        if old > checkpoint.size { return .oldAboveSize }
        let known = last?.size ?? 0
        if old != known { return checkpoint.size < known ? .behind(known) : .conflict(known) }
        if checkpoint.size == old, old > 0 {
            guard checkpoint.root == last?.root else { return .forked }
            return proof.isEmpty ? .consistent : .unproven
        }
        if checkpoint.size == 0, checkpoint.root != LogTree().root { return .unproven }
        if old == 0 { return proof.isEmpty ? .consistent : .unproven }
        do throws(AuditError) {
            try TreeProof.verifyConsistency(
                old: old, oldRoot: last?.root ?? LogTree().root, size: checkpoint.size,
                root: checkpoint.root, path: proof)
            return .consistent
        } catch {
            return .unproven
        }
    }

    package static let bytesMax = Limits.noteBytesMax + 64 * (Limits.proofHashesMax + 1)
}

/// What a witness answers to a checkpoint with a good signature.
package enum WitnessJudgement: Hashable, Sendable {
    /// Cosign, and keep it as the latest.
    case consistent
    /// 400: the old size is above the checkpoint's.
    case oldAboveSize
    /// 409: the latest cosigned size is another.
    case conflict(UInt64)
    /// 409 too, and the log shows less than it did: it was cut back, or answers from a copy.
    case behind(UInt64)
    /// 422: the size that was cosigned, with another root. The log has two faces.
    case forked
    /// 422: the proof does not lead from what was cosigned to this.
    case unproven
}
