import Foundation
import SelatCore
import SelatCrypto
import SelatFederation
import SelatTestSupport
import Testing

@Suite struct FederationTests {
    let world: World

    init() throws { world = try World("SG", "MY", "VN") }

    @Test func membershipSaysWhatWasSigned() throws {
        let federation = try world.federation()
        #expect(federation.members.map(\.country.code) == ["MY", "SG", "VN"])
        #expect(federation.id == SHA256.digest(federation.documents.list))
        #expect(federation.listDigest == SHA256.digest(federation.list.json.canonical))
        #expect(federation.isSandbox)
        #expect(federation.serial == 1)
        #expect(federation.sectors[try Country("SG")] == .public)
        let node = try federation.node(NodeID("SG/hub"), at: World.now)
        #expect(node.endpoint == Endpoint(host: "127.0.0.1", port: 7_443))
        #expect(node.roles == [.exchange])
        #expect(federation.isCurrent(at: World.now))
        #expect(!federation.isCurrent(at: federation.expires))
    }

    @Test func aNodeIsNothingThatTheListDoesNotLetItBe() throws {
        let sg = try Country("SG")
        let members = world.members.map { member in
            let listed = world.listed(member)
            return MembershipList.Member(
                country: listed.country, sector: listed.sector, anchors: listed.anchors,
                authorities: listed.authorities, threshold: listed.threshold,
                roles: listed.country == sg ? [.witness] : [.exchange, .relay])
        }
        let federation = try world.federation(members: members)
        #expect(federation.records[sg]?.nodes.map(\.roles) == [[.exchange]])
        #expect(try federation.node(NodeID("SG/hub"), at: World.now).roles == [])
        // What the list allows is no role yet.
        #expect(try federation.node(NodeID("VN/hub"), at: World.now).roles == [.exchange])
        let warnings = federation.warnings(at: World.now).filter { $0.contains("role") }
        #expect(warnings.count == 1)
        #expect(warnings.first?.hasPrefix("the record gives `SG/hub` the role `exchange`") == true)
    }

    @Test func signatureCountsForItsNodeAlone() throws {
        let federation = try world.federation()
        let der = try world.message(from: "SG")
        let node = try NodeID("SG/hub")
        let signed = try CMS.verify(der, type: .header) { name in
            try federation.signer(name, node: node, at: World.now)
        }
        #expect(signed.signer.country.code == "SG")
        #expect(throws: FederationError.self) {
            try CMS.verify(der, type: .header) { name in
                try federation.signer(name, node: NodeID("MY/hub"), at: World.now)
            }
        }
    }

    @Test func officerIsKnownByCertificate() throws {
        let federation = try world.federation()
        let name = CMS.SignerName(of: world.member("SG").officer.certificate)
        let found = try federation.officer(name, at: World.now)
        #expect(found.officer.id == (try OfficerID("SG/hub/lee")))
        #expect(found.officer.roles == ["releasing-officer"])
        #expect(found.certificate.purpose == .officer)
        let node = CMS.SignerName(of: world.member("SG").signing.certificate)
        #expect(throws: FederationError.self) { try federation.officer(node, at: World.now) }
        #expect(throws: FederationError.self) {
            try federation.signer(name.issuerAndSerial, node: NodeID("SG/hub"), at: World.now)
        }
    }

    @Test func agreementCertificateIsTheNodes() throws {
        let verified = try world.federation().agreementCertificate(
            of: NodeID("VN/hub"), at: World.now)
        #expect(verified.certificate == world.member("VN").agreement.certificate)
        #expect(verified.purpose == .agreement)
    }

    @Test(arguments: [CertificatePurpose.tlsServer, .tlsClient])
    func peerIsNamedByItsCertificate(side: CertificatePurpose) throws {
        let federation = try world.federation()
        let der = world.member("MY").tls.certificate.der
        #expect(
            try federation.verifyPeer(certificateDER: der, as: side, at: World.now)
                == NodeID("MY/hub"))
    }

    @Test func peerOfAnotherCountrysAuthorityIsRefused() throws {
        let federation = try world.federation()
        let key = try PrivateKey.generate(.p256).publicKey
        let forged = try world.member("MY").issuer.issue(
            for: .tlsServer, uri: "selat://VN/hub", to: key, from: World.from, until: World.until)
        #expect(throws: FederationError.self) {
            try federation.verifyPeer(
                certificateDER: forged.der, as: .tlsServer, at: World.now)
        }
    }

    @Test(arguments: [
        "selat://SG/other", "selat://SG/hub/lee", "selat://SG/hub/", "selat:SG/hub",
        "https://SG/hub", "selat://sg/hub", "selat://SG/HUB",
    ])
    func peerWithoutTheNameOfAListedNodeIsRefused(uri: String) throws {
        let federation = try world.federation()
        let key = try PrivateKey.generate(.p256).publicKey
        let certificate = try world.member("SG").issuer.issue(
            for: .tlsServer, uri: uri, to: key, from: World.from, until: World.until)
        #expect(throws: FederationError.self) {
            try federation.verifyPeer(
                certificateDER: certificate.der, as: .tlsServer, at: World.now)
        }
    }

    @Test func signingCertificateMakesNoTLSPeer() throws {
        let federation = try world.federation()
        #expect(throws: FederationError.self) {
            try federation.verifyPeer(
                certificateDER: world.member("SG").signing.certificate.der, as: .tlsClient,
                at: World.now)
        }
    }

    @Test func revokedNodeIsNoSigner() throws {
        let signing = world.member("SG").signing.certificate
        let federation = try world.federation(revoking: [signing])
        #expect(throws: FederationError.self) {
            try federation.signer(
                signing.issuerAndSerial, node: NodeID("SG/hub"), at: World.now)
        }
    }

    @Test func rememberedPathEndsWithItsRevocationList() throws {
        let federation = try world.federation()
        let name = world.member("SG").signing.certificate.issuerAndSerial
        let node = try NodeID("SG/hub")
        let verified = try federation.signer(name, node: node, at: World.now)
        let end = World.crlUntil + TrustAnchors.revocationGraceSeconds
        #expect(verified.validUntil == end)
        #expect(try federation.signer(name, node: node, at: end + -1) == verified)
        #expect(throws: FederationError.self) {
            try federation.signer(name, node: node, at: end)
        }
    }

    @Test func nothingIsKnownAfterTheGrace() throws {
        let federation = try world.federation()
        let late = federation.expires + FederationLimits.graceSecondsMax
        #expect(throws: FederationError.self) {
            try federation.node(NodeID("SG/hub"), at: late)
        }
        #expect(try federation.node(NodeID("SG/hub"), at: late + -1).id.name == "hub")
        #expect(throws: FederationError.unknownNode(try NodeID("SG/csa"))) {
            try federation.node(NodeID("SG/csa"), at: World.now)
        }
    }
}

