import Foundation
import SelatCore
import SelatCrypto
import SelatTestSupport
import Testing

/// What a passphrase protects on disk.
@Suite struct PassphraseTests {
    private static let words = "correct horse battery strait"
    private let passphrase = Secret(copying: Array(Self.words.utf8))
    private let another = Secret(copying: Array("correct horse battery strait ".utf8))

    @Test(arguments: KeyKind.allCases)
    func aKeySurvivesEncryption(_ kind: KeyKind) throws {
        let key = try PrivateKey.generate(kind)
        let pem = try key.pem(passphrase: passphrase)
        let text = String(decoding: pem, as: UTF8.self)
        #expect(text.hasPrefix("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"))
        #expect(
            try PrivateKey(pem: pem, passphrase: Array(Self.words.utf8)).publicKey == key.publicKey)
        #expect(throws: CryptoError.self) { try PrivateKey(pem: pem) }
        #expect(try key.pem(passphrase: passphrase) != pem)
    }

    @Test(.enabled(if: OpenSSLCommand.exists, Comment(rawValue: OpenSSLCommand.absent)))
    func opensslReadsIt() throws {
        let openssl = try OpenSSLCommand()
        try openssl.write(
            "key", try PrivateKey.generate(.p256).pem(passphrase: passphrase))
        try openssl.write("pass", Self.words.utf8)
        #expect(try openssl.run("pkey", "-in", "key", "-passin", "file:pass", "-noout") == 0)
        #expect(try openssl.run("pkey", "-in", "key", "-passin", "pass:x", "-noout") != 0)
    }

    /// Whoever reads a log learns neither key nor passphrase from what went wrong.
    @Test func errorsHoldNoSecret() throws {
        let key = try PrivateKey.generate(.p256)
        let plain = String(decoding: try key.pem(), as: UTF8.self)
        let sealed = try key.pem(passphrase: passphrase)
        let lines = plain.split(separator: "\n").filter { !$0.hasPrefix("-----") }
        let bad = [
            sealed, Array(plain.utf8.dropLast(40)), Array(plain.replacing("M", with: "!").utf8),
            Array(plain.replacing(lines[0].prefix(8), with: "AAAAAAAA").utf8),
        ]
        for pem in bad {
            let error = #expect(throws: CryptoError.self) {
                try PrivateKey(pem: pem, passphrase: Array("wrong words".utf8))
            }
            let words = String(reflecting: try #require(error)) + "\(try #require(error))"
            #expect(!words.contains("wrong words"))
            for line in lines { #expect(!words.contains(line.prefix(16))) }
        }
    }

    @Test func aStorageKeyOpensWithItsPassphraseAlone() throws {
        let key = Random.secret(32)
        let sealed = try PassphraseSeal.seal(key, passphrase: passphrase)
        #expect(PassphraseSeal.isSealed(sealed))
        #expect(sealed.count == 97)
        #expect(
            try PassphraseSeal.open(sealed, passphrase: passphrase).revealed() == key.revealed())
        let error = #expect(throws: CryptoError.self) {
            try PassphraseSeal.open(sealed, passphrase: another)
        }
        #expect(error == .passphraseRefused("the storage key"))
        #expect(try PassphraseSeal.seal(key, passphrase: passphrase) != sealed)
    }

    @Test func nothingNearItOpens() throws {
        let sealed = try PassphraseSeal.seal(Random.secret(32), passphrase: passphrase)
        var neighbours = [[], Array(sealed.dropLast()), Array(sealed.dropFirst()), sealed + [0]]
        // One bit of each part: magic, cost, salt, nonce, key, tag.
        for index in [0, 19, 21, 36, 37, 48, 49, 80, 81, 96] {
            var changed = sealed
            changed[index] ^= 1
            neighbours.append(changed)
        }
        // A cost that would take a gigabyte is not tried.
        for cost in [0, 1, 13, 18, 20, 63, 255] as [UInt8] {
            var changed = sealed
            changed[20] = cost
            neighbours.append(changed)
        }
        for bytes in neighbours {
            #expect(throws: CryptoError.passphraseRefused("the storage key")) {
                try PassphraseSeal.open(bytes, passphrase: passphrase)
            }
        }
    }

    /// The example of Crypto.docc, *Keys at rest*, which Python's `hashlib` and `cryptography` made.
    @Test func aStorageKeyOfAnotherProgramOpens() throws {
        let sealed = try #require(
            Hex.decode(
                "73656c61742073746f72616765206b657920310a0e000102030405060708090a0b0c0d0e"
                    + "0fa0a1a2a3a4a5a6a7a8a9aaabe00e82213eea17bd2ab44645d8d74ddcef5c74dc396e61"
                    + "524931fc9118a21f250eb9dcf92db88ae2842e36546099c81c"))
        let opened = try PassphraseSeal.open(sealed, passphrase: passphrase)
        #expect(opened.revealed() == Array(0..<32))
    }
}

/// Each in a process of its own: what is locked and forbidden stays so.
@Suite struct SecretMemoryTests {
    @Test func secretsAreLockedAndNothingIsDumped() async {
        await #expect(processExitsWith: .success) {
            let before = try SecretMemoryTests.lockedKilobytes()
            #expect(SecretMemory.protect() == .complete)
            let locked = try SecretMemoryTests.lockedKilobytes() - before
            #expect((512...640).contains(locked))
            // Keys and secrets go there without asking for more.
            let secrets = (0..<1_000).map { _ in Random.secret(32) }
            let keys = try (0..<100).map { _ in try PrivateKey.generate(.p256) }
            #expect(try SecretMemoryTests.lockedKilobytes() - before == locked)
            #expect(secrets.count + keys.count == 1_100)
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
            #expect(limit.rlim_cur == 0 && limit.rlim_max == 0)
            // The kernel gives what must not be dumped to root.
            let owner = try FileManager.default.attributesOfItem(atPath: "/proc/self/environ")
            #expect(owner[.ownerAccountID] as? Int == 0)
        }
    }

    @Test func aFullHeapIsNoEnd() async {
        await #expect(processExitsWith: .success) {
            #expect(SecretMemory.protect() == .complete)
            let secrets = (0..<40_000).map { _ in Random.secret(32) }
            #expect(Set(secrets.map { $0.revealed() }).count == 40_000)
        }
    }

    @Test func aSystemThatLocksNothingIsSaid() async {
        await #expect(processExitsWith: .success) {
            // Root may lock whatever the limit says.
            guard geteuid() != 0 || setuid(65_534) == 0 else { return }
            var none = rlimit(rlim_cur: 0, rlim_max: 0)
            setrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &none)
            #expect(SecretMemory.protect() == .unlocked)
            #expect(Random.secret(32).count == 32)
        }
    }

    private static func lockedKilobytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.firstMatch(of: #/VmLck:\s+(\d+) kB/#))
        return try #require(Int(line.1))
    }
}
