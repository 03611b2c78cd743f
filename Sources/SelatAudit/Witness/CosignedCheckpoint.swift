// Several signatures on one checkpoint: the log's, and those of its witnesses.

import Synchronization

extension SignedNote {
    /// The cosignatures of `keys`, one for each key at most, the newest.
    ///
    /// Lines of other keys are passed over.
    /// - Throws: `AuditError.signatureInvalid` when a line of one of the keys does not verify.
    package func cosignatures(by keys: some Sequence<CosignerKey>) throws(AuditError)
        -> [Cosignature]
    {
        var found: [Cosignature] = []
        for key in keys {
            var newest: Cosignature?
            for line in signatures where line.name == key.name && line.keyID == key.id {
                let cosignature = try Cosignature(line, over: text, by: key)
                if newest.map({ $0.time < cosignature.time }) ?? true { newest = cosignature }
            }
            if let newest { found.append(newest) }
        }
        return found
    }

    /// The note with one more line; an older line of the same key is left out.
    package func adding(_ cosignature: Cosignature) -> SignedNote {
        var note = self
        note.signatures.removeAll {
            $0.name == cosignature.line.name && $0.keyID == cosignature.line.keyID
        }
        note.signatures.append(cosignature.line)
        return note
    }
}

extension SignedCheckpoint {
    /// The cosignatures of `keys`, one for each key at most.
    /// - Throws: `AuditError.signatureInvalid` when a line of one of the keys does not verify.
    package func cosignatures(by keys: some Sequence<CosignerKey>) throws(AuditError)
        -> [Cosignature]
    {
        try SignedNote(parsing: note).cosignatures(by: keys)
    }

    /// The checkpoint with one more cosignature.
    package func adding(_ cosignature: Cosignature) throws(AuditError) -> SignedCheckpoint {
        let note = try SignedNote(parsing: note).adding(cosignature)
        return SignedCheckpoint(checkpoint: checkpoint, note: note.bytes)
    }
}

extension VerifierKey {
    /// The key of the log that a checkpoint of any epoch is of: a restored backup goes on as a log
    /// with an own origin, under the same key.
    /// - Parameter origin: as a checkpoint states it.
    /// - Throws: `AuditError.malformed` unless it differs from this key's name by the epoch alone.
    package func ofEpoch(in origin: String) throws(AuditError) -> VerifierKey {
        // By bytes: a log is named by them, and not by what Unicode calls equivalent.
        if origin.utf8.elementsEqual(name.utf8) { return self }
        guard let (base, epoch) = Self.parts(origin), let own = Self.parts(name),
            own.base.utf8.elementsEqual(base.utf8), epoch > 0
        else { throw .malformed("origin of a log of `\(name)`", origin.quotable) }
        return try VerifierKey(name: origin, key: key)
    }

    /// The number of the epoch; nil where the name has none.
    package var epoch: UInt64? { Self.parts(name)?.epoch }

    private static func parts(_ origin: String) -> (base: Substring, epoch: UInt64)? {
        guard let slash = origin.lastIndex(of: "/"),
            let epoch = UInt64(decimal: origin[origin.index(after: slash)...])
        else { return nil }
        return (origin[..<slash], epoch)
    }
}

extension SignedCheckpoint {
    /// Believes a note if the key has signed it under the origin of any of its epochs.
    /// - Throws: `AuditError`.
    package init(note: [UInt8], anyEpochOf key: VerifierKey) throws(AuditError) {
        try self.init(note: note, read: nil, anyEpochOf: key)
    }

    /// - Parameter read: the same note, where it was read already.
    init(note: [UInt8], read: SignedNote?, anyEpochOf key: VerifierKey) throws(AuditError) {
        if let known = Believed.checkpoint(of: note, by: key) {
            self = known
            return
        }
        let signed: SignedNote
        if let read { signed = read } else { signed = try SignedNote(parsing: note) }
        let origin = try Checkpoint(parsing: signed.text).origin
        try self.init(signed, key: try key.ofEpoch(in: origin))
        Believed.add(self, by: key)
    }
}

/// The checkpoints that were believed last. Proofs of entries that were committed together, and those that a
/// node renews together, end at the same one, and its signature costs more than the rest of a proof.
private enum Believed {
    private struct State {
        var checkpoints: [(key: VerifierKey, checkpoint: SignedCheckpoint)] = []
        /// Whose place the next one takes.
        var next = 0
    }

    private static let countMax = 16
    private static let state = Mutex(State())

    /// The checkpoint of these very bytes, where this very key was believed to have signed them.
    static func checkpoint(of note: [UInt8], by key: VerifierKey) -> SignedCheckpoint? {
        state.withLock { state in
            state.checkpoints.first { $0.checkpoint.note == note && $0.key == key }?.checkpoint
        }
    }

    static func add(_ checkpoint: SignedCheckpoint, by key: VerifierKey) {
        state.withLock { state in
            if state.checkpoints.count < countMax {
                state.checkpoints.append((key, checkpoint))
            } else {
                state.checkpoints[state.next] = (key, checkpoint)
                state.next = (state.next + 1) % countMax
            }
        }
    }
}
