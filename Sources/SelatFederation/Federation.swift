package import SelatCore
package import SelatCrypto

/// The membership in force: who is a member, which nodes there are, whose signature counts for
/// what.
///
/// A value of verified documents; a newer list, record or revocation list makes another one. Every
/// certificate was decoded when it was made, and every path is followed once and then remembered.
package struct Federation: Sendable {
    /// The digest of the first list's CMS bytes, which names the federation for good.
    package let id: Digest
    package let list: MembershipList
    /// The digest of the list in force, `MembershipList.digest`.
    package let listDigest: Digest
    package let records: [Country: MemberRecord]
    /// Without those that the list cuts off, and each without the roles that the list does not give
    /// its member, whatever the member's record says.
    package let nodes: [NodeID: MemberRecord.Node]
    /// The signed bytes behind all this, to prove it to others.
    package let documents: MembershipDocuments

    let allAnchors: [Country: TrustAnchors]
    /// When the last record was issued of each country whose record fell: no older one follows it.
    let fallen: [Country: Timestamp]
    /// By the whole name of the certificate, which says who it is for: a record lists no certificate
    /// that names another country's officer, but may list one with another's issuer and serial.
    private let officers: [CMS.SignerName: MemberRecord.Officer]
    private let paths = VerifiedPaths()
    private let formerAnchors = LastAnchors()

    init(
        id: Digest, list: MembershipList, records: [Country: MemberRecord],
        anchors: [Country: TrustAnchors], documents: MembershipDocuments,
        fallen: [Country: Timestamp] = [:]
    ) {
        self.documents = documents
        self.id = id
        self.list = list
        listDigest = list.digest
        self.records = records
        allAnchors = anchors
        self.fallen = fallen
        let roles = Dictionary(uniqueKeysWithValues: list.members.map { ($0.country, $0.roles) })
        let allNodes = records.values.flatMap(\.nodes).filter { list.cut(of: $0.id) == nil }
        nodes = Dictionary(
            uniqueKeysWithValues: allNodes.map { node in
                (node.id, node.limited(to: roles[node.id.country] ?? []))
            })
        let persons = records.values.flatMap(\.officers).map {
            (CMS.SignerName(of: $0.certificate), $0)
        }
        officers = Dictionary(persons) { first, _ in first }
    }

    package var serial: UInt64 { list.serial }
    package var isSandbox: Bool { list.isSandbox }
    package var expires: Timestamp { list.expires }
    package var members: [MembershipList.Member] { list.members }
    /// Each member's sector, as policies ask for it.
    package var sectors: [Country: Sector] {
        Dictionary(uniqueKeysWithValues: list.members.map { ($0.country, $0.sector) })
    }

    /// Whether anything new may be sent: the list is in force.
    package func isCurrent(at time: Timestamp) -> Bool { time < list.expires }

    /// A node that its member's record lists, in force or expired for at most seven days.
    /// - Throws: `FederationError.unknownNode`, `.notInForce`.
    package func node(_ id: NodeID, at time: Timestamp) throws(FederationError) -> MemberRecord.Node
    {
        try requireListInForce(at: time)
        guard let record = records[id.country], let node = nodes[id] else {
            throw list.cut(of: id).map { .cut(id, by: $0) } ?? .unknownNode(id)
        }
        guard time < record.expires + FederationLimits.graceSecondsMax else {
            throw .notInForce(
                MemberRecord.document(of: id.country), from: record.issued, until: record.expires)
        }
        return node
    }

    /// The certificate that a message from `node` names as its signer's, followed to the anchors of
    /// the node's own country.
    /// - Throws: `FederationError.unknownSigner` unless the node's record lists it; `.notTrusted`.
    package func signer(
        _ name: IssuerAndSerial, node id: NodeID, at time: Timestamp
    ) throws(FederationError) -> VerifiedCertificate {
        // Nobody else's: what other records list under this name is no matter.
        let listed = try node(id, at: time).signing.first { $0.issuerAndSerial == name }
        guard let listed else { throw .unknownSigner(name) }
        return try verified(listed, of: id.country, for: .signing, at: time)
    }

    /// The same of a certificate that the node's record has dropped since: an earlier record lists it, which is
    /// still signed as the list asks for. It must be good by the authorities and revocation lists of now; one
    /// that is over does not count, since those lists need not name it any more.
    /// - Parameter record: CMS message, a record of the node's country that this node once went by.
    /// - Throws: `FederationError.unknownSigner` unless that record lists it; `.notTrusted`, `.cut`.
    package func signer(
        _ name: IssuerAndSerial, node id: NodeID, listedBy record: [UInt8], at time: Timestamp
    ) throws(FederationError) -> VerifiedCertificate {
        _ = try node(id, at: time)
        let earlier = try Self.standing([id.country: record], under: list, of: self.id)[id.country]
        let listed = earlier?.nodes.first { $0.id == id }?.signing
            .first { $0.issuerAndSerial == name }
        guard let listed else { throw .unknownSigner(name) }
        return try verified(listed, of: id.country, for: .signing, at: time)
    }

    /// The officer whom a message names as its signer, with the certificate followed to the anchors
    /// of the officer's own country.
    /// - Throws: `FederationError.unknownSigner` unless a record lists the officer; `.notTrusted`.
    package func officer(
        _ name: CMS.SignerName, at time: Timestamp
    ) throws(FederationError) -> (officer: MemberRecord.Officer, certificate: VerifiedCertificate) {
        guard let officer = officers[name] else { throw .unknownSigner(name.issuerAndSerial) }
        _ = try node(officer.id.node, at: time)
        let certificate = try verified(
            officer.certificate, of: officer.id.node.country, for: .officer, at: time)
        return (officer, certificate)
    }

    /// The certificate to which a content key for `node` is sealed: the first listed on `curve` that
    /// is good.
    /// - Throws: `FederationError.unlistedKey`, or why the last one listed is not good.
    package func agreementCertificate(
        of id: NodeID, curve: KeyKind = .p256, at time: Timestamp
    ) throws(FederationError) -> VerifiedCertificate {
        var failure = FederationError.unlistedKey(id, "\(curve.rawValue) key agreement")
        for certificate in try node(id, at: time).agreement
        where certificate.publicKey.kind == curve {
            do throws(FederationError) {
                return try verified(certificate, of: id.country, for: .agreement, at: time)
            } catch {
                failure = error
            }
        }
        throw failure
    }

    /// The encapsulation key for `node`: the first listed of its kind.
    /// - Throws: `FederationError.unlistedKey`.
    package func mlkemKey(
        of id: NodeID, kind: MLKEMKind, at time: Timestamp
    ) throws(FederationError) -> MLKEMPublicKey {
        guard let key = try node(id, at: time).mlkem.first(where: { $0.kind == kind }) else {
            throw .unlistedKey(id, kind.rawValue)
        }
        return key
    }

    /// Whom a TLS peer's certificate names, once it is followed to the anchors of that very
    /// country.
    /// - Parameter side: what the peer is in the connection.
    /// - Throws: `FederationError.wrongName` unless it names exactly one node, `.unknownMember`,
    ///   `.unknownNode`, `.notTrusted`.
    /// - Parameter judgesRevocation: false only where nothing but revocation lists, which prove
    ///   themselves, is asked for.
    package func verifyPeer(
        certificateDER: [UInt8], as side: CertificatePurpose, judgesRevocation: Bool = true,
        at time: Timestamp
    ) throws(FederationError) -> NodeID {
        precondition(side == .tlsClient || side == .tlsServer, "a TLS peer is client or server")
        let certificate: Certificate
        do throws(CryptoError) {
            certificate = try Certificate(der: certificateDER)
        } catch {
            throw .notTrusted("certificate of the TLS peer", error)
        }
        guard let id = certificate.node else {
            throw .wrongName(certificate.description, expected: "exactly one node")
        }
        if judgesRevocation {
            _ = try verified(certificate, of: id.country, for: side, at: time)
        } else {
            try verifyWithoutRevocation(certificate, of: id.country, for: side, at: time)
        }
        return try node(id, at: time).id
    }

    /// Whom the certificate of a TLS client names that the list cuts off. It is let in to read what is
    /// public and signed, and to learn of its cut; so neither revocation nor its record is asked for,
    /// and the authorities of a member that was cut are those of the last list that had it.
    /// - Throws: `FederationError` for a node that is not cut, or whose certificate leads to no authority
    ///   of its country.
    package func verifyCutPeer(
        certificateDER: [UInt8], at time: Timestamp
    ) throws(FederationError) -> NodeID {
        do throws(CryptoError) {
            let certificate = try Certificate(der: certificateDER)
            guard let id = certificate.node, list.cut(of: id) != nil else {
                throw .unreadableCertificate("it is of no node that the list cuts off")
            }
            _ = try TrustAnchors(
                country: id.country, anchors: lastAnchors(of: id.country), revocationLists: []
            ).verify(certificate, purpose: .tlsClient, at: time)
            return id
        } catch {
            throw .notTrusted("certificate of the TLS peer", error)
        }
    }

    /// The authorities of a country in the newest list that has it.
    private func lastAnchors(of country: Country) -> [Certificate] {
        if let member = list.member(country) { return member.anchors }
        return formerAnchors.anchors(of: country) { anchorsOfCutMembers() }
    }

    private func anchorsOfCutMembers() -> [Country: [Certificate]] {
        let cut = Set(list.cuts.map(\.subject.country)).subtracting(list.members.map(\.country))
        var found: [Country: [Certificate]] = [:]
        for der in documents.lists.reversed() where found.count < cut.count {
            guard let earlier = try? Self.unverifiedList(der) else { continue }
            for member in earlier.members
            where cut.contains(member.country) && found[member.country] == nil {
                found[member.country] = member.anchors
            }
        }
        return found
    }

    private func verifyWithoutRevocation(
        _ certificate: Certificate, of country: Country, for purpose: CertificatePurpose,
        at time: Timestamp
    ) throws(FederationError) {
        let anchors = try tlsAnchors(for: country).anchors
        do throws(CryptoError) {
            _ = try TrustAnchors(country: country, anchors: anchors, revocationLists: []).verify(
                certificate, purpose: purpose, at: time)
        } catch {
            throw .notTrusted("\(purpose.rawValue) certificate", error)
        }
    }

    /// The moments at which list, records and revocation lists were issued: all of them are over.
    package var issueDates: [Timestamp] {
        [list.issued] + records.values.map(\.issued)
            + allAnchors.values.flatMap(\.revocationLists).map(\.thisUpdate)
    }

    /// When the revocation lists of each country end, by the earliest nextUpdate; a day later its
    /// certificates count no more.
    package var revocationListEnds: [Country: Timestamp] {
        allAnchors.compactMapValues { $0.revocationLists.map(\.nextUpdate).min() }
    }

    /// Whether certificates of a country count no more because its revocation lists are over.
    package func areRevocationListsOver(of country: Country, at time: Timestamp) -> Bool {
        guard let anchors = allAnchors[country], anchors.requiresRevocationLists else {
            return false
        }
        let end = anchors.revocationLists.map(\.nextUpdate).min()
        return end.map { time >= $0 + TrustAnchors.revocationGraceSeconds } ?? true
    }

    /// The authorities of one country, for a TLS stack that builds paths itself.
    /// - Throws: `FederationError.unknownMember`.
    package func tlsAnchors(for country: Country) throws(FederationError) -> TrustAnchors {
        guard let anchors = allAnchors[country] else { throw .unknownMember(country) }
        return anchors
    }

    func anchors(of country: Country) -> TrustAnchors? { allAnchors[country] }

    func verified(
        _ certificate: Certificate, of country: Country, for purpose: CertificatePurpose,
        at time: Timestamp
    ) throws(FederationError) -> VerifiedCertificate {
        let anchors = try tlsAnchors(for: country)
        do throws(CryptoError) {
            return try paths.verify(certificate, by: anchors, purpose: purpose, at: time)
        } catch {
            throw .notTrusted("\(purpose.rawValue) certificate", error)
        }
    }

    func requireListInForce(at time: Timestamp) throws(FederationError) {
        guard time < list.expires + FederationLimits.graceSecondsMax else {
            throw .notInForce(MembershipList.document, from: list.issued, until: list.expires)
        }
    }
}
