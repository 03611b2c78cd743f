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
        try checkRoles(header, then)
    }

    /// The ends exchange, and the nodes between them relay. Of its own role a maker asks nobody, and by which
    /// records it went erased details do not tell.
    private mutating func checkRoles(_ header: Header, _ then: Federation) throws {
        let relays = header.route.dropFirst().dropLast()
        let roles =
            [subject.from, subject.to].map { ($0, NodeRole.exchange) }
            + relays.map { ($0, NodeRole.relay) }
        for (node, role) in roles where then.nodes[node]?.roles.contains(role) != true {
            let lack = "`\(node)` is listed without the role `\(role.rawValue)`"
            guard node == subject.maker || entry(naming: header) == nil else {
                throw EvidenceFault.differs(lack)
            }
            report.unproven.append("that every node of the route might do its part: \(lack)")
        }
    }
}
