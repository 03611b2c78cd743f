import SelatAudit
import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatFederation

// The membership by which the header was released or taken in, where it was another than when the transfer
// was settled (Format.md, *Verification*, step 1).

extension EvidenceVerifier {
    /// - Returns: the membership by which header and approvals are judged; nil where what is shown of it
    ///   is wrong.
    mutating func checkFormer(_ trusted: Digest, _ federation: Federation) -> Federation? {
        let header = evidence.header.flatMap { cms in
            try? Header(parsing: CMS.unverifiedContent(cms, type: .header))
        }
        // The lists themselves lie here anyway; of which moment a maker shows the rest, erased details tell nobody.
        let isSame =
            header.map {
                $0.membershipSerial == federation.serial || entry(naming: $0) == nil
            } ?? true
        if isSame, evidence.former.isEmpty { return federation }
        do {
            guard let header else {
                throw EvidenceFault.differs("there is no header that goes by it")
            }
            var documents = try documents(of: header)
            var former = try Federation(verifyingPast: documents, trusted: trusted)
            // Earlier versions showed no former records: of who has other authorities since, the one of then is gone.
            let route = Set(header.route.map(\.country))
            let isGone = route.contains { country in
                former.list.member(country) != nil && former.records[country] == nil
                    && federation.records[country] != nil
                    && evidence.former.records[country] == nil
            }
            if isGone {
                documents = MembershipDocuments(
                    lists: evidence.membership.lists, records: documents.records,
                    revocationLists: documents.revocationLists)
                former = try Federation(verifyingPast: documents, trusted: trusted)
            }
            let entered = self.entered(header)?.entry.time
            var overtaken: Set<Country> = []
            for country in evidence.former.records.keys.sorted() {
                guard let record = former.records[country] else {
                    throw EvidenceFault.differs(
                        "the record of \(country) is not signed as list \(former.serial) asks for")
                }
                // Beside the others lies the recipient's older one, where that lists the key of its receipt.
                let last = federation.records[country]
                guard
                    record.issued <= (entered ?? last?.issued ?? record.issued)
                        + Limits.clockSkewSecondsMax
                else {
                    throw EvidenceFault.differs(
                        "the record of \(country) was issued at \(record.issued), after that")
                }
                if let last, route.contains(country), record.isOvertaken(by: last, at: entered) {
                    overtaken.insert(country)
                    report.unproven.append(
                        "that the record of \(country) under `former` was still in force when "
                            + "\(subject.maker) entered the header: the next one here was issued at "
                            + "\(last.issued), and when it came nobody can tell")
                }
            }
            overtaking = try withOthers(documents, overtaken, trusted)
            doubtLoneFiles(route.filter { federation.list.member($0) != nil })
            return former
        } catch {
            report.wrong.append("former membership: \(error)")
            return nil
        }
    }

    /// What lies under `former` was replaced by what lies beside it. Where that is not here it fell since, or the maker
    /// left it out.
    private mutating func doubtLoneFiles(_ countries: Set<Country>) {
        let (last, former) = (evidence.membership, evidence.former)
        for (kind, files, others) in [
            ("record", former.records, last.records),
            ("revocation list", former.revocationLists, last.revocationLists),
        ] {
            for country in countries.sorted() where files[country] != nil && others[country] == nil
            {
                report.unproven.append(
                    "that the \(kind) of \(country) under `former` was still in force when "
                        + "\(subject.maker) entered the header: no other lies beside it")
            }
        }
    }

    /// The membership of then with the records of the settlement for countries whose own is overtaken, and both
    /// revocation lists of each country.
    private func withOthers(
        _ documents: MembershipDocuments, _ overtaken: Set<Country>, _ trusted: Digest
    ) throws(FederationError) -> Federation? {
        let (last, former) = (evidence.membership, evidence.former.revocationLists)
        guard !overtaken.isEmpty || !former.isEmpty else { return nil }
        let records = last.records.filter { overtaken.contains($0.key) }
        return try Federation(
            verifyingPast: MembershipDocuments(
                lists: documents.lists, records: documents.records.merging(records) { $1 },
                revocationLists: former.merging(last.revocationLists) { $0 + [0x0A] + $1 }),
            trusted: trusted)
    }

    /// Why what counts by the membership of then counts no more by what lies beside it; nil where it does. That may
    /// have come to the maker after the release, or been passed over.
    func lapse(_ judge: (Federation) throws -> Void) -> String? {
        guard let then, let overtaking, (try? judge(then)) != nil else { return nil }
        do {
            try judge(overtaking)
            return nil
        } catch {
            return "by a record or revocation list here it did not count any more, and when that "
                + "came to \(subject.maker) nobody can tell (\(error))"
        }
    }

    /// The entry of a header, or of its refusal for good, in the maker's log; nil where the details were erased that
    /// tell it.
    func entered(_ header: Header) -> ProvenEntry? {
        guard let sequence = entry(naming: header)?.sequence else { return refused(header) }
        return evidence.entries.first { $0.entry.sequence == sequence }
    }

    /// The lists up to the one that a header names.
    func lists(upTo header: Header) throws -> [[UInt8]] {
        let lists = evidence.membership.lists
        guard let count = Int(exactly: header.membershipSerial),
            (1...lists.count).contains(count),
            try Self.list(lists[count - 1]).isNamed(by: header.membershipDigest, lists[count - 1])
        else {
            throw EvidenceFault.differs(
                "list \(header.membershipSerial), which the header names, is not here")
        }
        return Array(lists.prefix(count))
    }

    /// That list.
    func list(namedBy header: Header) throws -> MembershipList {
        let lists = try lists(upTo: header)
        return try Self.list(lists[lists.count - 1])
    }

    private static func list(_ message: [UInt8]) throws -> MembershipList {
        try MembershipList(content: CMS.unverifiedContent(message, type: .membershipList))
    }

    /// The lists up to the one that the header names, and with them what was replaced since.
    private func documents(of header: Header) throws -> MembershipDocuments {
        let (membership, former) = (evidence.membership, evidence.former)
        return MembershipDocuments(
            lists: try lists(upTo: header),
            records: membership.records.merging(former.records) { $1 },
            revocationLists: membership.revocationLists.merging(former.revocationLists) { $1 })
    }
}

extension MemberRecord {
    /// Whether a later record of the country was issued by a moment already. Where the moment is not known, it may
    /// have been.
    fileprivate func isOvertaken(by last: MemberRecord, at moment: Timestamp?) -> Bool {
        guard last.digest != digest, last.issued >= issued else { return false }
        return moment.map { last.issued + Limits.clockSkewSecondsMax <= $0 } ?? true
    }
}
