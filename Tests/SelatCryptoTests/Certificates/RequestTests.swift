import Foundation
import SelatCore
import SelatCrypto
import SelatTestSupport
import Testing

@Suite struct RequestTests {
    static func request(_ kind: KeyKind, _ hosts: [String] = []) throws -> CertificateRequest {
        try CertificateRequest(
            name: "TH hub tls", uri: "selat://TH/hub", hosts: hosts,
            key: PrivateKey.generate(kind))
    }

    @Test(arguments: [KeyKind.p256, .p384])
    func requestReadsBackAsItWasMade(_ kind: KeyKind) throws {
        let request = try Self.request(kind)
        #expect(request.publicKey.kind == kind)
        #expect(try CertificateRequest(der: request.der) == request)
        #expect(try CertificateRequest(pem: Array(request.pem.utf8)) == request)
    }

    @Test func keyThatNeedsNoCertificateIsRefused() {
        #expect(throws: CryptoError.self) { try Self.request(.ed25519) }
    }

    @Test func requestWithAnothersKeyIsRefused() throws {
        let (own, other) = (try Self.request(.p256), try Self.request(.p256))
        // Both keys have one length, so that one takes the other's place byte for byte.
        let place = try #require(own.der.firstRange(of: own.publicKey.spki))
        var forged = own.der
        forged.replaceSubrange(place, with: other.publicKey.spki)
        let error = #expect(throws: CryptoError.self) { try CertificateRequest(der: forged) }
        #expect(error?.description.contains("does not hold the key") == true)
    }

    @Test func mutatedRequestsAreRefused() throws {
        let request = try Self.request(.p256)
        for bytes in Mutations.of(request.der, count: 2_000, seed: 3) where bytes != request.der {
            #expect(throws: CryptoError.self) { try CertificateRequest(der: bytes) }
        }
        #expect(throws: CryptoError.self) { try CertificateRequest(der: request.der + [0]) }
        let twice = Array((request.pem + request.pem).utf8)
        #expect(throws: CryptoError.self) { try CertificateRequest(pem: twice) }
        #expect(throws: CryptoError.self) {
            try CertificateRequest(der: [UInt8](repeating: 0x30, count: 20_000))
        }
    }

    @Test(
        .enabled(if: OpenSSLCommand.exists, "there is no /usr/bin/openssl"),
        arguments: [KeyKind.p256, .p384])
    func opensslVerifiesTheRequest(_ kind: KeyKind) throws {
        let command = try OpenSSLCommand()
        let request = try Self.request(kind, ["selat.th.example"])
        try command.write("tls.csr", request.pem.utf8)
        #expect(try command.run("req", "-verify", "-noout", "-in", "tls.csr") == 0)
        #expect(
            try command.run("req", "-in", "tls.csr", "-noout", "-text", "-out", "text") == 0)
        let text = String(decoding: try command.read("text"), as: UTF8.self)
        #expect(text.contains("URI:selat://TH/hub, DNS:selat.th.example"))
        #expect(text.contains("CN = TH hub tls"))
    }

    @Test(.enabled(if: OpenSSLCommand.exists, "there is no /usr/bin/openssl"))
    func opensslsOwnRequestIsRead() throws {
        let command = try OpenSSLCommand()
        let key = try PrivateKey.generate(.p384)
        try command.write("key", key.pem())
        #expect(
            try command.run(
                "req", "-new", "-sha384", "-key", "key", "-subj", "/CN=TH", "-out", "a.csr") == 0)
        #expect(try CertificateRequest(pem: command.read("a.csr")).publicKey == key.publicKey)
        #expect(
            try command.run(
                "req", "-new", "-sha256", "-key", "key", "-subj", "/CN=TH", "-out", "b.csr") == 0)
        #expect(throws: CryptoError.self) { try CertificateRequest(pem: command.read("b.csr")) }
    }
}

@Suite struct FingerprintTests {
    private static let vectors = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Vectors/keys/fingerprint.txt")

    @Test(arguments: KeyKind.allCases)
    func fingerprintIsThatOfTheVector(_ kind: KeyKind) throws {
        let lines = try String(contentsOf: Self.vectors, encoding: .utf8).split(separator: "\n")
        let line = try #require(lines.first { $0.hasPrefix("\(kind.rawValue): ") })
        let parts = line.split(separator: " ", maxSplits: 2)
        let key = try PublicKey(spki: #require(Base64.decode(parts[1])))
        #expect(key.fingerprint.text == parts[2])
    }
}
