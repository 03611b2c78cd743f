// C2SP signed-note v1.0.0: a text, an empty line, signature lines.

import SelatCore
import SelatCrypto

/// A text with signatures, of which none is believed before `verify`.
package struct SignedNote: Hashable, Sendable {
    /// The signed text, its last newline included.
    package let text: String
    package internal(set) var signatures: [NoteSignature]

    /// Parses a note.
    /// - Throws: `AuditError.malformed` for anything that is not a note of at most
    ///   `Limits.noteBytesMax` bytes and `Limits.noteSignaturesMax` signatures.
    package init(parsing bytes: [UInt8]) throws(AuditError) {
        guard bytes.count <= Limits.noteBytesMax else {
            throw .malformed("note", "\(bytes.count) bytes")
        }
        guard let note = String(validating: bytes, as: UTF8.self),
            bytes.allSatisfy({ $0 >= 0x20 || $0 == 0x0A })
        else { throw .malformed("note", "not UTF-8 text without control characters") }
        guard bytes.last == 0x0A, let split = Self.lastEmptyLine(bytes) else {
            throw .malformed("note", note.quotable)
        }
        text = String(decoding: bytes[...split], as: UTF8.self)
        signatures = []
        for line in bytes[(split + 2)...].dropLast().split(
            separator: 0x0A, omittingEmptySubsequences: false)
        {
            guard signatures.count < Limits.noteSignaturesMax else {
                throw .malformed("note", "over \(Limits.noteSignaturesMax) signatures")
            }
            signatures.append(try NoteSignature(line: String(decoding: line, as: UTF8.self)))
        }
    }

    /// Signs a text.
    /// - Parameter text: ends with a newline; holds no other control character.
    /// - Throws: `AuditError.malformed` for a text that no note can carry,
    ///   `AuditError.unsuitableKey` when the key refuses.
    package init(signing text: String, with signer: LogIdentity) throws(AuditError) {
        guard text.utf8.last == 0x0A, text.utf8.allSatisfy({ $0 >= 0x20 || $0 == 0x0A }) else {
            throw .malformed("note", text.quotable)
        }
        self.text = text
        signatures = [try signer.signature(over: Array(text.utf8))]
    }

    package var bytes: [UInt8] {
        Array((text + "\n" + signatures.map { $0.line + "\n" }.joined()).utf8)
    }

    /// Believes the note if `key` has signed it.
    ///
    /// Lines of other keys are passed over, as the specification wants.
    /// - Throws: `AuditError.unsigned` without a line of this key, `AuditError.signatureInvalid`
    ///   when one does not verify.
    package func verify(_ key: VerifierKey) throws(AuditError) {
        let own = signatures.filter { $0.name == key.name && $0.keyID == key.id }
        guard !own.isEmpty else { throw .unsigned(key.name) }
        for signature in own {
            guard key.key.verify(signature: signature.signature, message: Array(text.utf8)) else {
                throw .signatureInvalid(key.name)
            }
        }
    }

    /// The index of the newline that ends the text: the last one before an empty line.
    private static func lastEmptyLine(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        return (0..<bytes.count - 2).last { bytes[$0] == 0x0A && bytes[$0 + 1] == 0x0A }
    }
}

/// One signature line: `— <name> <base64(key id ‖ signature)>`.
package struct NoteSignature: Hashable, Sendable {
    package let name: String
    package let keyID: UInt32
    package let signature: [UInt8]

    package init(name: String, keyID: UInt32, signature: [UInt8]) {
        self.name = name
        self.keyID = keyID
        self.signature = signature
    }

    /// - Parameter line: without its newline.
    init(line: String) throws(AuditError) {
        let parts = line.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "\u{2014}", VerifierKey.isName(String(parts[1])),
            let blob = Base64.decode(parts[2]), blob.count > 4
        else { throw .malformed("signature line", line.quotable) }
        name = String(parts[1])
        keyID = blob.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
        signature = Array(blob.dropFirst(4))
    }

    /// Without its newline.
    package var line: String {
        "\u{2014} \(name) \(Base64.encode(keyID.bigEndianBytes + signature))"
    }
}
