package import SelatCore
import SelatCrypto

// How documents come to be believed (`Format.md`, *List* and *Record*).

extension Federation {
    /// Believes documents, or says why not.
    ///
    /// The first list must be the one whose digest the operator trusts; each is signed by its quorum
    /// of members, a member counting once its own threshold of authorities has signed, and each
    /// later one by the quorum of the one before it too. Each record must be signed by its member's
    /// threshold. The last list and the records must be in force at `time`.
    /// - Parameters:
    ///   - trusted: digest of the first list's CMS bytes, obtained elsewhere; nil only where the
    ///     caller has just made the list itself.
    ///   - allowsSandbox: whether a list that is marked as a sandbox's may be used; it may lack
    ///     revocation lists, a real one may not.
    /// - Throws: the first `FederationError`, in the order above.
    package init(
        verifying documents: MembershipDocuments, trusted: Digest?, allowsSandbox: Bool,
        at time: Timestamp
    ) throws(FederationError) {
        let digest = SHA256.digest(documents.lists[0])
        if let trusted, trusted != digest { throw .anotherList(digest, trusted: trusted) }
        let list = try Self.verifiedChain(documents, allowsSandbox: allowsSandbox, at: time)
        try Self.checkForce(MembershipList.document, list.issued, list.expires, at: time)
        let id = list.federation ?? digest
        let electorate = try Electorate(list, documents.revocationLists)
        var records: [Country: MemberRecord] = [:]
        for (country, der) in documents.records {
            guard let member = list.member(country), let anchors = electorate.anchors[country]
            else { throw .unknownMember(country) }
            records[country] = try Self.record(of: member, der, anchors, federation: id, at: time)
        }
        self.init(
            id: id, list: list, records: records,
            anchors: electorate.anchors, documents: documents)
    }

    /// Believes documents by which a node once went, as evidence and backups hold them.
    ///
    /// Whose signatures are needed is as above, but each list and each record is judged at its own
    /// issue and without revocation lists: what is over now was good then, and one member's lapse
    /// must not void what two others did. A record that is over stays, and `node(_:at:)` refuses to
    /// use it; what a member that is in the last list no more has left behind is passed over, and so
    /// is a record that this list does not let stand. For how long after its end the last list may
    /// have been used is the caller's to judge. Nodes and officers are good at a moment unless they
    /// were revoked by then.
    /// - Parameter trusted: digest of the first list's CMS bytes, obtained elsewhere.
    /// - Throws: the first `FederationError`.
    package init(
        verifyingPast documents: MembershipDocuments, trusted: Digest
    ) throws(FederationError) {
        let digest = SHA256.digest(documents.lists[0])
        guard trusted == digest else { throw .anotherList(digest, trusted: trusted) }
        let list = try Self.verifiedChain(documents, allowsSandbox: true, at: nil)
        let id = list.federation ?? digest
        let records = try Self.standing(documents.records, under: list, of: id)
        let documents = documents.standing(under: list, with: records)
        let electorate = try Electorate(list, documents.revocationLists, judgesPast: true)
        self.init(
            id: id, list: list, records: records,
            anchors: electorate.anchors, documents: documents)
    }

    /// What a node verified when it took it, from its own database, where what members that have left
    /// once said stays for good, and every record that a later list let fall.
    /// - Throws: `FederationError` for bytes that are no such documents.
    package init(restoring documents: MembershipDocuments) throws(FederationError) {
        let list = try Self.unverifiedList(documents.list)
        let id = list.federation ?? SHA256.digest(documents.lists[0])
        let records = try Self.standing(documents.records, under: list, of: id)
        let fallen = Self.issues(of: documents.records.filter { records[$0.key] == nil })
        let documents = documents.standing(under: list, with: records)
        let electorate = try Electorate(list, documents.revocationLists)
        self.init(
            id: id, list: list, records: records,
            anchors: electorate.anchors, documents: documents, fallen: fallen)
    }

    /// When records were issued, by their own word; without those that cannot be read any more.
    private static func issues(of records: [Country: [UInt8]]) -> [Country: Timestamp] {
        var issues: [Country: Timestamp] = [:]
        for (country, der) in records {
            let content = try? unverifiedContent(
                der, .memberRecord, MemberRecord.document(of: country))
            issues[country] = content.flatMap {
                try? MemberRecord(content: $0, country: country).issued
            }
        }
        return issues
    }

