package import SelatCore

/// What a node serves of its policy editions; the transport calls it.
///
/// Each call may throw a `Problem` (of SelatHTTP), which the peer receives as it is.
package protocol PolicyService: Sendable {
    /// The editions in force here, and those that wait for their moment.
    func offeredEditions() async throws -> [OfferedEdition]

    /// A file and its signatures; nil for what this node never took.
    func signedFile(_ digest: Digest) async throws -> SignedFile?
}

/// One line of a node's index of editions.
package struct OfferedEdition: Hashable, Sendable {
    /// The file's name without `.yaml`.
    package let name: String
    package let number: UInt64
    package let digest: Digest
    package let inForce: Timestamp

    package init(name: String, number: UInt64, digest: Digest, inForce: Timestamp) {
        self.name = name
        self.number = number
        self.digest = digest
        self.inForce = inForce
    }
}

/// A policy file with the message that signs it.
package struct SignedFile: Hashable, Sendable {
    /// The file's name without `.yaml`.
    package let name: String
    package let bytes: [UInt8]
    package let signatures: [UInt8]

    package init(name: String, bytes: [UInt8], signatures: [UInt8]) {
        self.name = name
        self.bytes = bytes
        self.signatures = signatures
    }
}
