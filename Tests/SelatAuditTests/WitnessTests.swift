import Foundation
import SelatCore
import SelatCrypto
import SelatTestSupport
import Testing

@testable import SelatAudit

@Suite struct CosignatureTests {
    static let time = Timestamp(seconds: 1_790_000_000)

    static func witness(_ name: String = "witness.example/w1") throws -> CosignerIdentity {
        try CosignerIdentity(name: name, key: try PrivateKey.generate(.ed25519))
    }

    struct Published: Decodable {
        let vkey: String
        let checkpoint: String
        let type: String
    }

    @Test(.enabled(if: Material.exists, "\(Material.absent)"))
    func everyPublishedCosignatureVerifies() throws {
        let vectors = try JSONDecoder().decode(
            [Published].self, from: Data(try Material.read("c2sp-note-vectors.json"))
        ).filter { $0.type == "ed25519-cosignature/v1" }
        #expect(vectors.count == 3)
        for vector in vectors {
            // The fixtures give the key with the type of plain signatures, and the id of
            // cosignatures stands on the line.
            let parts = vector.vkey.split(separator: "+", maxSplits: 2).map(String.init)
            let raw = try #require(Base64.decode(parts[2]))
            let key = try CosignerKey(
                name: parts[0], key: try PublicKey(ed25519Raw: Array(raw[1...])))
            let note = try SignedNote(parsing: Array(vector.checkpoint.utf8))
            #expect(try note.cosignatures(by: [key]).count == 1)
        }
    }

    @Test func logAndWitnessSignOneNote() throws {
        let (log, witness) = (try NoteTests.log(), try Self.witness())
        let signed = try log.sign(size: 3, root: SHA256.digest([1]))
        let cosigned = try signed.adding(try witness.cosign(signed.checkpoint, at: Self.time))
        let again = try cosigned.adding(try witness.cosign(signed.checkpoint, at: Self.time + 60))
        #expect(try SignedCheckpoint(note: again.note, key: log.verifierKey) == again)
        let found = try again.cosignatures(by: [witness.key])
        #expect(found.map(\.time) == [Self.time + 60])
        #expect(try SignedNote(parsing: again.note).signatures.count == 2)
    }

    @Test func everyFlippedBitIsFound() throws {
        let witness = try Self.witness()
        let checkpoint = Checkpoint(origin: "selat/test", size: 9, root: SHA256.digest([2]))
        let good = try witness.cosign(checkpoint, at: Self.time).line
        for bit in 0..<good.signature.count * 8 {
            var signature = good.signature
            signature[bit / 8] ^= 1 << UInt8(bit % 8)
            let line = NoteSignature(name: good.name, keyID: good.keyID, signature: signature)
            #expect(throws: AuditError.signatureInvalid(good.name)) {
                try Cosignature(line, over: checkpoint.text, by: witness.key)
            }
        }
    }

    @Test func aClockBefore1970CosignsNothing() throws {
        let checkpoint = Checkpoint(origin: "selat/test", size: 9, root: SHA256.digest([2]))
        #expect(throws: AuditError.self) {
            try Self.witness().cosign(checkpoint, at: Timestamp(seconds: 0))
        }
    }

    @Test func oneKeyIsBelievedUnderEveryEpochOfItsLog() throws {
        let key = try PrivateKey.generate(.ed25519)
        let first = try LogIdentity(origin: "selat/ab/SG/csa/1", key: key)
        let third = try LogIdentity(origin: "selat/ab/SG/csa/3", key: key)
        let note = try third.sign(size: 4, root: SHA256.digest([3])).note
        let believed = try SignedCheckpoint(note: note, anyEpochOf: first.verifierKey)
        #expect(believed.checkpoint.origin == third.origin)
        #expect(third.verifierKey.epoch == 3)
        for origin in [
            "selat/ab/SG/csa/0", "selat/ab/SG/csa/01", "selat/ab/SG/cs/1", "selat/ab", "",
        ] {
            #expect(throws: AuditError.self) { try first.verifierKey.ofEpoch(in: origin) }
        }
        // U+212A is equivalent to K and not the same.
        let kelvin = try VerifierKey(name: "selat/ab/SG/K/1", key: key.publicKey)
        for origin in ["selat/ab/SG/\u{212A}/1", "selat/ab/SG/\u{212A}/2"] {
            #expect(throws: AuditError.self) { try kelvin.ofEpoch(in: origin) }
        }
        #expect(throws: AuditError.self) {
            try SignedCheckpoint(note: note, key: first.verifierKey)
        }
    }
}

