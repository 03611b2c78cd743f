package import SelatCore
import SelatCrypto

// One document in place of the one before it (`Format.md`, *Succession*). What comes is a new value;
// what was there stays until that exists.

extension Federation {
    /// The membership with the next list: signed by the quorum of this one and its own. The records
    /// that it does not let stand fall.
    /// - Parameters:
    ///   - lists: revocation lists, PEM, of members who come in with it.
    ///   - isNewest: whether no later one is known. A list that is over already when a node catches up
    ///     is judged at its own issue, without revocation lists: only today's are held.
    /// - Throws: `FederationError`, also for a list that is not the next one.
    package func taking(
        list der: [UInt8], with lists: [Country: [UInt8]] = [:], isNewest: Bool = true,
        at time: Timestamp
    ) throws(FederationError) -> Federation {
        let next = try Self.unverifiedList(der)
        guard next.digest != listDigest else { return self }
        guard next.federation == id else {
            throw .contradiction(
                MembershipList.document, reason: "it belongs to another federation")
        }
        try Self.checkSuccession(next, of: list, documents.list)
        let held = documents.revocationLists.merging(lists) { held, _ in held }
        let judged = isNewest ? held : nil
        try Self.checkQuorums(
            der, of: [try Electorate(list, judged), try Electorate(next, judged)],
            at: isNewest ? time : next.issued)
        if isNewest {
            guard next.issued <= time + Limits.clockSkewSecondsMax else {
                throw .notInForce(MembershipList.document, from: next.issued, until: next.expires)
            }
        }
        let standing = try Self.standing(documents.records, under: next, of: id)
        let falling = records.filter { standing[$0.key] == nil }
        return Federation(
            id: id, list: next, records: standing,
            anchors: try Electorate(next, held).anchors,
            documents: MembershipDocuments(
                lists: documents.lists + [der], records: documents.records, revocationLists: held
            ).standing(under: next, with: standing),
            fallen: fallen.merging(falling.mapValues(\.issued)) { $1 })
    }

    /// Whether `next` may come after `list`.
    /// - Parameter der: the CMS bytes of `list`.
    static func checkSuccession(
        _ next: MembershipList, of list: MembershipList, _ der: [UInt8]
    ) throws(FederationError) {
        let document = MembershipList.document
        if next.serial <= list.serial {
            throw .contradiction(
                document, reason: "serial \(next.serial) does not come after \(list.serial)")
        }
        if next.serial > list.serial + 1 {
            throw .contradiction(
                document,
                reason: "serial \(next.serial) does not follow \(list.serial): those between are "
                    + "missing")
        }
        guard list.isNamed(by: next.previous, der) else {
            throw .contradiction(
                document, reason: "it names another list before it than the one in force")
        }
        guard next.isSandbox == list.isSandbox, next.issued >= list.issued else {
            throw .contradiction(
                document, reason: "it is issued before the list that it follows, or of another kind"
            )
        }
    }

    /// The membership with a member's newer record.
    ///
    /// Records may be skipped: the list says whose signatures count, not the record before.
    /// - Throws: `FederationError`, also for a record that is older, be it than one that fell, or
    ///   another of one serial.
    package func taking(
        record der: [UInt8], of country: Country, at time: Timestamp
    ) throws(FederationError) -> Federation {
        guard let member = list.member(country), let anchors = anchors(of: country) else {
            throw .unknownMember(country)
        }
        let next = try Self.record(of: member, der, anchors, federation: id, at: time)
        if let held = records[country], let before = documents.records[country] {
            let document = MemberRecord.document(of: country)
            guard next.digest != held.digest else { return self }
            guard next.serial > held.serial else {
                throw .contradiction(
                    document,
                    reason: next.serial == held.serial
                        ? "another one with serial \(held.serial) is held"
                        : "serial \(next.serial) is older than \(held.serial)")
            }
            guard next.serial > held.serial + 1 || held.isNamed(by: next.previous, before)
            else {
                throw .contradiction(
                    document, reason: "it names another record before it than the one held")
            }
        }
        // After one that fell any serial may come, also that of one from before it.
        if let before = records[country]?.issued ?? fallen[country], next.issued < before {
            throw .contradiction(
                MemberRecord.document(of: country),
                reason: "it was issued before the last one, \(before)")
        }
        return replacing(
            records: records.merging([country: next]) { $1 },
            documents: MembershipDocuments(
                lists: documents.lists,
                records: documents.records.merging([country: der]) { $1 },
                revocationLists: documents.revocationLists))
    }

