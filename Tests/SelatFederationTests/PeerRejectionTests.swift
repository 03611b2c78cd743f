import SelatCore
import SelatCrypto
import SelatFederation
import SelatTestSupport
import Testing

/// Who is no TLS peer, each with one thing wrong and the reason by name.
@Suite struct PeerRejectionTests {
    static let world = try? World("SG", "MY", "VN")

    /// What is presented, and when.
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        var country = "SG"
        var purpose = CertificatePurpose.tlsServer
        var uri = "selat://SG/hub"
        var from = World.from
        var until = World.until
        var isRevoked = false
        var time = World.now
        let reason: String

        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "another country's path", country: "MY", reason: "is not trusted for `SG`"),
        Case(name: "expired", until: World.now + -1, reason: "certificate has expired"),
        Case(name: "not yet valid", from: World.now + 1, reason: "not yet valid"),
        Case(name: "revoked", isRevoked: true, reason: "certificate revoked"),
        Case(
            name: "after its revocation list", time: World.crlUntil + 3 * 86_400,
            reason: "counted until"),
        Case(name: "a signing certificate", purpose: .signing, reason: "extended key usage"),
        Case(name: "an agreement certificate", purpose: .agreement, reason: "extended key usage"),
        Case(
            name: "an officer's certificate", purpose: .officer, uri: "selat://SG/hub/lee",
            reason: "expected exactly one node"),
        Case(
            name: "an authority's certificate", purpose: .authority, uri: "selat://SG/authority-1",
            reason: "extended key usage"),
        Case(name: "a node of no record", uri: "selat://SG/csa", reason: "in no member record"),
        Case(
            name: "a country that is no member", uri: "selat://TH/hub",
            reason: "`TH` is not a member"),
        Case(name: "no node at all", uri: "https://SG/hub", reason: "expected exactly one node"),
    ]

    private func certificate(_ wanted: Case, in world: World) throws -> Certificate {
        try world.member(wanted.country).issuer.issue(
            for: wanted.purpose, uri: wanted.uri, to: PrivateKey.generate(.p256).publicKey,
            from: wanted.from, until: wanted.until)
    }

    @Test(arguments: cases, [CertificatePurpose.tlsServer, .tlsClient])
    func isNoPeer(_ wanted: Case, side: CertificatePurpose) throws {
        let world = try #require(Self.world)
        let certificate = try certificate(wanted, in: world)
        let federation = try world.federation(revoking: wanted.isRevoked ? [certificate] : [])
        let error = #expect(throws: FederationError.self) {
            try federation.verifyPeer(certificateDER: certificate.der, as: side, at: wanted.time)
        }
        let words = error?.description ?? "no error"
        #expect(words.contains(wanted.reason), "\(words)")
    }

    @Test func theSameWithoutAMistakeIsAPeer() throws {
        let world = try #require(Self.world)
        let good = try certificate(Case(name: "good", reason: ""), in: world)
        #expect(
            try world.federation().verifyPeer(
                certificateDER: good.der, as: .tlsServer, at: World.now) == NodeID("SG/hub"))
    }

    @Test(arguments: 0..<4)
    func mutatedCertificatesAreNoPeers(seed: UInt64) throws {
        let world = try #require(Self.world)
        let federation = try world.federation()
        let der = world.member("SG").tls.certificate.der
        for mutated in Mutations.of(der, count: 120, seed: seed) where mutated != der {
            #expect(throws: FederationError.self) {
                try federation.verifyPeer(certificateDER: mutated, as: .tlsClient, at: World.now)
            }
        }
    }
}
