import Foundation
import SelatCore
import SelatCrypto
import Testing

/// What `certs/README.md` tells a member's authority to do, done as it stands there, gives
/// certificates that Selat accepts for exactly their purpose.
@Suite(.enabled(if: OpenSSLCommand.exists, "there is no /usr/bin/openssl"))
struct ProfilesTests {
    private static let certs = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "certs")
    private static let hasToken = [
        "/usr/lib/softhsm/libsofthsm2.so", "/usr/bin/softhsm2-util", "/usr/bin/pkcs11-tool",
        "/usr/lib/x86_64-linux-gnu/engines-3/pkcs11.so",
    ].allSatisfy { FileManager.default.fileExists(atPath: $0) }

    /// The code blocks of the page in this language, one script.
    private static func commands(_ language: String) throws -> String {
        let page = try String(contentsOf: certs.appending(path: "README.md"), encoding: .utf8)
        return page.components(separatedBy: "```").enumerated()
            .filter { $0.offset % 2 == 1 && $0.element.hasPrefix(language + "\n") }
            .map { $0.element.dropFirst(language.count + 1) }.joined()
    }

    /// A folder with what the page takes for granted: the profiles, and a node's requests.
    private static func prepared(_ kind: KeyKind) throws -> OpenSSLCommand {
        let command = try OpenSSLCommand()
        let profiles = try Data(contentsOf: certs.appending(path: "profiles.cnf"))
        try command.write("profiles.cnf", profiles)
        try command.write("root.pass", "correct horse\n".utf8)
        for purpose in ["tls", "signing", "agreement"] {
            let request = try CertificateRequest(
                name: "TH hub \(purpose)", uri: "selat://MY/impostor",
                key: PrivateKey.generate(kind))
            try command.write("requests/\(purpose).csr", request.pem.utf8)
        }
        return command
    }

    private static func accepted(
        _ file: String, _ purposes: Set<CertificatePurpose>, _ anchors: TrustAnchors,
        _ command: borrowing OpenSSLCommand
    ) throws -> Certificate {
        let certificate = try Certificate(pem: command.read(file))
        for purpose in CertificatePurpose.allCases {
            let verified = try? anchors.verify(
                certificate, purpose: purpose, at: certificate.notBefore + 60)
            #expect((verified != nil) == purposes.contains(purpose), "\(file) as \(purpose)")
        }
        return certificate
    }

    @Test(arguments: [KeyKind.p256, .p384])
    func everyCommandOfThePageDoesWhatItSays(_ kind: KeyKind) throws {
        let command = try Self.prepared(kind)
        #expect(try command.script(Self.commands("sh"), words: "words") == 0)
        let words = String(decoding: try command.read("words"), as: UTF8.self)
        let anchors = try TrustAnchors(
            country: Country("TH"), anchors: [Certificate(pem: command.read("root.pem"))],
            revocationLists: [])
        let node = try NodeID("TH/hub")
        let purposes: [(String, Set<CertificatePurpose>)] = [
            ("tls", [.tlsServer, .tlsClient]), ("signing", [.signing]),
            ("agreement", [.agreement]),
        ]
        for (name, allowed) in purposes {
            let issued = try Self.accepted("\(name).pem", allowed, anchors, command)
            let request = try CertificateRequest(pem: command.read("requests/\(name).csr"))
            // The authority named, and not the request.
            #expect(issued.node == node && issued.publicKey == request.publicKey)
            #expect(words.contains(request.publicKey.fingerprint.text))
        }
        for name in ["authority-1", "authority-2"] {
            _ = try Self.accepted("\(name).pem", [.authority], anchors, command)
        }
        for name in ["somchai", "malee"] {
            let issued = try Self.accepted("\(name).pem", [.officer], anchors, command)
            #expect(issued.officer == (try OfficerID("TH/hub/\(name)")))
        }
        try checkRevocation(command)
    }

    private func checkRevocation(_ command: borrowing OpenSSLCommand) throws {
        let lists = try CRL.all(pem: command.read("TH.crl"))
        let anchors = try TrustAnchors(
            country: Country("TH"), anchors: [Certificate(pem: command.read("root.pem"))],
            revocationLists: lists)
        let time = try #require(lists.first).thisUpdate + 60
        #expect(lists[0].nextUpdate - lists[0].thisUpdate == 7 * 86_400)
        let error = #expect(throws: CryptoError.self) {
            try anchors.verify(
                Certificate(pem: command.read("signing.pem")), purpose: .signing, at: time)
        }
        #expect(error?.description.contains("revoked") == true)
        _ = try anchors.verify(
            Certificate(pem: command.read("agreement.pem")), purpose: .agreement, at: time)
    }

    @Test(.enabled(if: hasToken, "there is no softhsm2 with opensc and the pkcs11 engine"))
    func rootInATokenIssuesAndRevokes() throws {
        let command = try Self.prepared(.p256)
        try command.write("pin", "246810".utf8)
        try command.write("tokens/none", [])
        let places = """
            export SOFTHSM2_CONF=$PWD/softhsm2.conf
            printf 'directories.tokendir = %s/tokens\\n' "$PWD" > softhsm2.conf

            """
        #expect(try command.script(places + Self.commands("token"), words: "words") == 0)
        let anchors = try TrustAnchors(
            country: Country("TH"), anchors: [Certificate(pem: command.read("root.pem"))],
            revocationLists: CRL.all(pem: command.read("TH.crl")))
        let issued = try Certificate(pem: command.read("signing.pem"))
        _ = try anchors.verify(issued, purpose: .signing, at: issued.notBefore + 60)
        #expect(issued.node == (try NodeID("TH/hub")))
    }
}