    /// The records that a list lets stand: those of its members that are signed as it asks for. What
    /// was signed by authorities whom it names no more says nothing any more, even if it was good.
    ///
    /// Each is judged at its own issue and without revocation lists, so that every node answers
    /// alike, whenever it asks.
    /// - Throws: `FederationError` for what is no record of this federation.
    static func standing(
        _ records: [Country: [UInt8]], under list: MembershipList, of federation: Digest
    ) throws(FederationError) -> [Country: MemberRecord] {
        let electorate = try Electorate(list, nil)
        var standing: [Country: MemberRecord] = [:]
        for (country, der) in records {
            guard let member = list.member(country), let anchors = electorate.anchors[country]
            else { continue }
            do throws(FederationError) {
                standing[country] = try record(
                    of: member, der, anchors, federation: federation, at: nil)
            } catch {
                switch error {
                case .notTrusted, .tooFewSigners, .unknownSigner: continue
                default: throw error
                }
            }
        }
        return standing
    }

    /// Follows the lists from the first to the last. Those before the last are judged at their own
    /// issue and without revocation lists, of which only today's are held: what they said is over.
    /// - Parameter time: when the last list is judged; nil where it is judged like those before it.
    private static func verifiedChain(
        _ documents: MembershipDocuments, allowsSandbox: Bool, at time: Timestamp?
    ) throws(FederationError) -> MembershipList {
        var before: (list: MembershipList, der: [UInt8])?
        for (index, der) in documents.lists.enumerated() {
            let list = try unverifiedList(der)
            if list.isSandbox && !allowsSandbox { throw .sandbox }
            let judged = index == documents.lists.count - 1 ? time : nil
            let lists = judged == nil ? nil : documents.revocationLists
            var electorates = [try Electorate(list, lists)]
            if let before {
                try checkSuccession(list, of: before.list, before.der)
                electorates.append(try Electorate(before.list, lists))
            }
            try checkQuorums(der, of: electorates, at: judged ?? list.issued)
            before = (list, der)
        }
        guard let list = before?.list else { preconditionFailure("a membership has a list") }
        return list
    }

    // MARK: Signatures

    /// The members of one list and the authorities that speak for them.
    struct Electorate {
        let list: MembershipList
        let anchors: [Country: TrustAnchors]

        /// - Parameter revocationLists: PEM by country; nil where revocation is not judged.
        /// - Throws: `FederationError.notTrusted` for a list that is none, or a stranger's.
        init(
            _ list: MembershipList, _ revocationLists: [Country: [UInt8]]?,
            judgesPast: Bool = false
        ) throws(FederationError) {
            self.list = list
            var anchors: [Country: TrustAnchors] = [:]
            for member in list.members {
                let pem = revocationLists?[member.country]
                // A sandbox may lack lists; where there are any, they count as anywhere.
                let isRequired = pem != nil || revocationLists != nil && !list.isSandbox
                do throws(CryptoError) {
                    var lists: [CRL] = []
                    if let pem { lists = try CRL.all(pem: pem) }
                    anchors[member.country] = try TrustAnchors(
                        country: member.country, anchors: member.anchors,
                        revocationLists: lists.filter { list in
                            member.anchors.contains { list.isIssued(by: $0) }
                        }, requiresRevocationLists: isRequired, judgesPast: judgesPast)
                } catch {
                    throw .notTrusted("authorities of `\(member.country)`", error)
                }
            }
            self.anchors = anchors
        }

        /// The authority of this name, followed to the anchors of its own country.
        func authority(
            _ name: CMS.SignerName, at time: Timestamp
        ) throws(CryptoError) -> VerifiedCertificate? {
            for member in list.members {
                // One list and the next may each know another certificate by its issuer and serial.
                let named = member.authorities.first { CMS.SignerName(of: $0) == name }
                guard let authority = named, let anchors = anchors[member.country] else {
                    continue
                }
                return try anchors.verify(authority, purpose: .authority, at: time)
            }
            return nil
        }

        /// The members for whom enough of their authorities are among `signers`.
        func members(signedBy signers: Set<Certificate>) -> [Country] {
            list.members.filter { member in
                member.authorities.count { signers.contains($0) } >= member.threshold
            }.map(\.country)
        }
    }