/// A record's certificates are decoded when it is taken, and no more: their issuer and serial are what
/// their member likes, also another's.
@Suite struct ForeignNameTests {
    private let world: World

    init() throws { world = try World("SG", "MY", "VN") }

    /// What a hostile member lists beside its own.
    private struct Twins {
        let signing: CMS.Signer
        let officer: CMS.Signer
        let policySigner: CMS.Signer
    }

    /// A certificate with the issuer and serial of another.
    private func twin(
        of certificate: Certificate, _ owner: String, for purpose: CertificatePurpose, uri: String
    ) throws -> CMS.Signer {
        let issuer = try CertificateIssuer(
            root: "\(owner) CA", country: try Country(owner), key: .generate(.p256),
            from: World.from, until: World.until)
        let key = try PrivateKey.generate(.p256)
        let made = try issuer.issue(
            for: purpose, uri: uri, to: key.publicKey, from: World.from, until: World.until)
        let serial = made.issuerAndSerial.serial
        let found = made.der.indices.first { made.der[$0...].starts(with: serial) }
        let start = try #require(found)
        var der = made.der
        der.replaceSubrange(
            start..<start + serial.count, with: certificate.issuerAndSerial.serial)
        let twin = try Certificate(der: der)
        #expect(twin.issuerAndSerial == certificate.issuerAndSerial && twin != certificate)
        return try CMS.Signer(certificate: twin, key: key)
    }