/// A checkpoint is believed again without its signature being verified: the very same bytes by the very same key.
@Suite struct BelievedCheckpointTests {
    private let key: VerifierKey
    private let note: [UInt8]

    init() throws {
        let log = try LogIdentity(origin: "selat/ab/SG/csa/1", key: try .generate(.ed25519))
        key = log.verifierKey
        note = try log.sign(size: 4, root: SHA256.digest([3])).note
        #expect(try SignedCheckpoint(note: note, anyEpochOf: key).checkpoint.size == 4)
    }

    @Test func itIsTheSameAgain() throws {
        let first = try SignedCheckpoint(note: note, anyEpochOf: key)
        #expect(try SignedCheckpoint(note: note, anyEpochOf: key) == first)
    }

    @Test func anotherKeyDoesNotBelieveIt() throws {
        let other = try VerifierKey(name: key.name, key: PrivateKey.generate(.ed25519).publicKey)
        #expect(throws: AuditError.self) { try SignedCheckpoint(note: note, anyEpochOf: other) }
    }

    @Test func noOtherBytesAreBelieved() throws {
        for index in note.indices {
            var flipped = note
            flipped[index] ^= 1
            #expect(throws: AuditError.self, "\(index)") {
                try SignedCheckpoint(note: flipped, anyEpochOf: key)
            }
        }
        #expect(throws: AuditError.self) {
            try SignedCheckpoint(note: Array(note.dropLast()), anyEpochOf: key)
        }
        #expect(throws: AuditError.self) {
            try SignedCheckpoint(note: note + note, anyEpochOf: key)
        }
    }

    /// More than are remembered.
    @Test func thoseThatWereForgottenAreVerifiedAnew() throws {
        let log = try LogIdentity(origin: "selat/ab/SG/csa/2", key: try .generate(.ed25519))
        let notes = try (1...40).map { try log.sign(size: $0, root: SHA256.digest([3])).note }
        for _ in 0..<2 {
            for (note, size) in zip(notes, UInt64(1)...) {
                let believed = try SignedCheckpoint(note: note, anyEpochOf: log.verifierKey)
                #expect(believed.checkpoint.size == size && believed.note == note)
            }
        }
    }
}

@Suite struct CountryQuorumTests {
    private static func keys(_ countries: [String], each: Int = 1) throws
        -> [Country: [CosignerKey]]
    {
        var keys: [Country: [CosignerKey]] = [:]
        for code in countries {
            keys[try Country(code)] = try (0..<each).map {
                try CosignatureTests.witness("\(code)/\($0)").key
            }
        }
        return keys
    }

    /// The smallest number of countries that meets the quorum, one node of each cosigning.
    private static func needed(of keys: [Country: [CosignerKey]]) throws -> Int? {
        let policy = try LogPolicy.countries(keys)
        let one = keys.values.compactMap(\.first)
        return (0...one.count).first { policy.isMet(by: Set(one.prefix($0))) }
    }

    @Test func moreThanHalfAndAtLeastTwoCountriesAreAsked() throws {
        let all = ["BN", "ID", "KH", "LA", "MM", "MY", "PH", "TH", "TL", "VN"]
        let needed = try (0...10).map { try Self.needed(of: Self.keys(Array(all.prefix($0)))) }
        #expect(needed == [0, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6])
    }

    /// What a record asks for is not lowered to what there is.
    @Test func aNumberThatIsNamedStands() throws {
        let keys = try Self.keys(["MY", "TH", "VN"])
        let all = Set(keys.values.joined())
        let three = try LogPolicy.countries(keys, atLeast: 3)
        #expect(three.canBeMet && three.isMet(by: all))
        #expect(!three.isMet(by: Set(all.dropFirst())))
        let five = try LogPolicy.countries(keys, atLeast: 5)
        #expect(!five.canBeMet && !five.isMet(by: all))
        let nobody = try LogPolicy.countries([:], atLeast: 1)
        #expect(nobody.quorum != nil && !nobody.canBeMet)
        // A group cannot ask for more than it has: whoever reads the text believes nothing.
        for policy in [five, nobody] {
            #expect(throws: AuditError.self) { try LogPolicy(parsing: Array(policy.text.utf8)) }
        }
    }

    @Test func manyNodesOfOneCountryHaveOneVote() throws {
        let keys = try Self.keys(["MY", "VN"], each: 3)
        let policy = try LogPolicy.countries(keys)
        #expect(!policy.isMet(by: Set(keys[try Country("MY")] ?? [])))
        #expect(policy.isMet(by: Set(keys.values.compactMap(\.last))))
        #expect(try LogPolicy(parsing: Array(policy.text.utf8)) == policy)
    }