    /// Demands the quorum of each electorate among the signatures, all of which must be good and by
    /// authorities of theirs.
    static func checkQuorums(
        _ der: [UInt8], of electorates: [Electorate], at time: Timestamp
    ) throws(FederationError) {
        let signers = try signers(
            of: der, .membershipList, MembershipList.document, among: electorates, at: time)
        for electorate in electorates {
            let signed = electorate.members(signedBy: signers)
            guard signed.count >= electorate.list.quorum else {
                let voters = " by the members of list \(electorate.list.serial)"
                throw .tooFewSigners(
                    MembershipList.document + (electorates.count > 1 ? voters : ""),
                    signed: signed.count, needed: electorate.list.quorum)
            }
        }
    }

    /// - Parameter time: when it must be in force and its signers good; nil for its own issue.
    static func record(
        of member: MembershipList.Member, _ der: [UInt8], _ anchors: TrustAnchors,
        federation: Digest, at time: Timestamp?
    ) throws(FederationError) -> MemberRecord {
        let document = MemberRecord.document(of: member.country)
        let content = try unverifiedContent(der, .memberRecord, document)
        let judged: Timestamp
        if let time {
            judged = time
        } else {
            judged = try MemberRecord(content: content, country: member.country).issued
        }
        let signatures = try signatures(of: der, .memberRecord, document) {
            name throws(CryptoError) in
            try member.authorities.first { CMS.SignerName(of: $0) == name }.map {
                authority throws(CryptoError) in
                // A proposal may be older than the certificate of one who signs it.
                try anchors.verify(
                    authority, purpose: .authority, at: time ?? max(judged, authority.notBefore))
            }
        }
        guard signatures.count >= member.threshold else {
            throw .tooFewSigners(document, signed: signatures.count, needed: member.threshold)
        }
        let record = try MemberRecord(content: content, country: member.country)
        if let time { try checkForce(document, record.issued, record.expires, at: time) }
        guard record.federation == federation else {
            throw .contradiction(document, reason: "it belongs to another federation")
        }
        return record
    }

    private static func signers(
        of der: [UInt8], _ type: CMSContentType, _ document: String,
        among electorates: [Electorate], at time: Timestamp
    ) throws(FederationError) -> Set<Certificate> {
        let signatures = try signatures(of: der, type, document) { name throws(CryptoError) in
            for electorate in electorates {
                if let found = try electorate.authority(name, at: time) { return found }
            }
            return nil
        }
        return Set(signatures.map(\.certificate.certificate))
    }

    /// The good signatures on a document; a single bad or foreign one spoils it.
    private static func signatures(
        of der: [UInt8], _ type: CMSContentType, _ document: String,
        _ authority: (CMS.SignerName) throws(CryptoError) -> VerifiedCertificate?
    ) throws(FederationError) -> [CMS.Signature] {
        do {
            return try CMS.verifyNamed(der, type: type) { name in
                guard let found = try authority(name) else {
                    throw FederationError.unknownSigner(name.issuerAndSerial)
                }
                return found
            }.signatures
        } catch let error as CryptoError {
            throw .notTrusted(document, error)
        } catch let error as FederationError {
            throw error
        } catch {
            throw .contradiction(document, reason: "\(error)")
        }
    }

    // MARK: Reading

    /// What the list says of itself, to know whose signatures to ask for.
    static func unverifiedList(_ der: [UInt8]) throws(FederationError) -> MembershipList {
        try MembershipList(
            content: try unverifiedContent(der, .membershipList, MembershipList.document))
    }

    static func unverifiedContent(
        _ der: [UInt8], _ type: CMSContentType, _ document: String
    ) throws(FederationError) -> [UInt8] {
        guard der.count <= FederationLimits.documentBytesMax else {
            throw .contradiction(document, reason: "it is larger than 4 MiB")
        }
        do throws(CryptoError) {
            return try CMS.unverifiedContent(der, type: type)
        } catch {
            throw .notTrusted(document, error)
        }
    }

    static func checkForce(
        _ document: String, _ issued: Timestamp, _ expires: Timestamp, at time: Timestamp
    ) throws(FederationError) {
        guard issued <= time + Limits.clockSkewSecondsMax, time < expires else {
            throw .notInForce(document, from: issued, until: expires)
        }
    }
}

extension MembershipList {
    package func member(_ country: Country) -> Member? {
        members.first { $0.country == country }
    }
}
