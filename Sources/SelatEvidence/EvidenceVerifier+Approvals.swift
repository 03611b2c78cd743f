import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatFederation

// What officers signed: the entries name each message by its digest, and the message itself says who.

extension EvidenceVerifier {
    mutating func checkApprovals(_ federation: Federation, _ header: Header?) {
        var named: Set<Digest> = []
        for (place, digest) in approvalsNamed {
            guard named.insert(digest).inserted else { continue }
            guard let message = evidence.approvals[digest] else {
                report.unproven.append("what the officer of \(place) signed: \(digest) is not here")
                continue
            }
            checkApproval(message, place, federation, header)
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
        for (sequence, details) in entries("transfer.received") {
            for approval in details["approvals"]?.arrayValue ?? [] {
                if let digest = approval["digest"]?.digest {
                    named.append(("entry \(sequence)", digest))
                }
            }
        }
        return named
    }

    private mutating func checkApproval(
        _ message: [UInt8], _ place: String, _ federation: Federation, _ header: Header?
    ) {
        do {
            // Judged as it was signed: what was revoked or ended later was good then.
            let content = try CMS.unverifiedContent(message, type: .approval)
            let issued = try ApprovalStatement(content: content).issued
            let verified = try federation.verifyApproval(message, at: issued)
            try check(verified, header)
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
        } catch {
            report.wrong.append("approval of \(place): \(error)")
        }
    }

    private func check(_ verified: VerifiedApproval, _ header: Header?) throws {
        let statement = verified.statement
        let country =
            statement.side == .source ? subject.from.country : subject.to.country
        guard statement.subject.id == subject.id, verified.officer.id.node.country == country,
            verified.officer.roles.contains(statement.role)
        else { throw EvidenceFault.differs("it is about another transfer, or by somebody else") }
        guard let header else { return }
        guard statement.subject.core == header.core.digest,
            statement.subject.root == header.payload.root,
            statement.subject.size == header.payload.size
        else { throw EvidenceFault.differs("it is about another envelope than the header here") }
    }
}

extension JSON {
    fileprivate var digest: Digest? { stringValue.flatMap { try? Digest($0) } }
}
