package import SelatCore

extension Limits {
    /// The JSON document that answers an offer or an upload: mostly the receipt.
    package static let transportAnswerBytesMax = 1 << 20
    /// A receipt, or another document that one node brings another.
    package static let letterBytesMax = transportAnswerBytesMax
    /// An officer's recall.
    package static let recallBytesMax = 64 << 10
    /// Lines of an index of policy editions.
    package static let offeredEditionsMax = 2_048
    /// The JSON of that many.
    package static let policyIndexBytesMax = 512 << 10
    /// A policy file and its signatures, in base64.
    package static let policyDocumentBytesMax = 3 << 19
    /// Editions of all other nodes that are in memory before they are taken, but for the last one of each
    /// member's: the members have equal shares.
    package static let editionBytesAtOnceMax = 64 << 20
    /// The index of a node's membership documents: 64 members.
    package static let membershipIndexBytesMax = 64 << 10
    /// A list, a record, or a country's revocation lists.
    package static let membershipDocumentBytesMax = 4 << 20
    /// The same of membership documents.
    package static let membershipBytesAtOnceMax = 64 << 20
    /// Between two rounds of comparing membership documents with every other node.
    package static let membershipRoundSeconds: Int64 = 30
    /// Between two rounds of asking other nodes for their editions.
    package static let policyRoundSeconds: Int64 = 600
    /// A TLS handshake, from the first byte to the last.
    package static let handshakeSecondsMax: Int64 = 10
    /// The body of `add-checkpoint`: a note, and 63 hashes.
    package static let witnessRequestBytesMax = noteBytesMax + 64 * (proofHashesMax + 1)
    /// Entries whose proofs are asked for at once.
    package static let proofsPerRequestMax = 256
    /// That many numbers in JSON.
    package static let proofRequestBytesMax = 8 << 10
    /// A field's value that carries a checkpoint; one with more signatures is left out.
    package static let checkpointFieldBytesMax = 6 << 10
}
