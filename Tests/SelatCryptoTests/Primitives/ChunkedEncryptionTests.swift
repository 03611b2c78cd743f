import SelatCore
import SelatTestSupport
import Testing

@testable import SelatCrypto

struct ChunkedEncryptionTests {
    static let cases = WycheproofCase.read("c2sp_chunked_encryption_aes_256_gcm_test")

    @Test(.enabled(if: Material.exists, Comment(rawValue: Material.absent)), arguments: cases)
    func opensExactlyTheValidVectors(vector: WycheproofCase) throws {
        let sealed = try #require(Inflate.zlib(vector.bytes("ct")))
        let key = Secret(copying: vector.bytes("key"))
        let context = vector.bytes("ctx")
        guard vector.isValid else {
            #expect(throws: CryptoError.self) {
                try ChunkedEncryption.open(sealed, key: key, context: context)
            }
            return
        }
        let message = try ChunkedEncryption.open(sealed, key: key, context: context)
        #expect(message.count == vector.integer("msgLength"))
        let again = try ChunkedEncryption.seal(
            message, key: key, context: context, salt: Array(sealed[..<24]))
        #expect(again == sealed)
    }

    @Test(arguments: [0, 1, 16_383, 16_384, 16_385, 32_768, 49_000])
    func sealsAndOpensEverySizeAroundAChunk(size: Int) throws {
        let message = Random.bytes(size)
        let key = Random.secret(32)
        let sealed = try ChunkedEncryption.seal(message, key: key, context: [1])
        #expect(UInt64(sealed.count) == ChunkedEncryption.sealedSize(of: UInt64(size)))
        #expect(try ChunkedEncryption.messageSize(of: UInt64(sealed.count)) == UInt64(size))
        #expect(try ChunkedEncryption.open(sealed, key: key, context: [1]) == message)
    }

    @Test(arguments: [0, 55, 71, 56 + 16_400, 56 + 16_400 + 15])
    func refusesASizeThatNoMessageHas(size: UInt64) {
        #expect(throws: CryptoError.sealedSizeInvalid(size)) {
            try ChunkedEncryption.messageSize(of: size)
        }
    }

    @Test func refusesAnotherContextAtTheCommitment() throws {
        let key = Random.secret(32)
        let sealed = try ChunkedEncryption.seal([1, 2, 3], key: key, context: [1])
        #expect(throws: CryptoError.commitmentMismatch) {
            try ChunkedEncryption.open(sealed, key: key, context: [2])
        }
    }

    @Test func refusesEveryFlippedByteOfASmallMessage() throws {
        let key = Random.secret(32)
        let sealed = try ChunkedEncryption.seal([1, 2, 3], key: key, context: [])
        let survivors = sealed.indices.filter { index in
            var changed = sealed
            changed[index] ^= 0x80
            return (try? ChunkedEncryption.open(changed, key: key, context: [])) != nil
        }
        #expect(survivors.isEmpty)
    }

    @Test func sealsRunsOfChunksInAnyOrderToTheSameBytes() throws {
        let message = Random.bytes(5 * 16_384 + 7)
        let secret = Random.secret(32)
        let salt = Random.bytes(24)
        let whole = try ChunkedEncryption.seal(message, key: secret, context: [], salt: salt)
        let key = try ChunkKey(secret, salt: salt, context: [])
        let cipher = try ChunkCipher(sealing: key)
        var hasher = SHA256()
        var late = [UInt8](repeating: 0, count: 2 * 16_400 + 7 + 16)
        let tail = Array(message[(3 * 16_384)...])
        var span = late.mutableSpan
        var bytes = span.mutableBytes
        try cipher.seal(tail.span.bytes, from: 3, into: &bytes, hashing: &hasher)
        #expect(late == Array(whole[(56 + 3 * 16_400)...]))
        #expect(hasher.finish() == SHA256.digest(late))
    }
}