    /// The membership with a member's newer revocation lists. Of an authority that is not among
    /// them, or with no newer one, the list that is held stays: those of all travel in one text, which
    /// is the same wherever the same lists are held.
    /// - Parameter pem: at least one list, at most `FederationLimits.documentBytesMax`.
    /// - Throws: `FederationError.notTrusted` for what is no list; `.contradiction` for a stranger's,
    ///   one that lives over seven days, or one of the future; and where none is newer and one is
    ///   older than the one that is held, or another of its number.
    package func taking(
        revocationLists pem: [UInt8], of country: Country, at time: Timestamp
    ) throws(FederationError) -> Federation {
        let document = "revocation list of `\(country)`"
        guard let member = list.member(country) else { throw .unknownMember(country) }
        guard pem.count <= FederationLimits.documentBytesMax else {
            throw .contradiction(document, reason: "it is larger than 4 MiB")
        }
        let new: [CRL]
        do throws(CryptoError) {
            new = try CRL.all(pem: pem)
        } catch {
            throw .notTrusted(document, error)
        }
        guard Set(new.map(\.issuer)).count == new.count else {
            throw .contradiction(document, reason: "two lists of one authority")
        }
        let held = anchors(of: country)?.revocationLists ?? []
        let newer = try newer(new, than: held, document)
        // What has come with the list of members is held by now, and must be good all the same.
        for list in newer.isEmpty ? new : newer { try check(list, document, member, at: time) }
        let issuers = Set(newer.map(\.issuer))
        return try replacing(
            revocationLists: newer + held.filter { !issuers.contains($0.issuer) }, of: member)
    }

    /// - Returns: none where all are held as they are.
    private func newer(
        _ new: [CRL], than held: [CRL], _ document: String
    ) throws(FederationError) -> [CRL] {
        var newer: [CRL] = []
        var reason: String?
        for list in new {
            guard let before = held.first(where: { $0.issuer == list.issuer }) else {
                newer.append(list)
                continue
            }
            if list.number > before.number, list.thisUpdate >= before.thisUpdate {
                newer.append(list)
            } else if list.signedBytes != before.signedBytes {
                reason =
                    list.number == before.number
                    ? "another one of number \(list.number) is held"
                    : "number \(list.number) of \(list.thisUpdate) is older than "
                        + "\(before.number) of \(before.thisUpdate)"
            }
        }
        if newer.isEmpty, let reason { throw .contradiction(document, reason: reason) }
        return newer
    }

    private func check(
        _ list: CRL, _ document: String, _ member: MembershipList.Member, at time: Timestamp
    ) throws(FederationError) {
        guard member.anchors.contains(where: { list.isIssued(by: $0) }) else {
            throw .contradiction(document, reason: "none of the country's authorities signed it")
        }
        guard list.nextUpdate - list.thisUpdate <= FederationLimits.revocationListLifeSecondsMax
        else {
            throw .contradiction(
                document, reason: "its nextUpdate is more than seven days after its thisUpdate")
        }
        guard list.thisUpdate <= time + Limits.clockSkewSecondsMax,
            time < list.nextUpdate + TrustAnchors.revocationGraceSeconds
        else {
            throw .notInForce(document, from: list.thisUpdate, until: list.nextUpdate)
        }
    }

    private func replacing(
        revocationLists lists: [CRL], of member: MembershipList.Member
    ) throws(FederationError) -> Federation {
        var anchors = allAnchors
        do throws(CryptoError) {
            anchors[member.country] = try TrustAnchors(
                country: member.country, anchors: member.anchors, revocationLists: lists,
                requiresRevocationLists: !isSandbox)
        } catch {
            throw .notTrusted("authorities of `\(member.country)`", error)
        }
        let ordered = lists.sorted {
            $0.issuer == $1.issuer
                ? $0.number < $1.number : $0.issuer.lexicographicallyPrecedes($1.issuer)
        }
        let pem = Array(ordered.map(\.pem).joined().utf8)
        return replacing(
            anchors: anchors,
            documents: MembershipDocuments(
                lists: documents.lists, records: documents.records,
                revocationLists: documents.revocationLists.merging([member.country: pem]) { $1 }))
    }

    private func replacing(
        records: [Country: MemberRecord]? = nil, anchors: [Country: TrustAnchors]? = nil,
        documents: MembershipDocuments
    ) -> Federation {
        Federation(
            id: id, list: list, records: records ?? self.records,
            anchors: anchors ?? allAnchors, documents: documents, fallen: fallen)
    }
}
