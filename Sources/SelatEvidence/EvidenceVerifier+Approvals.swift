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
        var counted: [VerifiedApproval] = []
        var named: Set<Digest> = []
        for (place, digest) in approvalsNamed {
            guard named.insert(digest).inserted else { continue }
            guard let message = evidence.approvals[digest] else {
                report.unproven.append("what the officer of \(place) signed: \(digest) is not here")
                continue
            }
            do {
                if let release, release.approvals.contains(digest) {
                    let approval = try carried(message, then, release, beside: counted)
                    if prove(approval, place, at: release.verified) { counted.append(approval) }
                } else {
                    try checkGiven(message, place, [then, federation], header)
                }
            } catch {
                report.wrong.append("approval of \(place): \(error)")
            }
        }
        for digest in evidence.approvals.keys.sorted() where !named.contains(digest) {
            // A node keeps the messages when it erases the details of its entries.
            if let bare = bare(Set(Self.words + Self.carriers)).first {
                report.unproven.append(
                    "what the officer of approval \(digest) signed: no entry here names it, and the "
                        + "details of entry \(bare) are not here")
            } else {
                report.wrong.append("approval \(digest): no entry names it")
            }
        }
        if let release {
            checkEntered(release)
            checkOwed(release, counted)
        }
        checkWithdrawn()
    }

    /// Nothing leaves that an officer has refused, or asked back. The kinds of the entries tell it, whose details may
    /// be left out.
    private mutating func checkWithdrawn() {
        guard isSenders else { return }
        let kinds = evidence.entries.map(\.entry.kind.text)
        for (kind, verb) in [("approval.refused", "refused"), ("recall.given", "recalled")] {
            guard let first = kinds.firstIndex(of: kind),
                kinds[first...].contains("transfer.released")
            else { continue }
            report.wrong.append("release: an officer had \(verb) it")
        }
    }

    /// The kinds of entries that record an officer's word, and of those with which approvals go.
    private static let given = ["approval.given", "approval.break-glass"]
    private static let words = given + ["approval.refused"]
    private static let carriers = ["transfer.released", "transfer.received"]

    /// The digests of approvals in the maker's entries, with where they stand.
    private var approvalsNamed: [(place: String, digest: Digest)] {
        var named: [(String, Digest)] = []
        for kind in Self.words {
            for (sequence, details) in entries(kind) {
                if let digest = details["digest"]?.digest {
                    named.append(("entry \(sequence)", digest))
                }
            }
        }
        for kind in Self.carriers {
            for (sequence, details) in entries(kind) {
                named += details.approvals.map { ("entry \(sequence)", $0) }
            }
        }
        return named
    }

    /// A header's release as the maker has entered it, or its arrival.
    private struct Release {
        let header: Header
        let sequence: UInt64
        /// What officers had signed that went with it.
        let approvals: [Digest]
        /// The sender's verdict made again, or the recipient's own: what was owed then.
        let verdict: Verdict
        /// When the maker verified what they had signed.
        let verified: Timestamp
        /// When each must count.
        let counted: Timestamp
    }

    private func release(of header: Header) -> Release? {
        guard let (sequence, details) = self.entry(naming: header) else { return nil }
        guard let record = details[isSenders ? "verdict" : Receipt.importKey]?.canonical,
            let verdict = try? Verdict(record: record), let signed = try? beginning(),
            let entry = evidence.entries.first(where: { $0.entry.sequence == sequence })?.entry
        else { return nil }
        // A sender counts them once the verdict is made again, a recipient by the header's time.
        let decided = verdict.question.decided
        return Release(
            header: header, sequence: sequence, approvals: details.approvals, verdict: verdict,
            verified: isSenders ? decided : entry.time, counted: isSenders ? decided : signed)
    }

    /// An approval on which the release rests, which counts as it did for the maker.
    private func carried(
        _ message: [UInt8], _ then: Federation, _ release: Release,
        beside others: [VerifiedApproval]
    ) throws -> VerifiedApproval {
        let verified = try then.verifyApproval(message, at: release.verified)
        let (header, own) = (release.header, verified.statement.subject)
        // The description lies in the manifest, and the sender's grounds in the sender's log alone.
        let asked = ApprovalStatement.Subject(
            federation: header.core.federation, id: header.core.id, core: header.core.digest,
            root: header.payload.root, size: header.payload.size, description: own.description,
            basis: isSenders ? release.verdict.basis : own.basis,
            transit: Set(header.route.dropFirst().dropLast().map(\.country)))
        let fault = verified.fault(
            about: asked, between: (subject.from.country, subject.to.country),
            at: release.counted, skew: Limits.clockSkewSecondsMax)
        if let fault { throw EvidenceFault.differs(fault) }
        guard verified.statement.decision == .approve else {
            throw EvidenceFault.differs("`\(verified.officer.id)` has refused")
        }
        guard !others.contains(where: { verified.repeats($0) || verified.sharesKey(with: $0) })
        else { throw EvidenceFault.differs("two approvals are two persons") }
        return verified
    }

    /// Each approval that went with a sender's release has an entry of its own before it.
    private mutating func checkEntered(_ release: Release) {
        guard isSenders else { return }
        let given = Self.given.flatMap { entries($0) }.filter { $0.sequence < release.sequence }
        let missed = Set(release.approvals).subtracting(
            given.compactMap { $0.details["digest"]?.digest })
        let bare = bare(Set(Self.given), before: release.sequence)
        if missed.count > bare.count {
            report.wrong.append(
                "release: an approval that went with it was not entered before the release that rests "
                    + "on it")
        } else if !missed.isEmpty {
            let digests = missed.sorted().map(\.text).joined(separator: ", ")
            let numbers = bare.map { "\($0)" }.joined(separator: ", ")
            report.unproven.append(
                "that what officers signed was entered before the release that rests on it "
                    + "(\(digests)): the details of entry \(numbers) are not here")
        }
    }

    /// Nothing leaves, and nothing is taken in, while an approval is owed.
    private mutating func checkOwed(_ release: Release, _ counted: [VerifiedApproval]) {
        let obligations = release.verdict.obligations
        let asked = ApprovalDebt.outstanding(of: obligations, after: [])
        guard !asked.isEmpty else { return }
        let approvals = counted.compactMap(\.approval)
        let permit = permits[release.verdict.record]
        let owed =
            permit?.outstanding(approvals)
            ?? ApprovalDebt.outstanding(of: obligations, after: approvals)
        let words = owed.map(\.description).joined(separator: ", ")
        if owed.isEmpty {
            report.proven.append(
                "every approval that the verdict of entry \(release.sequence) asks for was given: "
                    + asked.map(\.description).joined(separator: ", "))
        } else if counted.count < release.approvals.count
            || permit == nil && counted.contains(where: \.statement.isBreakGlass)
        {
            report.unproven.append(
                "that every approval was given for which the verdict of entry "
                    + "\(release.sequence) asks; by what is here are owed: \(words)")
        } else {
            report.wrong.append(
                "release: the verdict of entry \(release.sequence) asks for approvals with which "
                    + "nothing went: \(words)")
        }
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
            guard let lack = self.lack(of: verified) else {
                prove(verified, place, at: statement.issued)
                return
            }
            lacks.append(lack)
        }
        report.unproven.append(
            "what the officer of \(place) signed: no record here lists who has signed it"
                + (lacks.last.map { " (\($0))" } ?? ""))
    }

    /// - Parameter moment: when it was judged by the membership of then.
    /// - Returns: whether it is proven.
    @discardableResult
    private mutating func prove(
        _ verified: VerifiedApproval, _ place: String, at moment: Timestamp
    ) -> Bool {
        let lapse = self.lapse { _ = try $0.verifyApproval(verified.message, at: moment) }
        if let lapse {
            report.unproven.append("what the officer of \(place) signed: \(lapse)")
            return false
        }
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
        return true
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