    /// A country that names another's key has given its one vote away, and stops nothing.
    @Test func whoNamesAnothersKeyHasOneVoteStill() throws {
        let key = try PrivateKey.generate(.ed25519)
        let shared = try ["a", "b"].map { try CosignerKey(name: $0, key: key.publicKey) }
        let (my, vn) = (try Country("MY"), try Country("VN"))
        let policy = try LogPolicy.countries([my: [shared[0]], vn: [shared[1]]])
        #expect(!policy.isMet(by: [shared[0]]) && policy.isMet(by: Set(shared)))
        #expect(throws: AuditError.self) {
            try LogPolicy.countries([my: [shared[0], shared[0]], vn: [shared[1]]])
        }
    }

    @Test func aPolicyOfManyPartsIsRead() throws {
        let names = (0..<40).map { "w\($0)" }
        let lines = try names.map { "witness \($0) \(try CosignatureTests.witness().key.text)\n" }
        let groups = names.map { "group g\($0) any \($0)\n" }
        let text = lines.joined() + groups.joined() + "quorum gw39\n"
        #expect(try LogPolicy(parsing: Array(text.utf8)).witnesses.count == 40)
        #expect(throws: AuditError.self) {
            try LogPolicy(parsing: [UInt8](repeating: 0x0A, count: (1 << 20) + 1))
        }
    }
}

@Suite struct TileTests {
    @Test(arguments: [
        ("tile/0/x001/x234/067", 0, 1_234_067, 256), ("tile/0/000", 0, 0, 256),
        ("tile/3/x001/000.p/255", 3, 1_000, 255), ("tile/63/999.p/1", 63, 999, 1),
    ])
    func pathsAreReadAndWritten(path: String, level: Int, index: UInt64, width: Int) throws {
        let elements = Array(path.split(separator: "/").dropFirst())
        let tile = try #require(TilePath(elements: elements))
        #expect(tile == TilePath(level: level, index: index, width: width))
        #expect(tile.description == path)
    }

    @Test(arguments: [
        "0", "64/000", "00/000", "-1/000", "0/0", "0/00", "0/0000", "0/x000/001", "0/000.p/0",
        "0/000.p/256", "0/000.p/01", "0/000.p", "0/000.p/", "0/x001", "0/001/002", "0/x001/x002",
        "0/x001.p/002", "0/000/1", "a/000", "0/a00", "entries/000", "0/x١٢٣/000",
        "0/x999/x999/x999/x999/x999/x999/999",
    ])
    func otherPathsAreRefused(path: String) {
        #expect(
            TilePath(elements: path.split(separator: "/", omittingEmptySubsequences: false)) == nil)
    }

    /// C2SP's own example: 70,000 entries.
    @Test func onlyTilesThatTheTreeFillsExist() {
        func exists(_ level: Int, _ index: UInt64, _ width: Int = 256) -> Bool {
            TilePath(level: level, index: index, width: width)?.places(in: 70_000) != nil
        }
        #expect(exists(0, 272) && !exists(0, 273) && exists(0, 273, 112) && !exists(0, 273, 113))
        #expect(exists(1, 0) && exists(1, 1, 17) && !exists(1, 1, 18) && exists(2, 0, 1))
        #expect(!exists(2, 0, 2) && !exists(3, 0, 1) && !exists(8, 0, 1) && !exists(0, .max, 1))
    }

    @Test func aTileHoldsTheHashesOfItsTree() throws {
        var tree = LogTree()
        var nodes: [TreePlace: Digest] = [:]
        for number in 0..<600 {
            let leaf = SHA256.digest([UInt8(number & 0xFF), UInt8(number >> 8)])
            var made = [leaf]
            tree.append(leaf: leaf) { made.append($0) }
            for (level, node) in made.enumerated() {
                nodes[TreePlace(level: level, index: UInt64(number) >> UInt64(level))] = node
            }
        }
        // The root again from tiles alone: two full tiles, one of 88, and the level above.
        let places = try #require(TilePath(level: 1, index: 0, width: 2)?.places(in: 600))
        let partial = try #require(TilePath(level: 0, index: 2, width: 88)?.places(in: 600))
        let left = MerkleHash.node(
            try #require(nodes[places[0]]), try #require(nodes[places[1]]))
        var rest = LogTree()
        for place in partial { rest.append(leaf: try #require(nodes[place])) }
        #expect(MerkleHash.node(left, rest.root) == tree.root)
    }
}
