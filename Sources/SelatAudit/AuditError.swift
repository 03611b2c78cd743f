/// What can be wrong with a log's entry, tree, note or proof.
package enum AuditError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The text is not a value of this kind.
    case malformed(_ kind: String, _ text: String)
    /// An entry's details are over the limit.
    case detailsTooLarge(count: Int, limit: Int)
    /// A proof that cannot exist: an index outside the tree, or a first size over the second.
    case outsideTree(_ what: String)
    /// A proof whose hashes do not lead to the root.
    case proofFails(_ kind: String)
    /// A note that no trusted key has signed.
    case unsigned(_ name: String)
    /// A note with a line of a trusted key that does not verify.
    case signatureInvalid(_ name: String)
    /// A checkpoint without enough cosignatures of trusted witnesses.
    case quorumMissing(_ origin: String)
    /// Details that are not those the entry is bound to.
    case commitmentDiffers(sequence: UInt64)
    /// The key cannot sign notes.
    case unsuitableKey(_ reason: String)

    package var description: String {
        switch self {
        case .malformed(let kind, let text): "malformed \(kind) `\(text)`"
        case .detailsTooLarge(let count, let limit):
            "details of \(count) bytes are over the limit of \(limit) bytes"
        case .outsideTree(let what): "no such proof: \(what)"
        case .proofFails(let kind): "\(kind) proof does not lead to the signed root"
        case .unsigned(let name): "note carries no signature of `\(name)`"
        case .signatureInvalid(let name): "signature of `\(name)` does not verify"
        case .quorumMissing(let origin):
            "checkpoint of `\(origin)` lacks cosignatures: its witnesses' quorum is not met"
        case .commitmentDiffers(let sequence):
            "details of entry \(sequence) do not match its commitment"
        case .unsuitableKey(let reason): "key cannot sign the log: \(reason)"
        }
    }
}

extension String {
    /// At most 200 characters without control characters, to stand in a one-line message.
    var quotable: String {
        String(prefix(200).map { $0.unicodeScalars.allSatisfy { $0.value >= 0x20 } ? $0 : "·" })
    }
}
