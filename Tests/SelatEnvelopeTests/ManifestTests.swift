import Foundation
import SelatCore
import Testing

@testable import SelatEnvelope

/// The manifest's own members that may be absent: one value has one form.
struct ManifestTests {
    private func manifest(
        statements: [[UInt8]] = [], series: String? = nil
    ) async throws -> Manifest {
        let world = try World()
        let sealed = try await world.envelope(sample(10))
        return Manifest(
            core: sealed.manifest.core, dataset: sealed.manifest.dataset,
            facts: sealed.manifest.facts, verdictRecord: sealed.manifest.verdictRecord,
            verdictKey: sealed.manifest.verdictKey, approvals: [], statements: statements,
            series: series)
    }

    @Test func statementsAndSeriesReadBack() async throws {
        let full = try await manifest(statements: [[1], [2, 3]], series: "relief-2026.a")
        let bytes = try full.encoded()
        let read = try Manifest(parsing: bytes)
        #expect(read.statements == [[1], [2, 3]])
        #expect(read.series == "relief-2026.a")
        #expect(try read.encoded() == bytes)
        let text = String(decoding: try await manifest().encoded(), as: UTF8.self)
        #expect(!text.contains("statements") && !text.contains("series"))
    }

    @Test func otherFormsOfTheSameAreRefused() async throws {
        let bytes = try await manifest(statements: [[1]], series: "a").encoded()
        let text = String(decoding: bytes, as: UTF8.self)
        let many = Array(repeating: #""AQ==""#, count: 65).joined(separator: ",")
        for (old, new) in [
            (#""statements":["AQ=="]"#, #""statements":[]"#),
            (#""statements":["AQ=="]"#, #""statements":["AQ"]"#),
            (#""statements":["AQ=="]"#, #""statements":"AQ==""#),
            (#""statements":["AQ=="]"#, #""statements":[\#(many)]"#),
            (#""series":"a""#, #""series":"""#), (#""series":"a""#, #""series":"A""#),
            (#""series":"a""#, #""series":"a b""#), (#""series":"a""#, #""series":null"#),
            (#""series":"a""#, #""series":"\#(String(repeating: "a", count: 81))""#),
            (#""series":"a""#, #""serie":"a""#),
        ] {
            let changed = text.replacingOccurrences(of: old, with: new)
            #expect(changed != text)
            #expect(throws: EnvelopeError.self) { try Manifest(parsing: Array(changed.utf8)) }
        }
    }
}
