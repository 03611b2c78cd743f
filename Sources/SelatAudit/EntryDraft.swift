// What a caller says about an act; the log adds sequence, time and commitment.

package import SelatCore

/// What happened, in one dotted word: `transfer.created`, `decision`, `peer.refused`.
package struct EntryKind: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    package let text: String

    /// - Throws: `AuditError.malformed` unless `text` is 1 to 64 bytes of `a-z 0-9 . -` that begin
    ///   with a letter, so that no escape is ever needed in an entry.
    package init(_ text: String) throws(AuditError) {
        guard Self.isValid(text.utf8) else { throw .malformed("entry kind", text.quotable) }
        self.text = text
    }

    /// A kind written in the source: a wrong one is a programmer's error.
    package init(stringLiteral text: StaticString) {
        let text = "\(text)"
        precondition(Self.isValid(text.utf8), "entry kinds are dotted lower-case words")
        self.text = text
    }

    package var description: String { text }

    static func isValid(_ bytes: some Collection<UInt8>) -> Bool {
        guard let first = bytes.first, (0x61...0x7A).contains(first), bytes.count <= 64 else {
            return false
        }
        return bytes.allSatisfy {
            (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2E || $0 == 0x2D
        }
    }
}

/// Who did it. A person is named by the digest of a key or by a user number, never by name: a name
/// is a detail, and details can be erased.
package enum EntryActor: Hashable, Sendable, CustomStringConvertible {
    /// The daemon itself: `daemon`.
    case daemon
    /// Another node, as its certificate names it: `VN/mps`.
    case node(NodeID)
    /// An officer, by SHA-256 of the key's SubjectPublicKeyInfo, DER: `sha256:…`.
    case officer(Digest)
    /// A caller of the control socket, by the kernel's word: `uid:1000`.
    case user(UInt32)

    /// - Throws: `AuditError.malformed` for anything but what `text` gives.
    package init(_ text: String) throws(AuditError) {
        if text == "daemon" {
            self = .daemon
        } else if text.hasPrefix("uid:"), let user = UInt32(text.dropFirst(4)),
            text == "uid:\(user)"
        {
            self = .user(user)
        } else if let key = try? Digest(text) {
            self = .officer(key)
        } else if let node = try? NodeID(text) {
            self = .node(node)
        } else {
            throw .malformed("actor", text.quotable)
        }
    }

    package var text: String {
        switch self {
        case .daemon: "daemon"
        case .node(let node): node.text
        case .officer(let key): key.text
        case .user(let user): "uid:\(user)"
        }
    }

    package var description: String { text }
}

/// An entry to be appended. Its details are encoded here, by the caller, so that the one writer
/// does not spend its time on it.
package struct EntryDraft: Sendable {
    package let kind: EntryKind
    package let transfer: TransferID?
    package let actor: EntryActor
    /// The actor as it stands in the entry.
    package let actorText: String
    /// Canonical JSON; can be erased later without breaking a proof.
    package let details: [UInt8]

    /// - Parameter details: a JSON object of at most `Limits.entryDetailsBytesMax` canonical bytes;
    ///   the log refuses larger ones.
    package init(
        kind: EntryKind, transfer: TransferID? = nil, actor: EntryActor = .daemon, details: JSON
    ) {
        self.kind = kind
        self.transfer = transfer
        self.actor = actor
        actorText = actor.text
        self.details = details.canonical
    }
}
