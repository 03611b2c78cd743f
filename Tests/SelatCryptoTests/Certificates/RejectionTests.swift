import Foundation
import SelatCore
import SelatCrypto
import Testing

/// Certificates as another authority's tools make them, each with one thing wrong, and the same
/// without it: made by `openssl`, refused by name.
@Suite(.enabled(if: OpenSSLCommand.exists, "there is no /usr/bin/openssl"))
struct RejectionTests {
    /// One certificate that must not pass.
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        /// What `openssl genpkey` is told of the leaf's key.
        var key = RejectionTests.p256
        var digest = "sha256"
        /// Sections of the configuration, by which root, intermediate and leaf are issued.
        var root = "root"
        var intermediate: String?
        var leaf = "leaf"
        var days = "30"
        /// Part of what the refusal says.
        let reason: String

        var testDescription: String { name }
    }

    static let p256 = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]

    private static func curve(_ name: String, _ more: String...) -> [String] {
        ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:\(name)"]
            + more.flatMap { ["-pkeyopt", $0] }
    }

    private static func rsa(_ bits: Int) -> [String] {
        ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:\(bits)"]
    }

    static let cases: [Case] = [
        Case(name: "RSA with 1024 bits", key: rsa(1_024), reason: "expected P-256, P-384"),
        Case(name: "RSA with 2048 bits", key: rsa(2_048), reason: "expected P-256, P-384"),
        Case(name: "P-192", key: curve("P-192"), reason: "expected P-256, P-384"),
        Case(name: "P-224", key: curve("P-224"), reason: "expected P-256, P-384"),
        Case(name: "secp256k1", key: curve("secp256k1"), reason: "expected P-256, P-384"),
        Case(
            name: "a curve spelt out", key: curve("P-256", "ec_param_enc:explicit"),
            reason: "expected P-256, P-384"),
        Case(name: "SHA-1", digest: "sha1", reason: "signed by ECDSA with SHA-256 or SHA-384"),
        Case(name: "SHA-224", digest: "sha224", reason: "signed by ECDSA with SHA-256 or SHA-384"),
        Case(name: "SHA-512", digest: "sha512", reason: "signed by ECDSA with SHA-256 or SHA-384"),
        Case(
            name: "an intermediate without CA bit", intermediate: "no-ca",
            reason: "invalid CA certificate"),
        Case(
            name: "an intermediate that may not sign certificates", intermediate: "no-cert-sign",
            reason: "invalid CA certificate"),
        Case(
            name: "an intermediate below a root that allows none", root: "root-of-leaves",
            intermediate: "ca", reason: "path length constraint exceeded"),
        Case(
            name: "an intermediate for another purpose", intermediate: "ca-for-servers",
            reason: "an issuer may not issue for signing"),
        Case(
            name: "a name outside what the root may name", root: "root-of-my",
            reason: "permitted subtree violation"),
        Case(
            name: "a host outside what the root may name", root: "root-of-hosts",
            leaf: "leaf-with-host", reason: "permitted subtree violation"),
        Case(
            name: "a name that the root may not name", root: "root-not-of-sg",
            reason: "excluded subtree violation"),
        Case(
            name: "a critical extension that nobody knows", leaf: "leaf-critical",
            reason: "unhandled critical extension"),
        Case(name: "a CA certificate as a leaf", leaf: "ca", reason: "it is a CA certificate"),
        Case(
            name: "no extended key usage", leaf: "leaf-any-purpose",
            reason: "its extended key usage"),
        Case(
            name: "any extended key usage", leaf: "leaf-every-purpose",
            reason: "its extended key usage"),
        Case(
            name: "TLS beside signing", leaf: "leaf-two-purposes",
            reason: "its extended key usage"),
        Case(
            name: "a key usage without digital signature", leaf: "leaf-key-usage",
            reason: "its key usage does not allow signing"),
    ]

    private static let configuration = """
        arc = 2.25.247509187585345484441312395198224643263
        [req]
        distinguished_name = name
        [name]
        [root]
        basicConstraints = critical, CA:TRUE
        keyUsage = critical, keyCertSign, cRLSign
        subjectKeyIdentifier = hash
        [root-of-leaves]
        basicConstraints = critical, CA:TRUE, pathlen:0
        keyUsage = critical, keyCertSign, cRLSign
        subjectKeyIdentifier = hash
        [root-of-my]
        basicConstraints = critical, CA:TRUE
        keyUsage = critical, keyCertSign, cRLSign
        subjectKeyIdentifier = hash
        nameConstraints = critical, permitted;URI:MY
        [root-not-of-sg]
        basicConstraints = critical, CA:TRUE
        keyUsage = critical, keyCertSign, cRLSign
        subjectKeyIdentifier = hash
        nameConstraints = critical, excluded;URI:SG
        [root-of-hosts]
        basicConstraints = critical, CA:TRUE
        keyUsage = critical, keyCertSign, cRLSign
        subjectKeyIdentifier = hash
        nameConstraints = critical, permitted;DNS:sg.example
        [ca]
        basicConstraints = critical, CA:TRUE
        keyUsage = critical, keyCertSign, cRLSign
        subjectKeyIdentifier = hash
        authorityKeyIdentifier = keyid
        [no-ca]
        basicConstraints = critical, CA:FALSE
        keyUsage = critical, digitalSignature
        subjectKeyIdentifier = hash
        authorityKeyIdentifier = keyid
        [no-cert-sign]
        basicConstraints = critical, CA:TRUE
        keyUsage = critical, cRLSign
        subjectKeyIdentifier = hash
        authorityKeyIdentifier = keyid
        [ca-for-servers]
        basicConstraints = critical, CA:TRUE
        keyUsage = critical, keyCertSign, cRLSign
        extendedKeyUsage = serverAuth
        subjectKeyIdentifier = hash
        authorityKeyIdentifier = keyid
        [leaf]
        basicConstraints = critical, CA:FALSE
        keyUsage = critical, digitalSignature
        extendedKeyUsage = ${arc}.2.1
        subjectAltName = URI:selat://SG/csa
        subjectKeyIdentifier = hash
        authorityKeyIdentifier = keyid
        [leaf-with-host]
        basicConstraints = critical, CA:FALSE
        keyUsage = critical, digitalSignature
        extendedKeyUsage = ${arc}.2.1
        subjectAltName = URI:selat://SG/csa, DNS:selat.vn.example
        subjectKeyIdentifier = hash
        authorityKeyIdentifier = keyid
        [leaf-critical]
        basicConstraints = critical, CA:FALSE
        keyUsage = critical, digitalSignature
        extendedKeyUsage = ${arc}.2.1
        subjectAltName = URI:selat://SG/csa
        subjectKeyIdentifier = hash
        authorityKeyIdentifier = keyid
        1.2.3.4 = critical, ASN1:NULL
        [leaf-any-purpose]
        basicConstraints = critical, CA:FALSE
        keyUsage = critical, digitalSignature
        subjectAltName = URI:selat://SG/csa
        subjectKeyIdentifier = hash
        authorityKeyIdentifier = keyid
        [leaf-every-purpose]
        basicConstraints = critical, CA:FALSE
        keyUsage = critical, digitalSignature
        extendedKeyUsage = anyExtendedKeyUsage
        subjectAltName = URI:selat://SG/csa
        subjectKeyIdentifier = hash
        authorityKeyIdentifier = keyid
        [leaf-two-purposes]
        basicConstraints = critical, CA:FALSE
        keyUsage = critical, digitalSignature
        extendedKeyUsage = ${arc}.2.1, serverAuth
        subjectAltName = URI:selat://SG/csa
        subjectKeyIdentifier = hash
        authorityKeyIdentifier = keyid
        [leaf-key-usage]
        basicConstraints = critical, CA:FALSE
        keyUsage = critical, keyAgreement
        extendedKeyUsage = ${arc}.2.1
        subjectAltName = URI:selat://SG/csa
        subjectKeyIdentifier = hash
        authorityKeyIdentifier = keyid

        """

    // MARK: Making them

    /// Makes root, perhaps an intermediate, and leaf.
    /// - Returns: the root, and the leaf's verification.
    private func verify(_ wanted: Case) throws -> VerifiedCertificate {
        let command = try OpenSSLCommand()
        try command.write("openssl.cnf", Self.configuration.utf8)
        for (name, key) in [("root", Self.p256), ("middle", Self.p256), ("leaf", wanted.key)] {
            try run(command, ["genpkey"] + key + ["-out", "\(name).key"])
        }
        try run(
            command,
            [
                "req", "-new", "-x509", "-sha256", "-key", "root.key", "-subj", "/C=SG/CN=root",
                "-days", "60", "-config", "openssl.cnf", "-extensions", wanted.root, "-out",
                "root.pem",
            ])
        var issuer = "root"
        if let section = wanted.intermediate {
            try issue(command, "middle", by: "root", section, "sha256", days: "60")
            issuer = "middle"
        }
        try issue(command, "leaf", by: issuer, wanted.leaf, wanted.digest, days: wanted.days)
        let intermediates =
            wanted.intermediate == nil ? [] : [try Certificate(pem: command.read("middle.pem"))]
        let leaf = try Certificate(pem: command.read("leaf.pem"))
        let anchors = try TrustAnchors(
            country: Country("SG"), anchors: [Certificate(pem: command.read("root.pem"))],
            revocationLists: [])
        return try anchors.verify(
            leaf, intermediates: intermediates, purpose: .signing, at: leaf.notBefore + 60)
    }

    private func issue(
        _ command: borrowing OpenSSLCommand, _ name: String, by issuer: String,
        _ section: String, _ digest: String, days: String
    ) throws {
        try run(
            command,
            [
                "req", "-new", "-sha256", "-key", "\(name).key", "-subj", "/CN=\(name)",
                "-config", "openssl.cnf", "-out", "\(name).csr",
            ])
        try run(
            command,
            [
                "x509", "-req", "-\(digest)", "-in", "\(name).csr", "-CA", "\(issuer).pem",
                "-CAkey", "\(issuer).key", "-days", days, "-extfile", "openssl.cnf",
                "-extensions", section, "-out", "\(name).pem",
            ])
    }

    private func run(_ command: borrowing OpenSSLCommand, _ arguments: [String]) throws {
        try #require(try command.run(arguments) == 0, "openssl \(arguments)")
    }

    // MARK: Tests

    @Test func theSameWithoutAMistakePasses() throws {
        let direct = try verify(Case(name: "good", reason: ""))
        #expect(direct.certificate.node == (try NodeID("SG/csa")))
        #expect(direct.purpose == .signing)
        let below = try verify(Case(name: "good", intermediate: "ca", reason: ""))
        #expect(below.country.code == "SG")
    }

    @Test(arguments: cases)
    func oneMistakeIsEnough(_ wanted: Case) throws {
        let error = #expect(throws: CryptoError.self) { try verify(wanted) }
        let words = error?.description ?? "no error"
        #expect(words.contains(wanted.reason), "\(words)")
    }
}
