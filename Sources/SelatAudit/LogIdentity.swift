package import SelatCore
package import SelatCrypto

/// The log's name and the key that signs its checkpoints.
package struct LogIdentity: Sendable {
    /// `selat/<federation>/<node>/<epoch>`; also the name of the key.
    package let origin: String
    /// What others need to believe this log.
    package let verifierKey: VerifierKey
    private let key: PrivateKey

    /// - Parameters:
    ///   - origin: as `LogIdentity.origin(federation:node:epoch:)` makes it.
    ///   - key: Ed25519.
    /// - Throws: `AuditError.malformed` for an origin that cannot name a key,
    ///   `AuditError.unsuitableKey` for a key of another kind.
    package init(origin: String, key: PrivateKey) throws(AuditError) {
        self.origin = origin
        self.key = key
        verifierKey = try VerifierKey(name: origin, key: key.publicKey)
    }

    /// The origin of a node's log.
    /// - Parameters:
    ///   - federation: the digest of the first membership list.
    ///   - epoch: 1, and one more after each restored backup.
    package static func origin(federation: Digest, node: NodeID, epoch: UInt64 = 1) -> String {
        "selat/\(federation.hex)/\(node.text)/\(epoch)"
    }

    /// Signs a checkpoint. Ed25519 is deterministic: the same checkpoint gives the same bytes.
    /// - Throws: `AuditError.unsuitableKey` when the key refuses.
    package func sign(size: UInt64, root: Digest) throws(AuditError) -> SignedCheckpoint {
        let checkpoint = Checkpoint(origin: origin, size: size, root: root)
        let note = try SignedNote(signing: checkpoint.text, with: self)
        return SignedCheckpoint(checkpoint: checkpoint, note: note.bytes)
    }

    func signature(over text: [UInt8]) throws(AuditError) -> NoteSignature {
        do {
            return NoteSignature(
                name: origin, keyID: verifierKey.id, signature: try key.sign(text))
        } catch {
            throw .unsuitableKey("\(error)".quotable)
        }
    }
}
