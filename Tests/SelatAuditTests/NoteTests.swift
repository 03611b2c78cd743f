import Foundation
import SelatCore
import SelatCrypto
import SelatTestSupport
import Testing

@testable import SelatAudit

@Suite struct NoteTests {
    static let vkey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    static let note =
        "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq"
        + "6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"

    static func log() throws -> LogIdentity {
        try LogIdentity(origin: "selat/test/SG/csa/1", key: try PrivateKey.generate(.ed25519))
    }

    @Test func publishedVectorVerifies() throws {
        let note = try SignedNote(parsing: Array(Self.note.utf8))
        let key = try VerifierKey(Self.vkey)
        try note.verify(key)
        #expect(note.text == "This is an example message.\n")
        #expect(note.bytes == Array(Self.note.utf8))
        #expect(key.text == Self.vkey)
    }

    struct Vector: Decodable {
        let vkey: String
        let checkpoint: String
        let type: String
    }

    @Test(.enabled(if: Material.exists, "\(Material.absent)"))
    func everyPublishedNoteVerifies() throws {
        let vectors = try JSONDecoder().decode(
            [Vector].self, from: Data(try Material.read("c2sp-note-vectors.json"))
        ).filter { $0.type == "ed25519-note" }
        #expect(vectors.count == 18)
        for vector in vectors {
            let note = try SignedNote(parsing: Array(vector.checkpoint.utf8))
            try note.verify(try VerifierKey(vector.vkey))
            #expect(note.bytes == Array(vector.checkpoint.utf8))
        }
    }

    @Test func changedTextDoesNotVerify() throws {
        let changed = Self.note.replacing("example message", with: "exemple message")
        let note = try SignedNote(parsing: Array(changed.utf8))
        #expect(throws: AuditError.signatureInvalid("example.com/foo")) {
            try note.verify(try VerifierKey(Self.vkey))
        }
    }

    @Test func linesOfOtherKeysArePassedOver() throws {
        let log = try Self.log()
        let other = "\u{2014} witness.example uKLPIAAAAABpVGeA\n"
        let note = try SignedNote(signing: "text\n", with: log).bytes + Array(other.utf8)
        try SignedNote(parsing: note).verify(log.verifierKey)
        #expect(throws: AuditError.unsigned("example.com/foo")) {
            try SignedNote(parsing: note).verify(try VerifierKey(Self.vkey))
        }
    }

    @Test func secondLineOfTheSameKeyMustVerifyToo() throws {
        let log = try Self.log()
        let good = try SignedNote(signing: "text\n", with: log).bytes
        let bad =
            try SignedNote(signing: "other\n", with: log).bytes.split(separator: 0x0A).last ?? []
        #expect(throws: AuditError.signatureInvalid(log.origin)) {
            try SignedNote(parsing: good + bad + [0x0A]).verify(log.verifierKey)
        }
    }

    @Test(arguments: [
        "", "\n", "\n\n", "text\n", "text\n\n", "text\n\n\u{2014} name AAAAAAA=",
        "text\n\n\u{2014} name AAAAAA==\n", "text\n\n- name AAAAAAA=\n",
        "text\n\n\u{2014} na+me AAAAAAA=\n", "text\n\n\u{2014}  AAAAAAA=\n",
        "text\n\n\u{2014} name AAAAAAA=\n\n", "te\u{1}xt\n\n\u{2014} name AAAAAAA=\n",
        "text\r\n\n\u{2014} name AAAAAAA=\n", "text\n\n\u{2014} name AAAAAAB=\n",
        "text\n\u{2014} name AAAAAAA=\n", "text\n\n\u{2014} name AAAAAAA=\nrest\n",
    ])
    func malformedNotesAreRefused(note: String) {
        #expect(throws: AuditError.self) { try SignedNote(parsing: Array(note.utf8)) }
    }

    @Test func sixteenSignaturesAreTakenAndTooManyRefused() throws {
        let line = "\u{2014} name AAAAAAA=\n"
        func note(_ count: Int) -> [UInt8] {
            Array(("text\n\n" + String(repeating: line, count: count)).utf8)
        }
        #expect(try SignedNote(parsing: note(16)).signatures.count == 16)
        #expect(throws: AuditError.self) {
            try SignedNote(parsing: note(Limits.noteSignaturesMax + 1))
        }
        #expect(throws: AuditError.self) {
            try SignedNote(parsing: [UInt8](repeating: 0x61, count: Limits.noteBytesMax + 1))
        }
    }

    @Test func mutatedNotesNeverVerifyWithAnotherText() throws {
        let bytes = Array(Self.note.utf8)
        let key = try VerifierKey(Self.vkey)
        for mutation in Mutations.of(bytes, count: 2_000, seed: 2) {
            do throws(AuditError) {
                let note = try SignedNote(parsing: mutation)
                try note.verify(key)
                #expect(note.text == "This is an example message.\n")
            } catch {}
        }
    }

    @Test(arguments: [
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/bar+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a", "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "",
    ])
    func foreignVerifierKeysAreRefused(text: String) {
        #expect(throws: AuditError.self) { try VerifierKey(text) }
    }

    @Test func checkpointRoundTripsAndSigningIsDeterministic() throws {
        let log = try Self.log()
        let root = MerkleHash.leaf([1])
        let signed = try log.sign(size: 1, root: root)
        #expect(try log.sign(size: 1, root: root) == signed)
        #expect(try SignedCheckpoint(note: signed.note, key: log.verifierKey) == signed)
        #expect(throws: AuditError.self) {
            try SignedCheckpoint(note: signed.note, key: try Self.log().verifierKey)
        }
    }

    @Test(arguments: [
        "", "origin\n", "origin\n01\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "origin\n+1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "origin\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\n",
        "origin\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nextension\n",
        "origin\n18446744073709551616\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "origin\n18446744073709551615\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "origin\n9007199254740992\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
    ])
    func malformedCheckpointsAreRefused(text: String) {
        #expect(throws: AuditError.self) { try Checkpoint(parsing: text) }
    }

    @Test func anotherLogsCheckpointWithTheSameKeyIsRefused() throws {
        let key = try PrivateKey.generate(.ed25519)
        let log = try LogIdentity(origin: "selat/a/SG/csa/1", key: key)
        let text = Checkpoint(origin: "selat/a/SG/csa/2", size: 0, root: MerkleHash.empty).text
        let note = try SignedNote(signing: text, with: log).bytes
        #expect(throws: AuditError.self) { try SignedCheckpoint(note: note, key: log.verifierKey) }
    }
}
