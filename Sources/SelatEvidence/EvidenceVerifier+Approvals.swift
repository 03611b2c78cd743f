import SelatAudit
import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatFederation
import SelatPolicy

// What officers signed: the entries name each message by its digest, and the message itself says who.

extension EvidenceVerifier {
    /// - Parameter then: the membership by which the header was released or taken in.
    mutating func checkApprovals(
        _ federation: Federation, _ then: Federation, _ header: Header?
    ) {
        let release = header.flatMap { self.release(of: $0) }
        var named: Set<Digest> = []
        for (place, digest) in approvalsNamed {
            guard named.insert(digest).inserted else { continue }
            guard let message = evidence.approvals[digest] else {
                report.unproven.append("what the officer of \(place) signed: \(digest) is not here")
                continue
            }
            do {
                if let release, release.approvals.contains(digest) {
                    try checkCarried(message, place, then, header, release)
                } else {
                    try checkGiven(message, place, [then, federation], header)
                }
            } catch {
                report.wrong.append("approval of \(place): \(error)")
            }
        }
        for digest in evidence.approvals.keys.sorted() where !named.contains(digest) {
            report.wrong.append("approval \(digest): no entry names it")
        }
    }

    /// The digests of approvals in the maker's entries, with where they stand.
    private var approvalsNamed: [(place: String, digest: Digest)] {
        var named: [(String, Digest)] = []
        for kind in ["approval.given", "approval.break-glass", "approval.refused"] {
            for (sequence, details) in entries(kind) {
                if let digest = details["digest"]?.digest {
                    named.append(("entry \(sequence)", digest))
                }
            }
        }
        for kind in ["transfer.released", "transfer.received"] {
            for (sequence, details) in entries(kind) {
                named += details.approvals.map { ("entry \(sequence)", $0) }
            }
        }
        return named
    }

    /// A header's release as the maker has entered it, or its arrival.
    private struct Release {
        /// What officers had signed that went with it.
        let approvals: [Digest]
        /// When the maker counted them.
        let time: Timestamp
    }

    private func release(of header: Header) -> Release? {
        guard let (sequence, details) = self.entry(naming: header) else { return nil }
        if isSenders {
            // They were counted once the verdict was made again.
            let verdict = details["verdict"].flatMap { try? Verdict(record: $0.canonical) }
            return verdict.map { Release(approvals: details.approvals, time: $0.question.decided) }
        }
        let entry = evidence.entries.first { $0.entry.sequence == sequence }
        return entry.map { Release(approvals: details.approvals, time: $0.entry.time) }
    }

    /// An approval on which the release rests counts as it did for the maker: by the records of then.
    private mutating func checkCarried(
        _ message: [UInt8], _ place: String, _ then: Federation, _ header: Header?,
        _ release: Release
    ) throws {
        let verified = try then.verifyApproval(message, at: release.time)
        try check(verified.statement, header)
        if let lack = self.lack(of: verified) { throw EvidenceFault.differs(lack) }
        prove(verified, place)
    }

    /// Any other was good when it was signed, and fell since, or has ended the transfer. Who signed it may
    /// have another certificate by now, of which no document here needs to tell: nothing rests on it.
    private mutating func checkGiven(
        _ message: [UInt8], _ place: String, _ memberships: [Federation], _ header: Header?
    ) throws {
        let content = try CMS.unverifiedContent(message, type: .approval)
        let statement = try ApprovalStatement(content: content)
        try check(statement, header)
        var lacks: [String] = []
        for membership in memberships {
            let verified: VerifiedApproval
            do throws(FederationError) {
                verified = try membership.verifyApproval(message, at: statement.issued)
            } catch {
                guard error.isOfUnlisted else { throw error }
                lacks.append("\(error)")
                continue
            }
            guard let lack = self.lack(of: verified) else { return prove(verified, place) }
            lacks.append(lack)
        }
        report.unproven.append(
            "what the officer of \(place) signed: no record here lists who has signed it"
                + (lacks.last.map { " (\($0))" } ?? ""))
    }

    private mutating func prove(_ verified: VerifiedApproval, _ place: String) {
        let statement = verified.statement
        let verb = statement.decision == .approve ? "approved" : "refused"
        let alone = statement.isBreakGlass ? " alone, in an emergency" : ""
        let seen =
            statement.review == .dataset
            ? "having opened the dataset" : "on the dataset's description"
        report.proven.append(
            "`\(verified.officer.id)`, \(statement.role), \(verb) the release for the "
                + "\(statement.side.rawValue)\(alone) at \(statement.issued), \(seen): "
                + "\(statement.reason) (\(place))")
    }

    /// Why the officer may not speak for a side, by the record that lists the officer.
    private func lack(of verified: VerifiedApproval) -> String? {
        let statement = verified.statement
        let country =
            statement.side == .source ? subject.from.country : subject.to.country
        let officer = verified.officer
        return officer.id.node.country == country && officer.roles.contains(statement.role)
            ? nil : "`\(officer.id)` is no \(statement.role) of \(country)"
    }

    private func check(_ statement: ApprovalStatement, _ header: Header?) throws {
        guard statement.subject.id == subject.id else {
            throw EvidenceFault.differs("it is about another transfer")
        }
        guard let header else { return }
        guard statement.subject.core == header.core.digest,
            statement.subject.root == header.payload.root,
            statement.subject.size == header.payload.size
        else { throw EvidenceFault.differs("it is about another envelope than the header here") }
    }
}

extension FederationError {
    /// Whether it says no more than that the membership has not, or no more, who has signed.
    fileprivate var isOfUnlisted: Bool {
        switch self {
        case .unknownSigner, .unknownNode, .unknownMember, .cut: true
        default: false
        }
    }
}

extension JSON {
    fileprivate var digest: Digest? { stringValue.flatMap { try? Digest($0) } }

    /// The approvals that an entry names: a release by their digests, an arrival with who signed them.
    fileprivate var approvals: [Digest] {
        (self["approvals"]?.arrayValue ?? []).compactMap { $0.digest ?? $0["digest"]?.digest }
    }
}
