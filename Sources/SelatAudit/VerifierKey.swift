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
        id = Self.id(name: name, key: key.raw)
    }

    /// - Throws: `AuditError.malformed` for anything but what `text` gives, other key types included.
    package init(_ text: String) throws(AuditError) {
        // The base64 part may itself hold a plus.
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard text.utf8.count <= Self.textBytesMax, parts.count == 3,
            let blob = Base64.decode(parts[2]), blob.count == 33, blob[0] == Self.ed25519,
            let key = try? PublicKey(ed25519Raw: Array(blob[1...]))
        else { throw .malformed("verifier key", text.quotable) }
        try self.init(name: String(parts[0]), key: key)
        guard self.text == text else { throw .malformed("verifier key", text.quotable) }
    }

    package var text: String {
        "\(name)+\(Hex.encode(id.bigEndianBytes))+\(Base64.encode([Self.ed25519] + key.raw))"
    }

    package var description: String { text }

    /// Non-empty, no space of any kind, no plus, no control character.
    static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= nameBytesMax
            && name.unicodeScalars.allSatisfy {
                $0 != "+" && !$0.properties.isWhitespace && $0.value >= 0x20
            }
    }

    private static func id(name: String, key: [UInt8]) -> UInt32 {
        let digest = SHA256.digest(Array(name.utf8) + [0x0A, ed25519] + key)
        return digest.bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The signature type of plain Ed25519.
    private static let ed25519: UInt8 = 0x01
    private static let nameBytesMax = 512
    private static let textBytesMax = 1_024
}

extension UInt32 {
    var bigEndianBytes: [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: self >> $0) } }
}
