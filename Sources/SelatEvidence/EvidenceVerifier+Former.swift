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
            let documents = try documents(of: header)
            var former = try Federation(verifyingPast: documents, trusted: trusted)
            // Earlier versions showed no former records: of who has other authorities since, the one of then is gone.
            let isGone = Set(header.route.map(\.country)).contains { country in
                former.list.member(country) != nil && former.records[country] == nil
                    && federation.records[country] != nil
                    && evidence.former.records[country] == nil
            }
            if isGone {
                former = try Federation(
                    verifyingPast: MembershipDocuments(
                        lists: evidence.membership.lists, records: documents.records,
                        revocationLists: documents.revocationLists), trusted: trusted)
            }
            for country in evidence.former.records.keys.sorted() {
                guard let record = former.records[country] else {
                    throw EvidenceFault.differs(
                        "the record of \(country) is not signed as list \(former.serial) asks for")
                }
                // Beside the others lies the recipient's older one, where that lists the key of its receipt.
                let entered = self.entered(header) ?? federation.records[country]?.issued
                guard record.issued <= (entered ?? record.issued) + Limits.clockSkewSecondsMax
                else {
                    throw EvidenceFault.differs(
                        "the record of \(country) was issued at \(record.issued), after that")
                }
            }
            return former
        } catch {
            report.wrong.append("former membership: \(error)")
            return nil
        }
    }

    /// When the maker entered a header, or its refusal for good, by its own clock; nil where the details were erased
    /// that tell it.
    func entered(_ header: Header) -> Timestamp? {
        guard let sequence = entry(naming: header)?.sequence else { return refused(header) }
        return evidence.entries.first { $0.entry.sequence == sequence }?.entry.time
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
