import Foundation
import SelatCore
import SelatTestSupport
import Testing

@testable import SelatCrypto

@Suite struct MLKEMTests {
    static let cases = WycheproofCase.read("mlkem_768_test")

    @Test(.enabled(if: Material.exists, Comment(rawValue: Material.absent)), arguments: cases)
    func decapsulatesAsTheVectorsSay(vector: WycheproofCase) throws {
        let seed = Secret(copying: vector.bytes("seed"))
        let ciphertext = vector.bytes("c")
        guard vector.isValid else {
            #expect(throws: CryptoError.self) {
                try MLKEMPrivateKey(seed: seed, kind: .mlkem768).decapsulate(ciphertext)
            }
            return
        }
        let key = try MLKEMPrivateKey(seed: seed, kind: .mlkem768)
        #expect(key.publicKey.raw == vector.bytes("ek"))
        // Also for a flipped or random ciphertext: implicit rejection has one right answer.
        #expect(try key.decapsulate(ciphertext).revealed() == vector.bytes("K"))
    }

    @Test(arguments: Made.all)
    func agreesWithOpenSSL(vector: Made) throws {
        let key = try MLKEMPrivateKey(
            seed: Secret(copying: vector.bytes("seed")), kind: vector.kind)
        #expect(key.publicKey.raw == vector.base64("public"))
        let ciphertext = vector.base64("ciphertext")
        #expect(try key.decapsulate(ciphertext).revealed() == vector.bytes("shared"))
        var flipped = ciphertext
        flipped[0] ^= 1
        #expect(try key.decapsulate(flipped).revealed() == vector.bytes("rejected"))
    }

    @Test(arguments: Made.all)
    func theKeyFileIsTheOneThatOpenSSLWrites(vector: Made) throws {
        let pem = vector.base64("pem")
        let key = try MLKEMPrivateKey(pem: pem)
        #expect(key.kind == vector.kind)
        #expect(key.publicKey.raw == vector.base64("public"))
        #expect(key.pem() == pem)
        let passphrase = Array(try #require(vector.fields["passphrase"]).utf8)
        let encrypted = vector.base64("encrypted")
        #expect(
            try MLKEMPrivateKey(pem: encrypted, passphrase: passphrase).publicKey == key.publicKey)
        #expect(throws: CryptoError.self) { try MLKEMPrivateKey(pem: encrypted) }
        #expect(throws: CryptoError.self) {
            try MLKEMPrivateKey(pem: encrypted, passphrase: Array("strait".utf8))
        }
        #expect(throws: CryptoError.self) { try MLKEMPrivateKey(pem: encrypted, passphrase: []) }
    }

    @Test(arguments: MLKEMKind.allCases)
    func aKeySurvivesItsPassphrase(kind: MLKEMKind) throws {
        let key = try MLKEMPrivateKey.generate(kind)
        let words = Array("straits".utf8)
        let pem = try key.pem(passphrase: Secret(copying: words))
        #expect(String(decoding: pem, as: UTF8.self).hasPrefix("-----BEGIN ENCRYPTED PRIVATE KEY"))
        #expect(try MLKEMPrivateKey(pem: pem, passphrase: words).publicKey == key.publicKey)
        #expect(throws: CryptoError.self) {
            try MLKEMPrivateKey(pem: pem, passphrase: Array("strait".utf8))
        }
    }

    @Test(arguments: Made.all)
    func nothingBesideTheSeedFormIsAKey(vector: Made) throws {
        let der = try #require(PEM.blocks("PRIVATE KEY", in: vector.base64("pem")).first)
        func read(_ der: [UInt8]) throws -> MLKEMPrivateKey {
            try MLKEMPrivateKey(pem: Array(PEM.text("PRIVATE KEY", der).utf8))
        }
        #expect(try read(der).publicKey.raw == vector.base64("public"))
        #expect(throws: CryptoError.self) { try read(Array(der.dropLast())) }
        #expect(throws: CryptoError.self) { try read(der + [0]) }
        #expect(throws: CryptoError.self) { try read([]) }
        // Every byte of the prefix counts; ML-KEM-512 differs in the last of its identifier.
        for index in 0..<der.count - MLKEMKind.seedBytes {
            var other = der
            other[index] ^= 0x08
            #expect(throws: CryptoError.self, "byte \(index)") { try read(other) }
        }
        #expect(throws: CryptoError.self) {
            try MLKEMPrivateKey(pem: vector.base64("pem") + vector.base64("pem"))
        }
        #expect(throws: CryptoError.self) {
            try MLKEMPrivateKey(pem: try PrivateKey.generate(.p256).pem())
        }
        #expect(throws: CryptoError.self) { try PrivateKey(pem: vector.base64("pem")) }
    }

    /// What stands around the one block, and how its lines end, changes nothing.
    @Test(arguments: Made.all)
    func aKeyFileIsReadHoweverItsLinesLie(vector: Made) throws {
        let text = String(decoding: vector.base64("pem"), as: UTF8.self)
        let lines = text.split(separator: "\n").map(String.init)
        let (begin, end) = (lines[0], lines[lines.count - 1])
        let base64 = lines.dropFirst().dropLast().joined()
        let letters = base64.map { String($0) }.joined(separator: "\n")
        let other = PEM.text("CERTIFICATE", [1, 2, 3])
        let files: [String] = [
            lines.joined(separator: "\r\n"), lines.joined(separator: "\r") + "\r",
            lines.joined(separator: "\n"), "\n\n\(text)\n", "a word\n\(text)another",
            "\(other)\(text)\(other)", "\(begin)\n\(base64)\n\(end)",
            "\(begin)\n\(letters)\n\(end)",
        ]
        for file in files {
            let key = try MLKEMPrivateKey(pem: Array(file.utf8))
            #expect(key.publicKey.raw == vector.base64("public"), "\(file)")
        }
    }

    @Test(arguments: Made.all)
    func aKeyFileThatIsNotWholeIsRefusedAsThat(vector: Made) throws {
        let text = String(decoding: vector.base64("pem"), as: UTF8.self)
        let lines = text.split(separator: "\n").map(String.init)
        func reading(_ text: String) -> CryptoError? {
            do throws(CryptoError) {
                _ = try MLKEMPrivateKey(pem: Array(text.utf8))
                return nil
            } catch { return error }
        }
        func changed(_ line: String) -> String { text.replacing(lines[1], with: line) }
        let cuts: [String] = [
            lines.dropLast().joined(separator: "\n"), String(text.dropLast(2)),
            lines.dropFirst().joined(separator: "\n"),
            text.replacing("END PRIVATE", with: "END EC PRIVATE"),
            text.replacing("END PRIVATE", with: "END ENCRYPTED PRIVATE"),
            changed(String(lines[1].dropLast())), changed("\(lines[1])A"),
            changed("\(lines[1])===="), changed("\(lines[1].dropLast(2))é"),
            changed("\(lines[0])\n\(lines[1])"), "\(text)\(lines[0])\n",
        ]
        for cut in cuts {
            #expect(reading(cut) == .unreadablePEM("PRIVATE KEY"), "\(cut)")
        }
        let encrypted = String(decoding: vector.base64("encrypted"), as: UTF8.self)
        let others: [(String, Int)] = [
            ("", 0), (text.replacing("PRIVATE", with: "EC PRIVATE"), 0),
            (text.replacing("-----", with: "----"), 0), (text + text, 2), (text + encrypted, 2),
            (encrypted + text, 2), (encrypted + encrypted, 2),
        ]
        for (file, count) in others {
            #expect(
                reading(file) == .unreadableKey("expected one private key, found \(count)"),
                "\(file)")
        }
        let long = text + String(repeating: "\n", count: 16_385 - text.utf8.count)
        #expect(reading(String(long.dropLast())) == nil)
        #expect(reading(long) == .unreadableKey("more than 16384 bytes of PEM"))
    }

    @Test(arguments: MLKEMKind.allCases)
    func bothEndsHoldOneSecret(kind: MLKEMKind) throws {
        let key = try MLKEMPrivateKey.generate(kind)
        #expect(key.publicKey.raw.count == kind.publicKeyBytes)
        let (shared, ciphertext) = try MLKEMPublicKey(raw: key.publicKey.raw).encapsulate()
        #expect(shared.count == MLKEMKind.sharedBytes)
        #expect(ciphertext.count == kind.ciphertextBytes)
        #expect(try key.decapsulate(ciphertext).revealed() == shared.revealed())
        let again = try key.publicKey.encapsulate()
        #expect(again.shared.revealed() != shared.revealed())
        #expect("\(key)" == "private key (\(kind.rawValue))")
        let other = try MLKEMPrivateKey.generate(kind)
        #expect(try other.decapsulate(ciphertext).revealed() != shared.revealed())
    }

    @Test(arguments: MLKEMKind.allCases)
    func aKeyOfAnotherLengthOrOutOfRangeIsRefused(kind: MLKEMKind) throws {
        let key = try MLKEMPrivateKey.generate(kind)
        let raw = key.publicKey.raw
        #expect(throws: CryptoError.self) { try MLKEMPublicKey(raw: []) }
        #expect(throws: CryptoError.self) { try MLKEMPublicKey(raw: Array(raw.dropLast())) }
        #expect(throws: CryptoError.self) { try MLKEMPublicKey(raw: raw + [0]) }
        // The first coefficient becomes 4095, and the modulus is 3329.
        var large = raw
        (large[0], large[1]) = (0xFF, large[1] | 0x0F)
        #expect(throws: CryptoError.self) { try MLKEMPublicKey(raw: large) }
        let (_, ciphertext) = try key.publicKey.encapsulate()
        #expect(throws: CryptoError.self) { try key.decapsulate(Array(ciphertext.dropLast())) }
        #expect(throws: CryptoError.self) { try key.decapsulate(ciphertext + [0]) }
        #expect(throws: CryptoError.self) { try key.decapsulate([]) }
    }

    /// One file of `Tests/Vectors/mlkem`.
    struct Made: CustomTestStringConvertible, Sendable {
        let fields: [String: String]
        let kind: MLKEMKind

        var testDescription: String { kind.rawValue }

        func bytes(_ key: String) -> [UInt8] { fields[key].flatMap(Hex.decode) ?? [] }
        func base64(_ key: String) -> [UInt8] { fields[key].flatMap { Base64.decode($0) } ?? [] }

        static let all: [Made] = ["768", "1024"].compactMap { name in
            let file = URL(filePath: #filePath).deletingLastPathComponent()
                .deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "Vectors/mlkem/\(name).txt")
            guard let text = try? String(contentsOf: file, encoding: .utf8) else { return nil }
            var fields: [String: String] = [:]
            for line in text.split(separator: "\n") {
                let parts = line.split(separator: ": ", maxSplits: 1).map(String.init)
                fields[parts[0]] = parts.last
            }
            return fields["kind"].flatMap { MLKEMKind(rawValue: $0) }
                .map { Made(fields: fields, kind: $0) }
        }
    }

    @Test func thereIsAVectorOfEachKind() {
        #expect(Made.all.map(\.kind) == [.mlkem768, .mlkem1024])
    }
}
