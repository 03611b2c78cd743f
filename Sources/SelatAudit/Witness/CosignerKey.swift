// C2SP tlog-cosignature v1.0.1, Ed25519: a witness says when it saw a log with this head.

package import SelatCore
package import SelatCrypto

/// A name and an Ed25519 key whose cosignatures are believed; signature type 04.
package struct CosignerKey: Hashable, Sendable, CustomStringConvertible {
    package let name: String
    package let key: PublicKey
    /// The first four bytes of SHA-256(name ‖ 0A ‖ 04 ‖ key); big-endian on a signature line.
    package let id: UInt32

    /// - Throws: `AuditError.malformed` for a name that no note can carry, and
    ///   `AuditError.unsuitableKey` unless the key is an Ed25519 key.
    package init(name: String, key: PublicKey) throws(AuditError) {
        guard VerifierKey.isName(name) else { throw .malformed("key name", name.quotable) }
        guard key.kind == .ed25519 else { throw .unsuitableKey("it is not an Ed25519 key") }
        self.name = name
        self.key = key
        id = NoteKeyText.id(name: name, type: Self.type, key: key.raw)
    }

    /// - Throws: `AuditError.malformed` for anything but what `text` gives, other key types included.
    package init(_ text: String) throws(AuditError) {
        let (name, key) = try NoteKeyText.parse(text, type: Self.type)
        try self.init(name: name, key: key)
        guard self.text == text else { throw .malformed("cosigner key", text.quotable) }
    }

    package var text: String { NoteKeyText.text(name: name, type: Self.type, key: key.raw) }
    package var description: String { text }

    /// The name of a node's witness: `selat/<federation>/<node>/witness`.
    package static func name(federation: Digest, node: NodeID) -> String {
        "selat/\(federation.hex)/\(node.text)/witness"
    }

    /// The signature type of timestamped Ed25519 cosignatures.
    private static let type: UInt8 = 0x04
}

/// A cosignature that has been verified.
package struct Cosignature: Hashable, Sendable {
    package let key: CosignerKey
    /// When the witness knew of no larger consistent tree of this log.
    package let time: Timestamp
    /// As it stands in the note.
    package let line: NoteSignature

    /// Believes a signature line over a checkpoint's text.
    /// - Throws: `AuditError.signatureInvalid` unless it is this key's, with a time from 1 on that
    ///   has four digits to its year.
    package init(_ line: NoteSignature, over text: String, by key: CosignerKey) throws(AuditError) {
        guard line.name == key.name, line.keyID == key.id, line.signature.count == 72,
            let seconds = Int64(
                exactly: line.signature[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }),
            seconds > 0, seconds <= Self.secondsMax
        else { throw .signatureInvalid(key.name) }
        let message = Self.message(text, at: seconds)
        guard key.key.verify(signature: Array(line.signature[8...]), message: message) else {
            throw .signatureInvalid(key.name)
        }
        self.key = key
        self.line = line
        time = Timestamp(seconds: seconds)
    }

    static func message(_ text: String, at seconds: Int64) -> [UInt8] {
        Array("cosignature/v1\ntime \(seconds)\n\(text)".utf8)
    }

    /// The end of the year 9999.
    private static let secondsMax: Int64 = 253_402_300_799
}

/// A witness's name and private key. The key signs nothing but cosignatures of this name.
package struct CosignerIdentity: Sendable {
    package let key: CosignerKey
    private let privateKey: PrivateKey

    /// - Throws: `AuditError.malformed`, `AuditError.unsuitableKey`.
    package init(name: String, key: PrivateKey) throws(AuditError) {
        self.key = try CosignerKey(name: name, key: key.publicKey)
        privateKey = key
    }

    /// Cosigns a checkpoint that was found consistent with everything seen of its log.
    /// - Throws: `AuditError.unsuitableKey` when the key refuses, or for a time before 1970.
    package func cosign(
        _ checkpoint: Checkpoint, at time: Timestamp
    ) throws(AuditError) -> Cosignature {
        guard time.seconds > 0 else { throw .unsuitableKey("the clock stands before 1970") }
        let text = checkpoint.text
        let signature: [UInt8]
        do {
            signature = try privateKey.sign(Cosignature.message(text, at: time.seconds))
        } catch {
            throw .unsuitableKey("\(error)".quotable)
        }
        let stamp = (0..<8).reversed().map { UInt8(truncatingIfNeeded: time.seconds >> ($0 * 8)) }
        let line = NoteSignature(name: key.name, keyID: key.id, signature: stamp + signature)
        return try Cosignature(line, over: text, by: key)
    }
}
