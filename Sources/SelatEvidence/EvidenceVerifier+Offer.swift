import SelatAudit
import SelatCore
import SelatEnvelope
import SelatFederation
import SelatPolicy

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
        try checkSuite(header, under: list, then)
    }

    /// The ends exchange, and the nodes between them relay. Of its own role a maker asks nobody. By which records it
    /// went erased details do not tell, nor does a folder without former records: earlier versions showed none.
    private mutating func checkRoles(_ header: Header, _ then: Federation) throws {
        let relays = header.route.dropFirst().dropLast()
        let roles =
            [subject.from, subject.to].map { ($0, NodeRole.exchange) }
            + relays.map { ($0, NodeRole.relay) }
        for (node, role) in roles where then.nodes[node]?.roles.contains(role) != true {
            let lack = "`\(node)` is listed without the role `\(role.rawValue)`"
            guard
                node == subject.maker || entry(naming: header) == nil || evidence.former.isEmpty
            else { throw EvidenceFault.differs(lack) }
            report.unproven.append("that every node of the route might do its part: \(lack)")
        }
    }

    /// The list allows it, and it is at least what the list and the maker's verdict ask for. That the recipient could be
    /// sent a better one is no fault: its record says when it was issued, and not when either end had it.
    private mutating func checkSuite(
        _ header: Header, under list: MembershipList, _ then: Federation
    ) throws {
        let core = header.core
        guard list.suites(at: core.created + -Limits.clockSkewSecondsMax).contains(core.suite)
        else {
            throw EvidenceFault.differs("list \(list.serial) does not allow \(core.suite)")
        }
        let details = entry(naming: header)?.details
        let record = details?[isSenders ? "verdict" : Receipt.importKey]?.canonical
        let verdict = try record.map { try Verdict(record: $0) }
        if let weakness = core.weakness(by: verdict.map { [$0] } ?? [], under: list) {
            throw EvidenceFault.differs(weakness)
        }
        guard !core.suite.isPostQuantum else { return }
        guard let entered = entered(header) else {
            report.unproven.append("that \(core.suite) was the best that could be sent")
            return
        }
        let since = then.postQuantumFrom(subject.to, at: entered.entry.time)
        guard let since, core.created >= since else { return }
        let better = "the record of \(subject.to) lists keys for one with ML-KEM"
        report.unproven.append("that \(core.suite) was the best that could be sent: \(better)")
    }
}
