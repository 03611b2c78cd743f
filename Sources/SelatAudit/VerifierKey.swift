// Keys as C2SP signed-note v1.0.0 writes them: `name+8 hex digits+base64(type ‖ key)`.

import SelatCore
package import SelatCrypto

/// A name and an Ed25519 key whose note signatures are believed.
package struct VerifierKey: Hashable, Sendable, CustomStringConvertible {
    package let name: String
    package let key: PublicKey
    /// The first four bytes of SHA-256(name ‖ 0A ‖ 01 ‖ key); big-endian on a signature line.
    package let id: UInt32

    /// - Throws: `AuditError.malformed` for a name that no note can carry, and
    ///   `AuditError.unsuitableKey` unless the key is an Ed25519 key.
    package init(name: String, key: PublicKey) throws(AuditError) {
        guard Self.isName(name) else { throw .malformed("key name", name.quotable) }
        guard key.kind == .ed25519 else { throw .unsuitableKey("it is not an Ed25519 key") }
        self.name = name
        self.key = key
        id = NoteKeyText.id(name: name, type: Self.ed25519, key: key.raw)
    }

    /// - Throws: `AuditError.malformed` for anything but what `text` gives, other key types included.
    package init(_ text: String) throws(AuditError) {
        let (name, key) = try NoteKeyText.parse(text, type: Self.ed25519)
        try self.init(name: name, key: key)
        guard self.text == text else { throw .malformed("verifier key", text.quotable) }
    }

    package var text: String { NoteKeyText.text(name: name, type: Self.ed25519, key: key.raw) }

    package var description: String { text }

    /// Non-empty, no space of any kind, no plus, no control character.
    static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= nameBytesMax
            && name.unicodeScalars.allSatisfy {
                $0 != "+" && !$0.properties.isWhitespace && $0.value >= 0x20
            }
    }

    /// The signature type of plain Ed25519.
    private static let ed25519: UInt8 = 0x01
    private static let nameBytesMax = 512
}

/// The text of a key of any signature type, and its id.
enum NoteKeyText {
    /// The first four bytes of SHA-256(name ‖ 0A ‖ type ‖ key).
    static func id(name: String, type: UInt8, key: [UInt8]) -> UInt32 {
        let digest = SHA256.digest(Array(name.utf8) + [0x0A, type] + key)
        return digest.bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    static func text(name: String, type: UInt8, key: [UInt8]) -> String {
        let id = Hex.encode(id(name: name, type: type, key: key).bigEndianBytes)
        return "\(name)+\(id)+\(Base64.encode([type] + key))"
    }

    /// Name and key, the id not compared yet.
    static func parse(_ text: String, type: UInt8) throws(AuditError) -> (String, PublicKey) {
        // The base64 part may itself hold a plus.
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard text.utf8.count <= textBytesMax, parts.count == 3,
            let blob = Base64.decode(parts[2]), blob.count == 33, blob[0] == type,
            let key = try? PublicKey(ed25519Raw: Array(blob[1...]))
        else { throw .malformed("verifier key", text.quotable) }
        return (String(parts[0]), key)
    }

    private static let textBytesMax = 1_024
}

extension UInt32 {
    var bigEndianBytes: [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: self >> $0) } }
}
