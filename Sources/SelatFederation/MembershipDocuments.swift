package import SelatCore
import SelatCrypto

/// The signed bytes of a membership, before anything in them is believed.
package struct MembershipDocuments: Sendable {
    /// `membership.cms`.
    package let list: [UInt8]
    /// `records/CC.cms`; a member without one has no nodes.
    package let records: [Country: [UInt8]]
    /// `crls/CC.crl`, PEM with one list or more.
    package let revocationLists: [Country: [UInt8]]

    package init(
        list: [UInt8], records: [Country: [UInt8]], revocationLists: [Country: [UInt8]]
    ) {
        self.list = list
        self.records = records
        self.revocationLists = revocationLists
    }
}

extension Federation {
    /// Believes documents, or says why not.
    ///
    /// The list must be the one whose digest the operator trusts, signed by its quorum of members,
    /// a member counting once its own threshold of authorities has signed; each record must be
    /// signed by its member's threshold. Both must be in force at `time`.
    /// - Parameters:
    ///   - trusted: digest of the list's CMS bytes, obtained elsewhere; nil only where the caller
    ///     has just made the list itself.
    ///   - allowsSandbox: whether a list that is marked as a sandbox's may be used; it may lack
    ///     revocation lists, a real one may not.
    /// - Throws: the first `FederationError`, in the order above.
    package init(
        verifying documents: MembershipDocuments, trusted: Digest?, allowsSandbox: Bool,
        at time: Timestamp
    ) throws(FederationError) {
        let digest = SHA256.digest(documents.list)
        if let trusted, trusted != digest { throw .anotherList(digest, trusted: trusted) }
        let list = try Self.unverifiedList(documents.list)
        if list.isSandbox && !allowsSandbox { throw .sandbox }
        let anchors = try Self.anchors(of: list, documents.revocationLists)
        try Self.checkQuorum(of: list, documents.list, anchors, at: time)
        try Self.checkForce(MembershipList.document, list.issued, list.expires, at: time)
        let id = list.federation ?? digest
        var records: [Country: MemberRecord] = [:]
        for (country, der) in documents.records {
            guard let member = list.members.first(where: { $0.country == country }),
                let anchors = anchors[country]
            else { throw .unknownMember(country) }
            let record = try Self.record(of: member, der, anchors, at: time)
            guard record.federation == id else {
                throw .contradiction(
                    MemberRecord.document(of: country), reason: "it belongs to another federation")
            }
            records[country] = record
        }
        self.init(
            id: id, list: list, listDigest: digest, records: records, anchors: anchors,
            documents: documents)
    }

    /// What the list says of itself, to know whose signatures to ask for.
    private static func unverifiedList(_ der: [UInt8]) throws(FederationError) -> MembershipList {
        try checkSize(MembershipList.document, der)
        let content: [UInt8]
        do throws(CryptoError) {
            content = try CMS.unverifiedContent(der, type: .membershipList)
        } catch {
            throw .notTrusted(MembershipList.document, error)
        }
        return try MembershipList(content: content)
    }

    private static func anchors(
        of list: MembershipList, _ revocationLists: [Country: [UInt8]]
    ) throws(FederationError) -> [Country: TrustAnchors] {
        var anchors: [Country: TrustAnchors] = [:]
        for member in list.members {
            let pem = revocationLists[member.country]
            guard pem != nil || list.isSandbox else {
                throw .contradiction(
                    "revocation list of `\(member.country)`", reason: "there is none")
            }
            do throws(CryptoError) {
                var crls: [CRL] = []
                if let pem { crls = try CRL.all(pem: pem) }
                anchors[member.country] = try TrustAnchors(
                    country: member.country, anchors: member.anchors, revocationLists: crls)
            } catch {
                throw .notTrusted("authorities of `\(member.country)`", error)
            }
        }
        return anchors
    }

    private static func checkQuorum(
        of list: MembershipList, _ der: [UInt8], _ anchors: [Country: TrustAnchors],
        at time: Timestamp
    ) throws(FederationError) {
        let signatures = try signatures(
            on: der, .membershipList, MembershipList.document, of: list.members, anchors, at: time)
        let members = list.members.filter { member in
            signatures.count { $0.certificate.country == member.country } >= member.threshold
        }
        guard members.count >= list.quorum else {
            throw .tooFewSigners(
                MembershipList.document, signed: members.count, needed: list.quorum)
        }
    }

    private static func record(
        of member: MembershipList.Member, _ der: [UInt8], _ anchors: TrustAnchors,
        at time: Timestamp
    ) throws(FederationError) -> MemberRecord {
        let document = MemberRecord.document(of: member.country)
        try checkSize(document, der)
        let content: [UInt8]
        do throws(CryptoError) {
            content = try CMS.unverifiedContent(der, type: .memberRecord)
        } catch {
            throw .notTrusted(document, error)
        }
        let signatures = try signatures(
            on: der, .memberRecord, document, of: [member], [member.country: anchors], at: time)
        guard signatures.count >= member.threshold else {
            throw .tooFewSigners(document, signed: signatures.count, needed: member.threshold)
        }
        let record = try MemberRecord(content: content, country: member.country)
        try checkForce(document, record.issued, record.expires, at: time)
        return record
    }

    /// The good signatures on a document, all by authorities of `members`; a single bad or foreign
    /// one spoils the document.
    private static func signatures(
        on der: [UInt8], _ type: CMSContentType, _ document: String,
        of members: [MembershipList.Member], _ anchors: [Country: TrustAnchors],
        at time: Timestamp
    ) throws(FederationError) -> [CMS.Signature] {
        do {
            return try CMS.verify(der, type: type) { name in
                for member in members {
                    guard
                        let authority = member.authorities.first(where: {
                            $0.issuerAndSerial == name
                        }), let anchors = anchors[member.country]
                    else { continue }
                    return try anchors.verify(authority, purpose: .authority, at: time)
                }
                throw FederationError.unknownSigner(name)
            }.signatures
        } catch let error as CryptoError {
            throw .notTrusted(document, error)
        } catch let error as FederationError {
            throw error
        } catch {
            throw .contradiction(document, reason: "\(error)")
        }
    }

    private static func checkSize(_ document: String, _ der: [UInt8]) throws(FederationError) {
        guard der.count <= FederationLimits.documentBytesMax else {
            throw .contradiction(document, reason: "it is larger than 4 MiB")
        }
    }

    private static func checkForce(
        _ document: String, _ issued: Timestamp, _ expires: Timestamp, at time: Timestamp
    ) throws(FederationError) {
        guard issued <= time + Limits.clockSkewSecondsMax, time < expires else {
            throw .notInForce(document, from: issued, until: expires)
        }
    }
}
