import SelatCore
import SelatCrypto

/// A country's certificate authority for tests, with everything it may issue.
struct Authority {
    let country: Country
    let key: PrivateKey
    let issuer: CertificateIssuer

    static let from = time("2026-01-01T00:00:00Z")
    static let now = time("2026-09-01T12:00:00Z")
    static let until = time("2027-01-01T00:00:00Z")

    init(_ code: String, _ kind: KeyKind = .p256) throws {
        country = try Country(code)
        key = try PrivateKey.generate(kind)
        issuer = try CertificateIssuer(
            root: "\(code) test CA", country: country, key: key, from: Self.from,
            until: Self.until)
    }

    func anchors(revoking revoked: [Certificate: Timestamp] = [:]) throws -> TrustAnchors {
        try TrustAnchors(
            country: country, anchors: [issuer.certificate],
            revocationLists: [revocationList(revoking: revoked)])
    }

    func revocationList(
        revoking revoked: [Certificate: Timestamp] = [:],
        until: Timestamp = now + 7 * 86_400
    ) throws -> CRL {
        try issuer.revocationList(
            revoking: revoked, number: 1, from: Self.now + -86_400, until: until)
    }

    func signer(
        _ purpose: CertificatePurpose = .signing, _ kind: KeyKind = .p256, name: String = "hub",
        from: Timestamp = from, until: Timestamp = until
    ) throws -> CMS.Signer {
        let key = try PrivateKey.generate(kind)
        let certificate = try issuer.issue(
            for: purpose, uri: "selat://\(country)/\(name)", to: key.publicKey, from: from,
            until: until)
        return try CMS.Signer(certificate: certificate, key: key)
    }

    private static func time(_ text: String) -> Timestamp {
        do { return try Timestamp(text) } catch { preconditionFailure("\(error)") }
    }
}

extension TrustAnchors {
    /// The lookup of a recipient that knows exactly these certificates.
    func lookup(
        _ known: Certificate..., purpose: CertificatePurpose = .signing,
        at time: Timestamp = Authority.now
    ) -> (IssuerAndSerial) throws -> VerifiedCertificate {
        { name in
            guard let certificate = known.first(where: { $0.issuerAndSerial == name }) else {
                throw CryptoError.signatureInvalid(signer: name.description)
            }
            return try self.verify(certificate, purpose: purpose, at: time)
        }
    }
}
