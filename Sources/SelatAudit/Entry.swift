// An entry and its canonical bytes (Format.md, "Entry").

package import SelatCore
import SelatCrypto

/// One entry of the log: what the tree's leaf is the hash of.
package struct Entry: Hashable, Sendable {
    /// Its index in the tree: the first entry is 0, and none is left out.
    package let sequence: UInt64
    package let time: Timestamp
    package let kind: EntryKind
    package let transfer: TransferID?
    package let actor: EntryActor
    /// Binds salt and details, which lie beside the entry and can be erased.
    package let commitment: Digest

    package init(
        sequence: UInt64, time: Timestamp, kind: EntryKind, transfer: TransferID?,
        actor: EntryActor, commitment: Digest
    ) {
        self.sequence = sequence
        self.time = time
        self.kind = kind
        self.transfer = transfer
        self.actor = actor
        self.commitment = commitment
    }

    /// Parses canonical bytes.
    /// - Throws: `AuditError.malformed` for anything but the canonical bytes of one entry.
    package init(canonical bytes: [UInt8]) throws(AuditError) {
        do {
            var reader = try ObjectReader(JSON(parsing: bytes), "entry")
            sequence = try reader.unsigned("sequence")
            time = try Timestamp(reader.string("time"))
            kind = try EntryKind(reader.string("kind"))
            transfer = try reader.optionalString("transfer").map { try TransferID($0) }
            actor = try EntryActor(reader.string("actor"))
            commitment = try Digest(reader.string("commitment"))
            try reader.end()
        } catch {
            throw .malformed("entry", "\(error)".quotable)
        }
        guard canonical == bytes else {
            throw .malformed("entry", "not in canonical form")
        }
    }

    /// The canonical JSON (RFC 8785) that the leaf is the hash of.
    package var canonical: [UInt8] {
        var encoder = EntryEncoder()
        encoder.encode(self)
        return encoder.bytes
    }

    /// The RFC 6962 leaf hash over the canonical bytes.
    package var leaf: Digest {
        var encoder = EntryEncoder()
        encoder.encode(self)
        return encoder.leaf
    }

    /// SHA-256("selat details v1" ‖ 00 ‖ salt ‖ details).
    /// - Parameters:
    ///   - details: canonical JSON.
    ///   - salt: 32 random bytes, used for this entry alone: without it, short details could be
    ///     guessed from the commitment.
    package static func commitment(to details: RawSpan, salt: RawSpan) -> Digest {
        SHA256.digest(commitmentLabel.span.bytes, salt, details)
    }

    package static func commitment(to details: [UInt8], salt: [UInt8]) -> Digest {
        commitment(to: details.span.bytes, salt: salt.span.bytes)
    }

    /// Whether these are the details that the entry is bound to.
    package func binds(details: [UInt8], salt: [UInt8]) -> Bool {
        salt.count == Self.saltBytes
            && Self.commitment(to: details, salt: salt) == commitment
    }

    package static let saltBytes = 32
    static let commitmentLabel: [UInt8] = Array("selat details v1".utf8) + [0]
}
