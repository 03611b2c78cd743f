import SelatCore
import SelatCrypto
import Testing

/// Keys that lie in a token: a real module, a real engine, and every way in which the token can be
/// away.
@Suite(.serialized, .enabled(if: SoftToken.isInstalled, Comment(rawValue: SoftToken.absent)))
struct TokenTests {
    private let name: TokenKeyName

    init() throws { name = try TokenKeyName("pkcs11:token=selat;object=signing") }

    private func certificate(
        _ purpose: CertificatePurpose, _ key: PrivateKey, _ authority: Authority
    ) throws -> Certificate {
        try authority.issuer.issue(
            for: purpose, uri: "selat://\(authority.country)/hub", to: key.publicKey,
            from: Authority.from, until: Authority.until)
    }

    @Test(arguments: [("EC:prime256v1", KeyKind.p256), ("EC:secp384r1", .p384)])
    func signsAndAgreesInside(curve: String, kind: KeyKind) throws {
        let software = try SoftToken()
        try software.make("signing", curve: curve)
        let key = try software.open().key(name)
        #expect(key.kind == kind && key.isInToken)
        #expect("\(key)" == "private key (\(kind.rawValue), in a token)")

        let authority = try Authority("SG", kind)
        let signer = try CMS.Signer(
            certificate: try certificate(.signing, key, authority), key: key)
        let message = try CMS.sign(
            content: [1, 2, 3], type: .receipt, signer: signer, at: Authority.now)
        let verified = try CMS.verify(
            message, type: .receipt, signer: try authority.anchors().lookup(signer.certificate))
        #expect(verified.content == [1, 2, 3])

        let agreement = try certificate(.agreement, key, authority)
        let secret = Random.secret(32)
        let sealed = try CMS.encrypt(secret: secret, to: agreement)
        let opened = try CMS.decrypt(sealed, certificate: agreement, key: key)
        #expect(opened.revealed() == secret.revealed())
    }

    @Test func provesTheNodeInTLS() throws {
        let software = try SoftToken()
        try software.make("signing")
        let pair = try TLSPair(accepting: try software.open().key(name))
        let (dialling, accepting) = try pair.engines()
        try TLSPair.shakeHands(dialling, accepting)
        #expect(accepting.peer?.text == "MY/nacsa")
    }

    @Test func neverLeavesTheToken() throws {
        let software = try SoftToken()
        try software.make("signing")
        let key = try software.open().key(name)
        #expect(throws: CryptoError.unreadableKey("it lies in a token, and stays there")) {
            try key.pem()
        }
    }

    @Test func aTokenThatGoesAwayAndComesBackGoesOn() throws {
        let software = try SoftToken()
        try software.make("signing")
        let key = try software.open().key(name)
        let certificate = try certificate(.agreement, key, try Authority("SG"))
        let sealed = try CMS.encrypt(secret: Random.secret(32), to: certificate)
        let signature = try key.sign([1])
        #expect(key.publicKey.verify(signature: signature, message: [1]))

        try software.goAway()
        for _ in 0..<3 {
            // Not the message's fault: nobody may be told that it was changed.
            for failed in [
                #expect(throws: CryptoError.self) { try key.sign([1]) },
                #expect(throws: CryptoError.self) {
                    try CMS.decrypt(sealed, certificate: certificate, key: key)
                },
            ] {
                guard case .tokenUnavailable(let reason) = failed else {
                    Issue.record("unexpected \(String(describing: failed))")
                    continue
                }
                #expect(!reason.isEmpty && !reason.contains(SoftToken.pin))
            }
        }

        try software.comeBack()
        let again = try key.sign([1])
        #expect(key.publicKey.verify(signature: again, message: [1]))
        #expect(try CMS.decrypt(sealed, certificate: certificate, key: key).count == 32)
    }

    @Test func aTokenThatIsAwayAtFirstIsFoundLater() throws {
        let software = try SoftToken()
        try software.make("signing")
        let token = try software.open()
        try software.goAway()
        #expect(throws: CryptoError.self) { try token.key(name) }
        try software.comeBack()
        #expect(try token.key(name).kind == .p256)
    }

    @Test func aWrongPINIsTriedOnce() throws {
        let software = try SoftToken()
        try software.make("signing")
        let token = try software.open(pin: "wrong-pin")
        for _ in 0..<3 {
            let error = #expect(throws: CryptoError.self) { try token.key(name) }
            guard case .tokenPINRefused = error else {
                Issue.record("unexpected \(String(describing: error))")
                return
            }
            #expect("\(try #require(error))".contains("refuses the PIN"))
            #expect(!"\(try #require(error))".contains("wrong-pin"))
        }
        #expect(try software.logins() == 1)
    }

    @Test func severalKeysLogInOnce() throws {
        let software = try SoftToken()
        let labels = ["signing", "agreement", "tls"]
        for label in labels { try software.make(label) }
        let token = try software.open()
        for label in labels {
            let key = try token.key(TokenKeyName("pkcs11:token=selat;object=\(label)"))
            #expect(key.publicKey.verify(signature: try key.sign([7]), message: [7]))
        }
        #expect(try software.logins() == 1)
    }

    @Test func anotherTokenUnderTheSameNamesIsNotUsed() throws {
        let software = try SoftToken()
        try software.make("signing")
        let key = try software.open().key(name)
        try software.isReplaced(with: "signing")
        let error = #expect(throws: CryptoError.self) { try key.sign([1]) }
        #expect(error == .tokenUnavailable("no such key, or not the one of before"))
    }

    @Test func aKeyThatIsNotThereIsAnError() throws {
        let software = try SoftToken()
        try software.make("signing")
        let token = try software.open()
        #expect(throws: CryptoError.self) {
            try token.key(TokenKeyName("pkcs11:token=selat;object=other"))
        }
        #expect(try token.key(name).kind == .p256)
    }

    @Test func manyThreadsShareIt() async throws {
        let software = try SoftToken()
        try software.make("signing")
        let key = try software.open().key(name)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<8 {
                group.addTask {
                    try (0..<25).allSatisfy { step in
                        let message = [UInt8(index), UInt8(step)]
                        return key.publicKey.verify(
                            signature: try key.sign(message), message: message)
                    }
                }
            }
            for try await isGood in group { #expect(isGood) }
        }
    }
}

@Suite struct TokenKeyNameTests {
    @Test(arguments: [
        ("pkcs11:token=selat;object=signing", "pkcs11:token=selat;object=signing;type=private"),
        ("pkcs11:id=%01", "pkcs11:id=%01;type=private"),
        ("pkcs11:serial=1a;object=x;type=private", "pkcs11:serial=1a;object=x;type=private"),
    ])
    func namesAKey(text: String, name: String) throws {
        #expect(try TokenKeyName(text).text == name)
    }

    @Test(arguments: [
        "", "pkcs11:", "pkcs11:token=selat", "/etc/selat/signing.key", "PKCS11:object=x",
        "pkcs11:object=x?pin-value=1234", "pkcs11:object=x;pin-value=1234",
        "pkcs11:object=x?pin-source=/etc/pin", "pkcs11:object=x;object=y", "pkcs11:object=x;",
        "pkcs11:objekt=x", "pkcs11:object", "pkcs11:object=a b", "pkcs11:object=x\n",
        "pkcs11:object=" + String(repeating: "x", count: 512),
    ])
    func nothingElseDoes(_ text: String) {
        let error = #expect(throws: CryptoError.self) { try TokenKeyName(text) }
        #expect(error.map { !"\($0)".contains("1234") } == true)
    }
}
