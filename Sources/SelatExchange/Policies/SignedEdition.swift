package import SelatCore

/// A policy file with the signatures beside it, as somebody brings it: nothing of it is believed.
package struct SignedEdition: Hashable, Sendable {
    /// The file's name, `SG.yaml`.
    package let file: String
    package let bytes: [UInt8]
    /// DER of `FILE.p7s`; nil where there is none.
    package let signatures: [UInt8]?

    package init(file: String, bytes: [UInt8], signatures: [UInt8]?) {
        self.file = file
        self.bytes = bytes
        self.signatures = signatures
    }
}

/// What became of an edition that somebody brought.
package struct TakenEdition: Hashable, Sendable {
    package enum Standing: String, Sendable {
        /// It judges from now on.
        case active
        /// It is held, and comes into force later.
        case waiting
        /// It was held before.
        case known
        /// It is a draft, and drafts judge no transfer.
        case draft
        /// It is the file of a country that is no member.
        case foreign
        /// It is held and due, and does not load with the others.
        case faulty
    }

    package let name: String
    package let number: UInt64
    package let digest: Digest
    package let inForce: Timestamp
    package var standing: Standing
}

/// Editions that were not taken: every reason, one line each.
package struct EditionsRefused: Error, Hashable, Sendable, CustomStringConvertible {
    package let reasons: [String]

    package var description: String { reasons.joined(separator: "\n") }
}