    private func federation(_ hostile: String, against victim: String) throws -> (
        federation: Federation, twins: Twins
    ) {
        let them = world.member(victim)
        let twins = Twins(
            signing: try twin(
                of: them.signing.certificate, victim, for: .signing, uri: "selat://\(hostile)/hub"),
            officer: try twin(
                of: them.officer.certificate, victim, for: .officer,
                uri: "selat://\(hostile)/hub/twin"),
            policySigner: try twin(
                of: them.policySigners[0].certificate, victim, for: .officer,
                uri: "selat://\(hostile)/hub/other"))
        let list = try world.signedList(world.list(), by: "SG", "MY")
        let id = SHA256.digest(list)
        var records = try world.records(federation: id)
        let held = try world.record(of: hostile, federation: id)
        let node = held.nodes[0]
        records[held.country] = try MemberRecord(
            federation: id, country: held.country, issued: held.issued, expires: held.expires,
            nodes: [
                MemberRecord.Node(
                    id: node.id, endpoint: node.endpoint, tls: node.tls,
                    signing: [twins.signing.certificate] + node.signing, agreement: node.agreement,
                    logKey: node.logKey, roles: node.roles)
            ],
            officers: held.officers + [
                MemberRecord.Officer(
                    id: try OfficerID("\(hostile)/hub/twin"),
                    certificate: twins.officer.certificate, roles: ["releasing-officer"])
            ],
            policySigners: [twins.policySigner.certificate] + held.policySigners
        ).signed(by: Array(world.member(hostile).authorities.prefix(2)), at: World.now)
        let federation = try Federation(
            verifying: MembershipDocuments(
                list: list, records: records, revocationLists: try world.revocationLists()),
            trusted: nil, allowsSandbox: true, at: World.now)
        return (federation, twins)
    }

    @Test(arguments: [("MY", "SG"), ("SG", "MY"), ("VN", "SG"), ("SG", "VN")])
    func itHidesNobodysSigner(_ hostile: String, _ victim: String) throws {
        let (federation, twins) = try self.federation(hostile, against: victim)
        func verify(_ der: [UInt8], as node: String) throws -> CMS.SignedContent {
            try CMS.verify(der, type: .header) { name in
                try federation.signer(name, node: try NodeID(node), at: World.now)
            }
        }
        let signed = try verify(world.message(from: victim), as: "\(victim)/hub")
        #expect(signed.signer.certificate == world.member(victim).signing.certificate)
        let forged = try CMS.sign(
            content: Array("{}".utf8), type: .header, signer: twins.signing, at: World.now)
        for node in ["\(victim)/hub", "\(hostile)/hub"] {
            #expect(throws: (any Error).self) { try verify(forged, as: node) }
        }
        // Its own signer is nobody else's to hide either.
        _ = try verify(world.message(from: hostile), as: "\(hostile)/hub")
    }

    @Test(arguments: [("MY", "SG"), ("SG", "MY"), ("VN", "SG"), ("SG", "VN")])
    func itHidesNobodysOfficer(_ hostile: String, _ victim: String) throws {
        let (federation, twins) = try self.federation(hostile, against: victim)
        func verify(_ signer: CMS.Signer) throws -> CMS.SignedContent {
            let der = try CMS.sign(
                content: Array("{}".utf8), type: .approval, signer: signer, at: World.now)
            return try CMS.verifyNamed(der, type: .approval) { name in
                try federation.officer(name, at: World.now).certificate
            }
        }
        let officer = world.member(victim).officer
        #expect(try verify(officer).signer.certificate == officer.certificate)
        #expect(throws: FederationError.self) { try verify(twins.officer) }
    }

    @Test(arguments: [("MY", "SG"), ("SG", "MY")])
    func itHidesNobodysPolicySigner(_ hostile: String, _ victim: String) throws {
        let (federation, twins) = try self.federation(hostile, against: victim)
        let file = Array("vocabulary".utf8)
        func verify(_ signers: [CMS.Signer]) throws -> [Country] {
            let der = try CMS.signDetached(
                content: file, type: .policyEdition, federation: federation.id, signers: signers,
                at: World.now)
            return try federation.verifyEdition(
                "vocabulary.yaml", content: file, signatures: der, owner: .members(parties: []),
                at: World.now
            ).members
        }
        let honest = [victim, "VN"].flatMap { world.member($0).policySigners.prefix(2) }
        #expect(try verify(honest) == [try Country(victim), try Country("VN")])
        #expect(throws: FederationError.self) { try verify(honest + [twins.policySigner]) }
    }

    @Test func twoAuthoritiesOfOneNameMakeNoList() throws {
        let other = try twin(
            of: world.member("SG").authorities[0].certificate, "SG", for: .authority,
            uri: "selat://MY/authority-4")
        let members = world.members.map(world.listed).map { member in
            guard member.country.code == "MY" else { return member }
            return MembershipList.Member(
                country: member.country, sector: member.sector, anchors: member.anchors,
                authorities: member.authorities + [other.certificate], threshold: member.threshold,
                roles: member.roles)
        }
        let error = #expect(throws: FederationError.self) { try world.list(members: members) }
        #expect(error?.description.contains("same issuer and serial") == true)
    }
}
