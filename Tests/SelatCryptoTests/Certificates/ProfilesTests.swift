import Foundation
import SelatCore
import SelatCrypto
import Testing

/// What `certs/README.md` tells a member's authority to do gives certificates that Selat accepts.
@Suite(.enabled(if: OpenSSLCommand.exists, "there is no /usr/bin/openssl"))
struct ProfilesTests {
    private static let profiles = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "certs/profiles.cnf")

    @Test(arguments: [
        (CertificatePurpose.tlsServer, "tls"), (.signing, "signing"), (.agreement, "agreement"),
        (.officer, "officer"), (.authority, "authority"),
    ])
    func certificatesByTheProfilesAreAccepted(
        purpose: CertificatePurpose, section: String
    ) throws {
        let command = try OpenSSLCommand()
        let profiles = try String(contentsOf: Self.profiles, encoding: .utf8)
            .replacing("selat://ZZ/unset", with: "selat://SG/csa")
        try command.write("profiles.cnf", profiles.utf8)
        for (key, curve) in [("root.key", KeyKind.p384), ("node.key", .p256)] {
            try command.write(key, PrivateKey.generate(curve).pem())
        }
        #expect(
            try command.run(
                "req", "-new", "-x509", "-sha384", "-key", "root.key", "-days", "3650", "-subj",
                "/C=SG/CN=root", "-config", "profiles.cnf", "-extensions", "root", "-out",
                "root.pem") == 0)
        #expect(
            try command.run(
                "req", "-new", "-sha256", "-key", "node.key", "-subj", "/CN=node", "-config",
                "profiles.cnf", "-out", "node.csr") == 0)
        #expect(
            try command.run(
                "x509", "-req", "-sha384", "-in", "node.csr", "-CA", "root.pem", "-CAkey",
                "root.key", "-days", "365", "-extfile", "profiles.cnf", "-extensions", section,
                "-out", "node.pem") == 0)
        let node = try Certificate(pem: command.read("node.pem"))
        #expect(node.node == (try NodeID("SG/csa")))
        let anchors = try TrustAnchors(
            country: Country("SG"), anchors: [Certificate(pem: command.read("root.pem"))],
            revocationLists: [])
        let verified = try anchors.verify(node, purpose: purpose, at: node.notBefore + 60)
        #expect(verified.certificate == node)
    }
}
