import SelatCore
import SelatCrypto
import SelatTestSupport
import Testing

@testable import SelatAudit

/// Readers of what strangers send: a value or a typed error, and nothing believed that was not signed.
@Suite struct FuzzTests {
    private static let log: LogIdentity? = try? NoteTests.log()

    /// A proof of entry 5 in a log of 11, and its leaf.
    private func proof() throws -> (log: LogIdentity, proof: TLogProof, leaf: Digest) {
        let log = try #require(Self.log)
        let memory = TreeTests.Memory(count: 11)
        let path = try TreeProof.inclusion(of: 5, in: 11, node: memory.node)
        let note = try log.sign(size: 11, root: memory.tree.root).note
        return (
            log, TLogProof(index: 5, path: path, checkpoint: note),
            memory.node(TreePlace(level: 0, index: 5))
        )
    }

    @Test(arguments: 0..<16)
    func mutatedProofsNeverProveAnotherIndex(seed: UInt64) throws {
        let (log, proof, leaf) = try proof()
        for mutation in Mutations.of(proof.bytes, count: 250, seed: seed) {
            do throws(AuditError) {
                let read = try TLogProof(parsing: mutation)
                let checkpoint = try read.verify(leaf: leaf, key: log.verifierKey)
                #expect(read.index == 5 && checkpoint.size == 11 && read.path == proof.path)
            } catch {}
        }
    }

    @Test(arguments: 0..<16)
    func mutatedCheckpointsNeverStateAnotherTree(seed: UInt64) throws {
        let log = try #require(Self.log)
        let signed = try log.sign(size: 11, root: MerkleHash.empty)
        for mutation in Mutations.of(signed.note, count: 250, seed: seed) {
            do throws(AuditError) {
                let read = try SignedCheckpoint(note: mutation, key: log.verifierKey)
                #expect(read.checkpoint == signed.checkpoint)
            } catch {}
        }
    }

    @Test(arguments: 0..<16)
    func mutatedEntriesReadAsThemselvesOrNotAtAll(seed: UInt64) throws {
        let bytes = try EntryTests.entry().canonical
        for mutation in Mutations.of(bytes, count: 250, seed: seed) {
            guard let read = try? Entry(canonical: mutation) else { continue }
            #expect(read.canonical == mutation)
        }
    }

    @Test(arguments: 0..<8)
    func mutatedErasuresReadAsThemselvesOrNotAtAll(seed: UInt64) throws {
        let erasure = try Erasure(
            entries: SequenceSet([1...3, 7...7]), reason: "because",
            complete: Timestamp(seconds: 1_790_812_800), holders: ["VN/hub"], statement: [1, 2])
        for mutation in Mutations.of(erasure.json.canonical, count: 250, seed: seed) {
            guard let read = try? Erasure(details: mutation, sequence: 9) else { continue }
            #expect(read.json.canonical == mutation)
            #expect(read.entries.ranges.allSatisfy { $0.upperBound < 9 })
        }
    }

    /// Whether its note was read already is no difference.
    @Test func aProofThatWasReadIsTheOneThatWasMade() throws {
        let (log, made, leaf) = try proof()
        let read = try TLogProof(parsing: made.bytes)
        #expect(read == made && read.hashValue == made.hashValue)
        #expect(read.bytes == made.bytes)
        let stranger = try VerifierKey(
            name: log.verifierKey.name, key: PrivateKey.generate(.ed25519).publicKey)
        for proof in [read, made] {
            #expect(throws: AuditError.self) { try proof.verify(leaf: leaf, key: stranger) }
            #expect(try proof.verify(leaf: leaf, key: log.verifierKey).size == 11)
        }
    }

    @Test func proofsThatAreTooLongAreRefused() throws {
        let (log, proof, leaf) = try proof()
        for count in [5, 62, 63, 64, 65, 10_000] {
            let long = TLogProof(
                index: 5, path: [Digest](repeating: leaf, count: count),
                checkpoint: proof.checkpoint)
            #expect(throws: AuditError.self) {
                try TLogProof(parsing: long.bytes).verify(leaf: leaf, key: log.verifierKey)
            }
        }
    }

    @Test(arguments: [
        "18446744073709551615", "18446744073709551616", "9223372036854775808", "-1", "+5", "05",
        "5 ", "", "5e0", "0x5",
    ])
    func absurdIndicesAndSizesAreRefused(number: String) throws {
        let (log, proof, leaf) = try proof()
        let text = String(decoding: proof.bytes, as: UTF8.self)
            .replacing("index 5\n", with: "index \(number)\n")
        #expect(throws: AuditError.self) {
            try TLogProof(parsing: Array(text.utf8)).verify(leaf: leaf, key: log.verifierKey)
        }
        let sized = "\(log.origin)\n\(number)\n\(Base64.encode(MerkleHash.empty.bytes))\n"
        let checkpoint = try? Checkpoint(parsing: sized)
        // Only a number that is one is read, and then as it stands.
        #expect(checkpoint.map { "\($0.size)" == number } ?? true)
    }

    @Test(arguments: 0..<32)
    func controlCharactersAreInNoNote(code: UInt8) throws {
        let log = try #require(Self.log)
        guard code != 0x0A else { return }
        let character = String(UnicodeScalar(code))
        #expect(throws: AuditError.self) {
            try SignedNote(signing: "a\(character)b\n", with: log)
        }
        let note = try SignedNote(signing: "ab\n", with: log).bytes
        for at in [1, 4, note.count - 2] {
            var touched = note
            touched.insert(code, at: at)
            #expect(throws: AuditError.self) { try SignedNote(parsing: touched) }
        }
    }

    @Test func aLineWithAnotherKeyIDIsAnothersAndProvesNothing() throws {
        let log = try #require(Self.log)
        let note = try SignedNote(parsing: try log.sign(size: 0, root: MerkleHash.empty).note)
        let own = note.signatures[0]
        let other = NoteSignature(
            name: own.name, keyID: own.keyID ^ 1, signature: own.signature)
        let text = note.text + "\n" + other.line + "\n"
        #expect(throws: AuditError.unsigned(log.origin)) {
            try SignedCheckpoint(note: Array(text.utf8), key: log.verifierKey)
        }
        // Beside the own line it is passed over; the own line twice is the own line.
        let both = note.text + "\n" + other.line + "\n" + own.line + "\n" + own.line + "\n"
        #expect(
            try SignedCheckpoint(note: Array(both.utf8), key: log.verifierKey).checkpoint.size == 0)
    }
}
