import SelatCore
import SelatCrypto
import SelatTestSupport
import Testing

@Suite struct CertificateTests {
    let authority: Authority

    init() throws { authority = try Authority("SG") }

    @Test func certificateSaysWhatWasIssued() throws {
        let key = try PrivateKey.generate(.p384)
        let certificate = try authority.issuer.issue(
            for: .tlsServer, uri: "selat://SG/hub", hosts: ["hub.example"], to: key.publicKey,
            from: Authority.from, until: Authority.until)
        #expect(certificate.node == (try NodeID("SG/hub")))
        #expect(certificate.publicKey == key.publicKey)
        #expect(certificate.notBefore == Authority.from)
        #expect(certificate.notAfter == Authority.until)
        #expect(certificate.issuerAndSerial.issuer == authority.issuer.certificate.subject)
        #expect(!certificate.isAuthority)
        #expect(try Certificate(pem: Array(certificate.pem.utf8)) == certificate)
    }

    @Test(arguments: CertificatePurpose.allCases)
    func pathHoldsForThePurposeAlone(purpose: CertificatePurpose) throws {
        let certificate = try authority.signer(purpose).certificate
        let anchors = try authority.anchors()
        let verified = try anchors.verify(certificate, purpose: purpose, at: Authority.now)
        #expect(verified.country.code == "SG")
        #expect(
            verified.validUntil
                == Authority.now + 7 * 86_400 + TrustAnchors.revocationGraceSeconds)
        let tls: Set<CertificatePurpose> = [.tlsServer, .tlsClient]
        for other in CertificatePurpose.allCases
        where other != purpose && !(tls.contains(other) && tls.contains(purpose)) {
            #expect(throws: CryptoError.self) {
                try anchors.verify(certificate, purpose: other, at: Authority.now)
            }
        }
    }

    @Test func anotherCountrysAuthorityIsWorthNothing() throws {
        let foreign = try Authority("MY").issuer.issue(
            for: .signing, uri: "selat://SG/hub", to: PrivateKey.generate(.p256).publicKey,
            from: Authority.from, until: Authority.until)
        #expect(throws: CryptoError.self) {
            try authority.anchors().verify(foreign, purpose: .signing, at: Authority.now)
        }
    }

    @Test(arguments: [Authority.from + -1, Authority.until + 1])
    func certificateOutsideItsValidityIsRefused(time: Timestamp) throws {
        let certificate = try authority.signer().certificate
        let anchors = try TrustAnchors(
            country: authority.country, anchors: [authority.issuer.certificate],
            revocationLists: [])
        #expect(throws: CryptoError.self) {
            try anchors.verify(certificate, purpose: .signing, at: time)
        }
    }

    @Test func leafOutlivedByItsAuthorityIsRefusedOnceExpired() throws {
        let certificate = try authority.signer(until: Authority.now + -1).certificate
        let error = #expect(throws: CryptoError.self) {
            try authority.anchors().verify(certificate, purpose: .signing, at: Authority.now)
        }
        #expect(error?.description.contains("expired") == true)
    }

    @Test func revokedCertificateIsRefused() throws {
        let certificate = try authority.signer().certificate
        let anchors = try authority.anchors(revoking: [certificate: Authority.now + -60])
        let error = #expect(throws: CryptoError.self) {
            try anchors.verify(certificate, purpose: .signing, at: Authority.now)
        }
        #expect(error?.description.contains("revoked") == true)
    }

    @Test func aRevocationListCountsForOneDayAfterItsEnd() throws {
        let certificate = try authority.signer().certificate
        let end = Authority.now + -1
        let anchors = try TrustAnchors(
            country: authority.country, anchors: [authority.issuer.certificate],
            revocationLists: [authority.revocationList(until: end)])
        let last = end + TrustAnchors.revocationGraceSeconds
        #expect(
            try anchors.verify(certificate, purpose: .signing, at: Authority.now).validUntil
                == last)
        let error = #expect(throws: CryptoError.self) {
            try anchors.verify(certificate, purpose: .signing, at: last)
        }
        #expect(error?.description.contains("revocation list") == true)
    }

    private func past(_ list: CRL) throws -> TrustAnchors {
        try TrustAnchors(
            country: authority.country, anchors: [authority.issuer.certificate],
            revocationLists: [list], judgesPast: true)
    }

    @Test func whatWasRevokedLaterWasGoodBefore() throws {
        let certificate = try authority.signer().certificate
        let revoked = Authority.now + -60
        let list = try authority.revocationList(revoking: [certificate: revoked])
        let (before, anchors) = (revoked + -1, try past(list))
        let verified = try anchors.verify(certificate, purpose: .signing, at: before)
        // Who remembers the path must not remember it beyond that.
        #expect(verified.validUntil == revoked)
        for time in [revoked, Authority.now] {
            let error = #expect(throws: CryptoError.self) {
                try anchors.verify(certificate, purpose: .signing, at: time)
            }
            #expect(error?.description.contains("revoked") == true)
        }
        let other = try authority.signer().certificate
        _ = try anchors.verify(other, purpose: .signing, at: Authority.now)
        // Of the present a list says all that it says.
        #expect(throws: CryptoError.self) {
            try authority.anchors(revoking: [certificate: revoked]).verify(
                certificate, purpose: .signing, at: before)
        }
    }

    @Test func aListThatWasIssuedLaterTellsOfThePastAlone() throws {
        let certificate = try authority.signer().certificate
        let list = try authority.revocationList()
        let before = list.thisUpdate + -86_400
        _ = try past(list).verify(certificate, purpose: .signing, at: before)
        #expect(throws: CryptoError.self) {
            try authority.anchors().verify(certificate, purpose: .signing, at: before)
        }
        // How long it counts is the same.
        #expect(throws: CryptoError.self) {
            try past(list).verify(
                certificate, purpose: .signing,
                at: list.nextUpdate + TrustAnchors.revocationGraceSeconds)
        }
    }

    @Test func whereRevocationListsAreOwedNoneIsNoList() throws {
        let certificate = try authority.signer().certificate
        let anchors = try TrustAnchors(
            country: authority.country, anchors: [authority.issuer.certificate],
            revocationLists: [], requiresRevocationLists: true)
        #expect(throws: CryptoError.self) {
            try anchors.verify(certificate, purpose: .signing, at: Authority.now)
        }
    }

    @Test func anotherAuthoritysRevocationListIsNoList() throws {
        let certificate = try authority.signer().certificate
        let anchors = try TrustAnchors(
            country: authority.country, anchors: [authority.issuer.certificate],
            revocationLists: [Authority("SG").revocationList()])
        #expect(throws: CryptoError.self) {
            try anchors.verify(certificate, purpose: .signing, at: Authority.now)
        }
    }

    @Test func authorityItselfAndLeavesAsAnchorsAreRefused() throws {
        let anchors = try authority.anchors()
        #expect(throws: CryptoError.self) {
            try anchors.verify(
                authority.issuer.certificate, purpose: .authority, at: Authority.now)
        }
        let leaf = try authority.signer().certificate
        #expect(throws: CryptoError.self) {
            try TrustAnchors(country: authority.country, anchors: [leaf], revocationLists: [])
        }
    }

    @Test func anAnchorThatItsOwnKeyHasNotSignedIsRefused() throws {
        var der = authority.issuer.certificate.der
        der[der.count - 1] ^= 1
        let forged = try Certificate(der: der)
        #expect(throws: CryptoError.self) {
            try TrustAnchors(country: authority.country, anchors: [forged], revocationLists: [])
        }
    }

    @Test func leafThatIssuesIsNoAuthority() throws {
        let node = try authority.signer()
        #expect(throws: CryptoError.self) {
            try CertificateIssuer(certificate: node.certificate, key: node.key)
        }
    }

    @Test func mutatedCertificatesAndListsAreRefusedOrReadable() throws {
        let certificate = try authority.signer().certificate
        let anchors = try authority.anchors()
        for bytes in Mutations.of(certificate.der, count: 2_000, seed: 1) {
            guard bytes != certificate.der, let readable = try? Certificate(der: bytes) else {
                continue
            }
            #expect(throws: CryptoError.self) {
                try anchors.verify(readable, purpose: .signing, at: Authority.now)
            }
        }
        let list = try authority.revocationList()
        for bytes in Mutations.of(list.der, count: 500, seed: 2) {
            guard bytes != list.der, let readable = try? CRL(der: bytes) else { continue }
            let mutated = try TrustAnchors(
                country: authority.country, anchors: [authority.issuer.certificate],
                revocationLists: [readable])
            #expect(throws: CryptoError.self) {
                try mutated.verify(certificate, purpose: .signing, at: Authority.now)
            }
        }
    }
}
