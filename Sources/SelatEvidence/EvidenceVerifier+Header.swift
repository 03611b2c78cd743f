import SelatAudit
import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatFederation
import SelatPolicy

// What the sender signed, and the verdict by which it did.

extension EvidenceVerifier {
    /// - Parameter then: the membership by which it was released or taken in.
    mutating func checkHeader(
        _ federation: Federation, signedUnder then: Federation, after permitted: UInt64?
    ) -> Header? {
        guard let cms = evidence.header else {
            report.unproven.append("that anything left \(subject.from): no header was signed")
            return nil
        }
        do {
            // A transfer may wait for its officers, and its node's key be renewed meanwhile.
            let unverified = try CMS.Unverified(parsing: cms, type: .header)
            let signed = try unverified.verify {
                try then.signer($0, node: subject.from, at: unverified.signingTime)
            }
            let header = try Header(parsing: signed.content)
            guard header.core.from == subject.from, header.core.to == subject.to,
                header.core.id == subject.id, header.core.federation == subject.federation
            else { throw EvidenceFault.differs("it is about another transfer") }
            if let refused = refused(header) {
                try checkTime(of: header, signed.signingTime, before: refused.entry.time)
            } else {
                try checkOffer(header, then)
                try checkRecorded(header, signedAt: signed.signingTime, permitted)
            }
            if let distrust = try distrust(of: header, federation) {
                report.unproven.append(
                    "that \(subject.from) sent the envelope \(header.identity): its signature does "
                        + "not count, since \(distrust)")
                return header
            }
            let lapse = self.lapse {
                _ = try $0.signer(
                    unverified.signer, node: subject.from, at: unverified.signingTime)
            }
            if let lapse {
                report.unproven.append(
                    "that \(subject.from) sent the envelope \(header.identity): \(lapse)")
                return header
            }
            report.proven.append(
                "\(subject.from) signed at \(signed.signingTime) the envelope \(header.identity) for "
                    + "\(subject.to), labelled \(header.core.label.classification.rawValue), with a "
                    + "sealed payload of \(header.payload.size) bytes and tree root "
                    + "\(header.payload.root)")
            return header
        } catch {
            report.wrong.append("header: \(error)")
            return nil
        }
    }

    /// The maker's log must hold the very header, the sender's behind a verdict that permits; and when
    /// it was signed, which is its signer's word, must lie between the transfer's beginning and that entry.
    private mutating func checkRecorded(
        _ header: Header, signedAt time: Timestamp, _ permitted: UInt64?
    ) throws {
        let found = self.entry(naming: header)
        // Erased details take with them which header it was; it must have been the last one of these, or one before.
        let sequence = found?.sequence ?? bare([headerKind]).last
        guard let entry = evidence.entries.first(where: { $0.entry.sequence == sequence }) else {
            throw EvidenceFault.differs("no entry `\(headerKind)` names it")
        }
        try checkTime(of: header, time, before: entry.entry.time)
        if isSenders { try checkPermitted(entry.entry.sequence, permitted) }
        guard let found else {
            report.unproven.append(
                "that entry \(entry.entry.sequence) names the envelope \(header.identity), and that "
                    + "every approval was given for which its verdict asks: its details are not here"
            )
            return
        }
        if let part = try part(of: found.details, thatContradicts: header, signedAt: time) {
            throw EvidenceFault.differs("the verdict of entry \(found.sequence) \(part)")
        }
    }

    /// A verdict that permits stands before the release.
    private mutating func checkPermitted(_ release: UInt64, _ permitted: UInt64?) throws {
        if let bare = bare(["transfer.permitted"], before: release).last {
            report.unproven.append(
                "that the verdict of entry \(bare) permits, and has the basis of the one of entry "
                    + "\(release): its details are not here")
        } else if permitted.map({ $0 < release }) != true {
            throw EvidenceFault.differs("no verdict that permits stands before its release")
        }
    }

    private func checkTime(
        of header: Header, _ time: Timestamp, before entered: Timestamp
    ) throws {
        let end = min(entered, header.core.expires)
        guard time >= header.core.created + -Limits.clockSkewSecondsMax,
            time <= end + Limits.clockSkewSecondsMax
        else {
            throw EvidenceFault.differs(
                "it was signed at \(time), and not between \(header.core.created) and \(end)")
        }
    }

    /// The entry in which a recipient refused a header for good, and stated no more: what it asks of what it takes in,
    /// it found wanting there.
    func refused(_ header: Header) -> ProvenEntry? {
        let stated = evidence.receipt.flatMap { try? Receipt(parsing: $0).unverifiedStatement }
        guard !isSenders, stated?.kind == .refused, evidence.laterReceipts.isEmpty,
            entry(naming: header) == nil
        else { return nil }
        let envelope = JSON.string(header.identity.text)
        let refusal = entries("offer.refused").first { $0.details["envelope"] == envelope }
        return evidence.entries.first { $0.entry.sequence == refusal?.sequence }
    }

    /// What a recipient asks of the verdict that comes with a header, as far as an entry shows it.
    /// - Parameter details: of the entry of the header's release, or of its arrival with the recipient's
    ///   own verdict.
    private func part(
        of details: JSON, thatContradicts header: Header, signedAt time: Timestamp
    ) throws -> String? {
        guard let record = details[isSenders ? "verdict" : Receipt.importKey]?.canonical else {
            return "is missing"
        }
        let verdict = try Verdict(record: record)
        let question = verdict.question
        let sectors = Dictionary(
            uniqueKeysWithValues: try list(namedBy: header).members.map { ($0.country, $0.sector) })
        let other = "is about another transfer than the header"
        if verdict.outcome != .permitted { return "permits nothing" }
        if question.label != header.core.label { return "\(other): `label` differs" }
        if [subject.from] + question.relays + [subject.to] != header.route {
            return "\(other): `relays` differ"
        }
        if question.membershipSerial != header.membershipSerial
            || question.sectors != sectors
        {
            return "goes by another membership list than the header"
        }
        return isSenders ? part(of: verdict, thatContradicts: header, signedAt: time) : nil
    }

    /// The recipient's own verdict is made by other editions, and later.
    private func part(
        of verdict: Verdict, thatContradicts header: Header, signedAt time: Timestamp
    ) -> String? {
        if verdict.transitEditions != header.transit {
            return "goes by other editions for the transit than the header"
        }
        let decided = verdict.question.decided
        guard decided - time <= Limits.clockSkewSecondsMax,
            time - decided <= Limits.verdictAgeSecondsMax
        else { return "is of \(decided), and the header of \(time)" }
        let sealed = entries("transfer.permitted").first?.details["verdict"]
            .flatMap { try? Verdict(record: $0.canonical) }
        guard sealed.map({ verdict.hasSameBasis(as: $0, onAnyRoute: true) }) ?? true else {
            return "rests on other grounds or duties than the one under which it was sealed"
        }
        return nil
    }

    /// What the maker's entry of a header is called.
    var headerKind: String { isSenders ? "transfer.released" : "transfer.received" }

    /// The maker's entry of a header, unless its details were erased.
    func entry(naming header: Header) -> (sequence: UInt64, details: JSON)? {
        entries(headerKind).first { $0.details["envelope"] == .string(header.identity.text) }
    }
}
