import Foundation
import SelatCore
import SelatTestSupport
import Testing

@testable import SelatAudit

/// One file of `Tests/Vectors/audit`: header lines, an empty line, a body.
struct Vector: Sendable, CustomTestStringConvertible {
    let name: String
    let fields: [String: String]
    let body: [UInt8]
    var testDescription: String { name }
    var isValid: Bool { fields["expect"] == "valid" }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Vectors/audit")

    static func all(_ kind: String) -> [Vector] {
        let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path())
        return (names ?? []).sorted().compactMap(Vector.init).filter { $0.fields["kind"] == kind }
    }

    init?(name: String) {
        guard
            let text = try? String(contentsOf: Self.folder.appending(path: name), encoding: .utf8),
            let end = text.range(of: "\n\n")
        else { return nil }
        self.name = name
        fields = Dictionary(
            text[..<end.lowerBound].split(separator: "\n").compactMap { line in
                line.range(of: ": ").map {
                    (String(line[..<$0.lowerBound]), String(line[$0.upperBound...]))
                }
            }, uniquingKeysWith: { first, _ in first })
        body = Array(text[end.upperBound...].utf8)
    }

    func bytes(_ field: String) throws -> [UInt8] {
        try #require(Hex.decode(fields[field] ?? "missing"))
    }

    func key() throws -> VerifierKey { try VerifierKey(try #require(fields["key"])) }
}

/// The vectors were made by another program in another language.
@Suite struct VectorTests {
    @Test func thereAreVectorsOfEveryKind() {
        #expect(Vector.all("entry").count == 12)
        #expect(Vector.all("checkpoint").count == 10)
        #expect(Vector.all("proof").count == 12)
        #expect(Vector.all("erasure").count == 12)
        #expect(Vector.all("export").count == 21)
    }

    @Test(arguments: Vector.all("entry"))
    func entriesAreJudgedAsExpected(vector: Vector) throws {
        let entry = try? Entry(canonical: vector.body)
        let isBound = entry?.binds(
            details: try vector.bytes("details"), salt: try vector.bytes("salt"))
        #expect((isBound ?? false) == vector.isValid)
        guard let entry, vector.isValid else { return }
        #expect(entry.canonical == vector.body)
        #expect(entry.leaf.bytes == (try vector.bytes("leaf")))
    }

    @Test(arguments: Vector.all("checkpoint"))
    func checkpointsAreJudgedAsExpected(vector: Vector) throws {
        let key = try vector.key()
        let signed = try? SignedCheckpoint(note: vector.body, key: key)
        #expect((signed != nil) == vector.isValid)
        guard vector.isValid else { return }
        #expect(try SignedNote(parsing: vector.body).bytes == vector.body)
    }

    @Test(arguments: Vector.all("proof"))
    func proofsAreJudgedAsExpected(vector: Vector) throws {
        let (key, leaf) = (try vector.key(), try Digest(bytes: try vector.bytes("leaf")))
        let proof = try? TLogProof(parsing: vector.body)
        let checkpoint = try? proof?.verify(leaf: leaf, key: key)
        #expect((checkpoint != nil) == vector.isValid)
        #expect(!vector.isValid || proof?.bytes == vector.body)
    }

    @Test(arguments: Vector.all("proof").filter(\.isValid))
    func mutatedProofsNeverProveAnotherEntry(vector: Vector) throws {
        let (key, leaf) = (try vector.key(), try Digest(bytes: try vector.bytes("leaf")))
        let index = try TLogProof(parsing: vector.body).index
        for mutation in Mutations.of(vector.body, count: 300, seed: 3) {
            do throws(AuditError) {
                let proof = try TLogProof(parsing: mutation)
                _ = try proof.verify(leaf: leaf, key: key)
                #expect(proof.index == index)
            } catch {}
        }
    }

    @Test(arguments: Vector.all("erasure"))
    func erasuresAreJudgedAsExpected(vector: Vector) throws {
        let sequence = try #require(vector.fields["sequence"].flatMap { UInt64($0) })
        let erasure = try? Erasure(details: vector.body, sequence: sequence)
        #expect((erasure != nil) == vector.isValid)
        if let erasure { #expect(erasure.json.canonical == vector.body) }
    }

    @Test(arguments: Vector.all("export"))
    func exportsAreJudgedAsExpected(vector: Vector) throws {
        var verifier = ExportVerifier(key: try vector.key())
        var rest = vector.body[...]
        while !rest.isEmpty {
            let end = rest.firstIndex(of: 0x0A) ?? rest.endIndex - 1
            verifier.take(line: Array(rest[...end]))
            rest = rest[(end + 1)...]
        }
        let report = verifier.finish()
        #expect(report.isSound == vector.isValid, "\(report.failures)")
        guard vector.isValid else { return }
        #expect("\(report.erased)" == vector.fields["erased"])
    }
}
