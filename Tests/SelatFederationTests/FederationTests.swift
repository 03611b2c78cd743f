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
        #expect(federation.id == federation.listDigest)
        #expect(federation.isSandbox)
        #expect(federation.serial == 1)
        #expect(federation.sectors[try Country("SG")] == .public)
        let node = try federation.node(NodeID("SG/hub"), at: World.now)
        #expect(node.endpoint == Endpoint(host: "127.0.0.1", port: 7_443))
        #expect(node.roles == [.exchange])
        #expect(federation.isCurrent(at: World.now))
        #expect(!federation.isCurrent(at: federation.expires))
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
        let name = world.member("SG").officer.certificate.issuerAndSerial
        let found = try federation.officer(name, at: World.now)
        #expect(found.officer.id == (try OfficerID("SG/hub/lee")))
        #expect(found.officer.roles == ["releasing-officer"])
        #expect(found.certificate.purpose == .officer)
        let node = world.member("SG").signing.certificate.issuerAndSerial
        #expect(throws: FederationError.self) { try federation.officer(node, at: World.now) }
        #expect(throws: FederationError.self) {
            try federation.signer(name, node: NodeID("SG/hub"), at: World.now)
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
