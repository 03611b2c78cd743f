// Two countries with a root and a node each, and the question that the federation answers for the
// transport: which node is behind this certificate chain?

import SelatCore
import SelatCrypto
import Testing

struct ExamFederation: Sendable {
    static let begin = Timestamp(seconds: 1_800_000_000)
    static let now = begin + 3_600
    static let end = begin + 86_400

    let sg: ExamCountry
    let my: ExamCountry

    init() throws {
        sg = try ExamCountry("SG")
        my = try ExamCountry("MY")
    }

    /// As the federation does it: one URI, a path to that country's anchors, the TLS purpose.
    var verifyPeer: TLSPeerVerification {
        let anchors = [sg.country: sg.anchors, my.country: my.anchors]
        return { chain in
            let certificates = try chain.map { try Certificate(der: $0) }
            let leaf = try #require(certificates.first)
            guard let node = leaf.node, let trust = anchors[node.country] else {
                throw ExamRefusal(reason: "no member's node")
            }
            _ = try trust.verify(
                leaf, intermediates: Array(certificates.dropFirst()), purpose: .tlsClient,
                at: Self.now)
            return node
        }
    }
}

struct ExamRefusal: Error { let reason: String }

struct ExamCountry: Sendable {
    let country: Country
    let issuer: CertificateIssuer
    let anchors: TrustAnchors

    init(_ code: String) throws {
        country = try Country(code)
        issuer = try CertificateIssuer(
            root: "\(code) exam root", country: country, key: try .generate(.p256),
            from: ExamFederation.begin, until: ExamFederation.end)
        anchors = try TrustAnchors(
            country: country, anchors: [issuer.certificate], revocationLists: [])
    }

    func identity(
        _ uri: String, purpose: CertificatePurpose = .tlsClient,
        until: Timestamp = ExamFederation.end
    ) throws -> TLSIdentity {
        let key = try PrivateKey.generate(.p256)
        let certificate = try issuer.issue(
            for: purpose, uri: uri, to: key.publicKey, from: ExamFederation.begin, until: until)
        return TLSIdentity(certificate: certificate, key: key)
    }
}
