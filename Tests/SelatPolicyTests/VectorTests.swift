import Foundation
import SelatCore
import SelatPolicy
import Testing

/// Records as files, so that another implementation can judge again what they pin (Verdict,
/// *Vectors*).
struct VerdictVector: Sendable, CustomTestStringConvertible {
    let name: String
    let header: [Substring: Substring]
    let record: [UInt8]

    var testDescription: String { name }

    static let folder = ShippedPolicies.folder.deletingLastPathComponent()
        .appending(path: "Tests/Vectors/policy")

    static func all() throws -> [VerdictVector] {
        try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "txt" }.sorted { $0.path() < $1.path() }
            .map { url in
                let bytes = Array(try Data(contentsOf: url))
                let text = String(decoding: bytes, as: UTF8.self)
                let parts = text.split(separator: "\n\n", maxSplits: 1)
                var header: [Substring: Substring] = [:]
                for line in parts[0].split(separator: "\n") {
                    let pair = line.split(separator: ":", maxSplits: 1)
                    header[pair[0]] = pair.count < 2 ? "" : pair[1].drop { $0 == " " }
                }
                return VerdictVector(
                    name: url.lastPathComponent, header: header, record: Array(parts[1].utf8))
            }
    }

    var signed: Set<String> {
        Set((header["signed"] ?? "").split(separator: " ").map(String.init))
    }
}

@Suite("Vectors of the record")
struct VectorTests {
    @Test(
        "a vector is read, judged again and written again to the byte, or refused",
        arguments: try VerdictVector.all())
    func vectorHolds(_ vector: VerdictVector) throws {
        let set = try FrozenPolicies.load(signed: vector.signed)
        switch vector.header["expect"] {
        case "verdict":
            let verdict = try set.verify(record: vector.record)
            #expect(verdict.record == vector.record)
            #expect(verdict.digest.text == String(vector.header["digest"] ?? ""))
            #expect(verdict.outcome.rawValue == String(vector.header["outcome"] ?? ""))
        case "malformed":
            #expect(throws: QuestionError.self) { try Verdict(record: vector.record) }
        default:
            let mismatch = try #require(throws: VerdictMismatch.self) {
                try set.verify(record: vector.record)
            }
            #expect(mismatch.part == String(vector.header["differs"] ?? ""))
        }
    }

    @Test(
        "the vectors are written anew",
        .enabled(if: ProcessInfo.processInfo.environment["SELAT_WRITE_VECTORS"] == "policy"))
    func writeVectors() throws { try VerdictVectorWriter().write() }
}
