import SelatCore
import SelatTestSupport
import Testing

@testable import SelatCrypto

struct PrimitivesTests {
    static let gcm = WycheproofCase.read("aes_gcm_test").filter {
        $0.integer("keySize") == 256 && $0.integer("ivSize") == 96 && $0.integer("tagSize") == 128
    }
    static let hkdf = WycheproofCase.read("hkdf_sha512_test")

    @Test(.enabled(if: Material.exists, Comment(rawValue: Material.absent)), arguments: gcm)
    func aesGCMDoesAsTheVectorsSay(vector: WycheproofCase) throws {
        let key = Secret(copying: vector.bytes("key"))
        let nonce = vector.bytes("iv")
        let context = vector.bytes("aad")
        let sealed = vector.bytes("ct") + vector.bytes("tag")
        guard vector.isValid else {
            #expect(throws: CryptoError.notAuthentic("a sealed message")) {
                try AES256GCM.open(sealed, key: key, nonce: nonce, authenticating: context)
            }
            return
        }
        let message = vector.bytes("msg")
        #expect(
            try AES256GCM.seal(message, key: key, nonce: nonce, authenticating: context) == sealed)
        #expect(
            try AES256GCM.open(sealed, key: key, nonce: nonce, authenticating: context) == message)
    }

    @Test(.enabled(if: Material.exists, Comment(rawValue: Material.absent)), arguments: hkdf)
    func hkdfDerivesWhatTheVectorsSay(vector: WycheproofCase) {
        let size = vector.integer("size")
        guard vector.isValid else {
            // The only invalid vectors ask for more than HKDF gives, which is a caller's error.
            #expect(size > 255 * 64)
            return
        }
        let key = HKDFSHA512.derive(
            Secret(copying: vector.bytes("ikm")), salt: vector.bytes("salt"),
            context: vector.bytes("info"), count: size)
        #expect(key.revealed() == vector.bytes("okm"))
    }

    @Test func sha256IsThatOfTheStandard() {
        #expect(
            SHA256.digest(Array("abc".utf8)).hex
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        var hasher = SHA256()
        hasher.update("a".utf8)
        hasher.update(Array("bc".utf8)[...])
        #expect(hasher.finish() == SHA256.digest("abc".utf8))
        #expect(hasher.finish() == SHA256.digest([UInt8]()))
    }

    /// RFC 4231, test case 2.
    @Test func hmacIsThatOfTheStandard() {
        let code = HMACSHA256.authenticate(
            "what do ya want for nothing?".utf8, key: Secret(copying: Array("Jefe".utf8)))
        #expect(
            Hex.encode(code) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    /// RFC 4231, test case 6: a key that is longer than a block.
    @Test func hmacShortensALongKey() {
        let code = HMACSHA256.authenticate(
            "Test Using Larger Than Block-Size Key - Hash Key First".utf8,
            key: Secret(copying: [UInt8](repeating: 0xAA, count: 131)))
        #expect(
            Hex.encode(code) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    /// Twice, because no code may depend on the one before it.
    @Test(arguments: 1...2)
    func hmacTakesAnEmptyKeyAndMessage(_: Int) {
        let code = HMACSHA256.authenticate([UInt8](), key: Secret(copying: [UInt8]()))
        #expect(
            Hex.encode(code) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }

    @Test func aSecretPrintsNothingOfItself() {
        let secret = Secret(copying: Array("hunter2".utf8))
        #expect("\(secret)" == "secret of 7 bytes")
        #expect(String(reflecting: secret) == "secret of 7 bytes")
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!dumped.contains("104") && !dumped.contains("hunter"))
    }

    @Test func comparisonSeesEveryByte() {
        #expect(constantTimeEqual([1, 2, 3], [1, 2, 3]))
        #expect(!constantTimeEqual([1, 2, 3], [1, 2, 4]))
        #expect(!constantTimeEqual([1, 2, 3], [1, 2]))
        #expect(constantTimeEqual([UInt8](), [UInt8]()))
    }

    @Test func randomBytesDiffer() {
        #expect(Random.bytes(32) != Random.bytes(32))
        #expect(Random.secret(32).revealed() != Random.secret(32).revealed())
        #expect(Random.bytes(0).isEmpty)
    }
}

struct MerkleTests {
    /// The eight leaves of the Certificate Transparency reference tests and their roots.
    static let leaves = [
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ].compactMap { Hex.decode($0) }
    static let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]

    @Test(arguments: Array(roots.enumerated()).map { ($0.offset, $0.element) })
    func frontierHasTheReferenceRoots(size: Int, root: String) {
        var frontier = MerkleFrontier()
        for leaf in Self.leaves[..<size] { frontier.append(leafHash: MerkleHash.leaf(leaf)) }
        #expect(frontier.root.hex == root)
        #expect(frontier.count == UInt64(size))
    }
}
