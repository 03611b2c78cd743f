import SelatCore
import Testing

@testable import SelatCrypto

/// Whoever has the `openssl` command and the format pages can check and open what Selat makes.
@Suite(.enabled(if: OpenSSLCommand.exists, "there is no /usr/bin/openssl"))
struct InteroperabilityTests {
    let authority: Authority
    let content = Array(#"{"type":"header"}"#.utf8)

    init() throws { authority = try Authority("SG") }

    /// The command checks certificates at the wall clock's time, so it is given the message's.
    private let attime = String(Authority.now.seconds)

    @Test(arguments: [KeyKind.p256, .p384])
    func commandVerifiesSignedMessages(kind: KeyKind) throws {
        let signer = try authority.signer(.signing, kind)
        let command = try OpenSSLCommand()
        let der = try CMS.sign(content: content, type: .header, signer: signer, at: Authority.now)
        try command.write("header.cms", der)
        try command.write("signer.pem", signer.certificate.pem.utf8)
        try command.write("ca.pem", authority.issuer.certificate.pem.utf8)
        #expect(
            try command.run(
                "cms", "-verify", "-cades", "-inform", "DER", "-in", "header.cms", "-certfile",
                "signer.pem", "-CAfile", "ca.pem", "-purpose", "any", "-attime", attime,
                "-x509_strict", "-out", "header.json") == 0)
        #expect(try command.read("header.json") == content)
        try command.write("header.cms", der.map { $0 == UInt8(ascii: "h") ? 0x48 : $0 })
        #expect(
            try command.run(
                "cms", "-verify", "-inform", "DER", "-in", "header.cms", "-certfile",
                "signer.pem", "-CAfile", "ca.pem", "-purpose", "any", "-attime", attime,
                "-out", "header.json") != 0)
    }

    @Test(arguments: [KeyKind.p256, .p384])
    func commandVerifiesDetachedEditions(kind: KeyKind) throws {
        let signers = try ["first", "second"].map {
            try authority.signer(.officer, kind, name: "hub/\($0)")
        }
        let file = Array("jurisdiction: SG\nedition: 2\n".utf8)
        let command = try OpenSSLCommand()
        try command.write(
            "SG.yaml.p7s",
            try CMS.signDetached(
                content: file, type: .policyEdition, federation: SHA256.digest([1]),
                signers: signers, at: Authority.now))
        try command.write("signers.pem", signers.map(\.certificate.pem).joined().utf8)
        try command.write("ca.pem", authority.issuer.certificate.pem.utf8)
        func verified(_ bytes: [UInt8]) throws -> Bool {
            try command.write("SG.yaml", bytes)
            return try command.run(
                "cms", "-verify", "-binary", "-cades", "-inform", "DER", "-in", "SG.yaml.p7s",
                "-content",
                "SG.yaml", "-certfile", "signers.pem", "-CAfile", "ca.pem", "-purpose", "any",
                "-attime", attime, "-out", "out") == 0
        }
        #expect(try verified(file))
        #expect(try !verified(file + [0x0A]))
        #expect(try !verified([]))
    }

    @Test func commandAcceptsTheRevocationList() throws {
        let signer = try authority.signer()
        let command = try OpenSSLCommand()
        let crl = try authority.revocationList(revoking: [signer.certificate: Authority.now + -9])
        try command.write("ca.pem", authority.issuer.certificate.pem.utf8)
        try command.write("crl.pem", crl.pem.utf8)
        try command.write("leaf.pem", signer.certificate.pem.utf8)
        #expect(try command.run("crl", "-in", "crl.pem", "-CAfile", "ca.pem", "-noout") == 0)
        #expect(
            try command.run(
                "verify", "-attime", attime, "-x509_strict", "-CAfile", "ca.pem", "leaf.pem") == 0)
        #expect(
            try command.run(
                "verify", "-attime", attime, "-crl_check", "-CRLfile", "crl.pem", "-CAfile",
                "ca.pem", "leaf.pem") != 0)
    }

    @Test func messagesThatTheCommandSignsAreAccepted() throws {
        let signer = try authority.signer()
        let command = try OpenSSLCommand()
        try command.write("content", content)
        try command.write("signer.pem", signer.certificate.pem.utf8)
        try command.write("key.pem", signer.key.pem())
        #expect(
            try command.run(
                "cms", "-sign", "-cades", "-nosmimecap", "-nocerts", "-binary", "-nodetach",
                "-md", "sha256", "-econtent_type", CMSContentType.header.oidText, "-signer",
                "signer.pem", "-inkey", "key.pem", "-in", "content", "-outform", "DER", "-out",
                "header.cms") == 0)
        let signed = try CMS.verify(
            command.read("header.cms"), type: .header,
            signer: authority.anchors().lookup(signer.certificate))
        #expect(signed.content == content)
    }

    @Test(arguments: [["-nocerts"], ["-cades", "-nocerts"], ["-cades", "-nosmimecap"]])
    func messagesOutsideTheProfileAreRefused(options: [String]) throws {
        let signer = try authority.signer()
        let command = try OpenSSLCommand()
        try command.write("content", content)
        try command.write("signer.pem", signer.certificate.pem.utf8)
        try command.write("key.pem", signer.key.pem())
        let arguments =
            ["cms", "-sign", "-binary", "-nodetach", "-econtent_type"]
            + [CMSContentType.header.oidText, "-signer", "signer.pem", "-inkey", "key.pem"]
            + ["-in", "content", "-outform", "DER", "-out", "header.cms"] + options
        #expect(try command.run(arguments) == 0)
        let der = try command.read("header.cms")
        #expect(throws: CryptoError.self) {
            try CMS.verify(
                der, type: .header, signer: authority.anchors().lookup(signer.certificate))
        }
    }

    @Test(arguments: [KeyKind.p256, .p384])
    func commandOpensSealedSecrets(kind: KeyKind) throws {
        let recipient = try authority.signer(.agreement, kind)
        let command = try OpenSSLCommand()
        let secret = Random.secret(32)
        try command.write("keys.cms", CMS.encrypt(secret: secret, to: recipient.certificate))
        try command.write("recipient.pem", recipient.certificate.pem.utf8)
        try command.write("key.pem", recipient.key.pem())
        #expect(
            try command.run(
                "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "keys.cms", "-recip",
                "recipient.pem", "-inkey", "key.pem", "-out", "z") == 0)
        #expect(try command.read("z") == secret.revealed())
    }

    @Test(arguments: [("sha256", true), ("sha1", false), ("sha512", false)])
    func secretsThatTheCommandSealsNeedTheRightDerivation(
        digest: String, isAccepted: Bool
    ) throws {
        let recipient = try authority.signer(.agreement)
        let command = try OpenSSLCommand()
        let secret = Random.bytes(32)
        try command.write("z", secret)
        try command.write("recipient.pem", recipient.certificate.pem.utf8)
        #expect(
            try command.run(
                "cms", "-encrypt", "-binary", "-aes-256-gcm", "-in", "z", "-recip",
                "recipient.pem", "-keyopt", "ecdh_kdf_md:\(digest)", "-outform", "DER", "-out",
                "keys.cms") == 0)
        let opened = try? CMS.decrypt(
            command.read("keys.cms"), certificate: recipient.certificate, key: recipient.key)
        #expect(opened?.revealed() == (isAccepted ? secret : nil))
    }
}
