import SelatCore
import SelatCrypto
import Testing

@Suite struct KeyTests {
    @Test(arguments: KeyKind.allCases)
    func signatureVerifiesOnlyOverItsMessage(kind: KeyKind) throws {
        let key = try PrivateKey.generate(kind)
        let message = Array("statement".utf8)
        let signature = try key.sign(message)
        #expect(key.publicKey.verify(signature: signature, message: message))
        #expect(!key.publicKey.verify(signature: signature, message: message + [0]))
        #expect(!key.publicKey.verify(signature: Array(signature.dropLast()), message: message))
        #expect(!key.publicKey.verify(signature: [], message: message))
        let other = try PrivateKey.generate(kind).publicKey
        #expect(!other.verify(signature: signature, message: message))
    }

    @Test(arguments: KeyKind.allCases)
    func oneKeyServesManyMessagesAtOnce(kind: KeyKind) async throws {
        let key = try PrivateKey.generate(kind)
        let good = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in UInt8(1)...16 {
                group.addTask {
                    let message = [UInt8](repeating: number, count: Int(number))
                    let signature = try key.sign(message)
                    return key.publicKey.verify(signature: signature, message: message)
                        && !key.publicKey.verify(signature: signature, message: message + [number])
                }
            }
            var good = 0
            for try await isGood in group where isGood { good += 1 }
            return good
        }
        #expect(good == 16)
    }

    @Test func ed25519SignaturesRepeat() throws {
        let key = try PrivateKey.generate(.ed25519)
        let signature = try key.sign([1, 2, 3])
        #expect(signature.count == 64)
        #expect(try key.sign([1, 2, 3]) == signature)
    }

    /// RFC 8032, 7.1, TEST 1: the empty message.
    @Test func ed25519VerifiesTheVectorOfItsStandard() throws {
        let raw = try #require(
            Hex.decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"))
        let signature = try #require(
            Hex.decode(
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb88215"
                    + "90a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"))
        let key = try PublicKey(ed25519Raw: raw)
        #expect(key.raw == raw)
        #expect(key.verify(signature: signature, message: []))
    }

    @Test(arguments: KeyKind.allCases)
    func keySurvivesPEM(kind: KeyKind) throws {
        let key = try PrivateKey.generate(kind)
        let again = try PrivateKey(pem: key.pem())
        #expect(again.publicKey == key.publicKey)
        #expect(again.kind == kind)
        #expect(try PublicKey(spki: key.publicKey.spki) == key.publicKey)
    }

    @Test func encryptedKeyOpensOnlyWithItsPassphrase() throws {
        let pem = Array(Self.encryptedKey.utf8)
        #expect(try PrivateKey(pem: pem, passphrase: Array("straits".utf8)).kind == .p256)
        #expect(throws: CryptoError.self) { try PrivateKey(pem: pem, passphrase: Array("x".utf8)) }
        #expect(throws: CryptoError.self) { try PrivateKey(pem: pem) }
    }

    @Test func publicKeyOffItsCurveIsRefused() throws {
        var spki = try PrivateKey.generate(.p256).publicKey.spki
        spki[spki.count - 1] ^= 1
        #expect(throws: CryptoError.self) { try PublicKey(spki: spki) }
        #expect(throws: CryptoError.self) { try PublicKey(spki: []) }
        #expect(throws: CryptoError.self) { try PublicKey(ed25519Raw: [1, 2, 3]) }
    }

    @Test func descriptionShowsNoKey() throws {
        let key = try PrivateKey.generate(.p256)
        #expect("\(key)" == "private key (P-256)")
    }

    /// A key made for this test with `openssl pkcs8 -topk8`; it protects nothing.
    private static let encryptedKey = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhXfYC9Cl2eIwICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEAq8rT11sckmWP+3yDKhnIQEgZCu
        kXzQ1aZZ8MzHEmTXJX+v6w8O4ZRSrkC2YPKXI/RpUQWCpWyX/00VxPfXM4F4JU8P
        IIAQ5xEUiFBPjZT/7LQDLvolXhupJQ2+e9V2+NTiNQxd7Wa6dHgAJl9WIS7jvBfG
        4TvATrTr7CAyFgMs/f9H5UNzIqRRKYVNSNdGh8ZOWX5LSuUGhoA0mx31Oy0iIyI=
        -----END ENCRYPTED PRIVATE KEY-----
        """
}
