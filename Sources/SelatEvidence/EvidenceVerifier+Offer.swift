import SelatCore
import SelatEnvelope
import SelatFederation

// What a node asks of a header by the membership alone, before it looks inside.

extension EvidenceVerifier {
    /// - Parameter then: the membership by which it was released or taken in.
    /// - Throws: `EvidenceFault.differs` for a header that the maker would not have signed, or taken.
    mutating func checkOffer(_ header: Header, _ then: Federation) throws {
        let list = try list(namedBy: header)
        guard header.core.created < list.expires else {
            throw EvidenceFault.differs(
                "it was made at \(header.core.created), when list \(list.serial) was over")
        }
    }
}
