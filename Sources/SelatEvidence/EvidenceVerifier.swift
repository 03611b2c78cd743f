import SelatAudit
package import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatFederation
import SelatPolicy

/// Verifies evidence from one digest alone (Format.md, *Verification*).
package struct EvidenceVerifier {
    let evidence: Evidence
    var report = EvidenceReport()
    /// What the sender's verdicts that were made again permit, by their records.
    var permits: [[UInt8]: Permit] = [:]
    /// The newest list that is shown, which says who was cut off by then.
    var newest: MembershipList?
    /// The membership by which the header was released or taken in.
    var then: Federation?
    /// The same by what lies beside it of the settlement: both revocation lists, and the record that was issued by then;
    /// nil where these are no others. What counts by `then` alone is not proven.
    var overtaking: Federation?

    private init(_ evidence: Evidence) { self.evidence = evidence }

    /// - Parameter trusted: the digest of the federation's first membership list, obtained
    ///   elsewhere.
    /// - Returns: what is proven, what is not, and what is wrong.
    package static func verify(_ evidence: Evidence, trusted: Digest) -> EvidenceReport {
        var verifier = EvidenceVerifier(evidence)
        verifier.run(trusted)
        return verifier.report
    }

    var subject: Evidence.Subject { evidence.subject }
    var isSenders: Bool { subject.maker == subject.from }

    private mutating func run(_ trusted: Digest) {
        guard let federation = checkMembership(trusted) else { return }
        checkLaterLists(federation)
        guard let then = checkFormer(trusted, federation) else { return }
        self.then = then
        checkLog(federation)
        guard report.wrong.isEmpty else { return }
        checkPolicies(federation)
        let permitted = checkVerdicts(federation)
        let header = checkHeader(federation, signedUnder: then, after: permitted)
        checkApprovals(federation, then, header)
        checkReceipt(federation, header)
        checkLaterReceipts(federation, header)
        report.unproven.append(
            "what the dataset means, that nothing else was sent, and that the log holds no other "
                + "entry about this transfer than those shown here")
    }

    // MARK: Steps

    private mutating func checkMembership(_ trusted: Digest) -> Federation? {
        do {
            let federation = try Federation(verifyingPast: evidence.membership, trusted: trusted)
            // Who makes evidence leaves out what does not stand: here it is no leftover, but a changed file.
            let fallen = evidence.membership.records.keys.filter {
                federation.list.member($0) != nil && federation.records[$0] == nil
            }
            if let country = fallen.min() {
                throw EvidenceFault.differs(
                    "the record of \(country) is not signed as list \(federation.serial) asks for")
            }
            guard try beginning() < federation.expires + FederationLimits.graceSecondsMax else {
                throw EvidenceFault.differs(
                    "list \(federation.serial) was over for seven days when the header was signed")
            }
            guard federation.id == subject.federation else {
                report.wrong.append("the evidence is of another federation than its membership")
                return nil
            }
            report.proven.append(
                "membership list \(federation.serial) is the trusted one, signed by its quorum of "
                    + "\(federation.list.quorum) of \(federation.members.count) members")
            if federation.isSandbox {
                report.unproven.append(
                    "that any country stands behind these keys: the federation is a sandbox")
            }
            return federation
        } catch {
            report.wrong.append("membership: \(error)")
            return nil
        }
    }

    /// The moment at which policy files are judged: when the header was signed, by its signer's word,
    /// or when the newest of the membership documents that were in force at its end was issued.
    func moment() throws -> Timestamp {
        let issued = try Federation(restoring: evidence.membership).issueDates
        return try issued.reduce(beginning()) { max($0, $1) }
    }

    func beginning() throws -> Timestamp {
        guard let header = evidence.header else {
            return evidence.entries.first?.entry.time ?? subject.made
        }
        return try CMS.Unverified(parsing: header, type: .header).signingTime
    }

    private mutating func checkLog(_ federation: Federation) {
        do {
            guard let note = evidence.entries.first?.proof.checkpoint else {
                throw EvidenceFault.noEntries
            }
            let key = try logKey(in: note, subject.maker, federation)
            for entry in evidence.entries {
                guard entry.entry.transfer == subject.id else {
                    throw EvidenceFault.foreign(entry.entry.sequence)
                }
                guard entry.proof.checkpoint == note else {
                    throw EvidenceFault.severalCheckpoints
                }
                try check(entry, key)
                let distrust = try distrust(
                    of: subject.maker, entry.entry.sequence, note, federation)
                if let distrust { throw EvidenceFault.distrusted(distrust) }
            }
            let checkpoint = try SignedCheckpoint(note: note, anyEpochOf: key).checkpoint
            report.proven.append(logSentence(checkpoint))
            // Under a new origin a log may have been written anew; witnesses know only its name.
            if let epoch = checkpoint.origin.split(separator: "/").last.flatMap({ UInt64($0) }),
                epoch > 1
            {
                report.unproven.append(
                    "that the log of \(subject.maker) held before its epoch \(epoch) what it holds of"
                        + " that time now: it was begun anew, as from a backup")
            }
            try judgeWitnesses(of: note, subject.maker, federation)
            report.unproven += erasedSentences
        } catch {
            report.wrong.append("log of \(subject.maker): \(error)")
        }
    }

    private func check(_ entry: ProvenEntry, _ key: VerifierKey) throws {
        do {
            _ = try entry.verify(log: key)
            // Whatever is no JSON would be missing where entries are looked for by what they say.
            if let details = entry.details { _ = try JSON(canonical: details, floats: true) }
        } catch {
            throw EvidenceFault.entry(entry.entry.sequence, reason: "\(error)")
        }
    }

    private func logSentence(_ checkpoint: Checkpoint) -> String {
        let story = evidence.entries.map { "\($0.entry.sequence) \($0.entry.kind)" }
        return "the log of \(subject.maker), of \(checkpoint.size) entries, signed with its key, "
            + "holds in this order: \(story.joined(separator: ", "))"
    }

    private var erasedSentences: [String] {
        evidence.entries.filter { $0.details == nil }.map {
            "what the details of entry \($0.entry.sequence) were: they were erased, or "
                + "left out here; the entry stands"
        }
    }

    // MARK: Entries

    /// The entries of a kind with their details.
    func entries(_ kind: String) -> [(sequence: UInt64, details: JSON)] {
        evidence.entries.compactMap { entry in
            guard entry.entry.kind.text == kind, let details = entry.details,
                let json = try? JSON(parsing: details, floats: true)
            else { return nil }
            return (entry.entry.sequence, json)
        }
    }

    /// The entries of these kinds before another one that are here without their details. Whether they were
    /// erased, or left out by the maker, nobody can tell: what they must say is not proven.
    func bare(_ kinds: Set<String>, before sequence: UInt64 = .max) -> [UInt64] {
        evidence.entries.filter {
            kinds.contains($0.entry.kind.text) && $0.details == nil
                && $0.entry.sequence < sequence
        }.map(\.entry.sequence)
    }
}

/// What is wrong with a step, in words.
enum EvidenceFault: Error, CustomStringConvertible {
    case entry(UInt64, reason: String)
    case foreign(UInt64)
    case severalCheckpoints
    case noEntries
    case differs(String)
    case distrusted(Distrust)

    var description: String {
        switch self {
        case .entry(let sequence, let reason): "entry \(sequence): \(reason)"
        case .foreign(let sequence): "entry \(sequence) is not about this transfer"
        case .severalCheckpoints: "its proofs are against different checkpoints"
        case .noEntries: "not one entry is shown"
        case .differs(let what): what
        case .distrusted(let distrust): distrust.description
        }
    }
}
