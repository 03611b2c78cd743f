import Foundation
import SelatCore
import SelatCrypto
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
            facts: sealed.manifest.facts, verdict: sealed.manifest.verdict,
            verdictRecord: sealed.manifest.verdictRecord, verdictKey: sealed.manifest.verdictKey,
            approvals: [], statements: statements,
            series: series)
    }

    @Test func statementsAndSeriesReadBack() async throws {
        let full = try await manifest(statements: [[1], [2, 3]], series: "relief-2026.a")
        let bytes = full.encoded()
        let read = try Manifest(parsing: bytes)
        #expect(read.statements == [[1], [2, 3]])
        #expect(read.series == "relief-2026.a")
        #expect(read.encoded() == bytes)
        let text = String(decoding: try await manifest().encoded(), as: UTF8.self)
        #expect(!text.contains("statements") && !text.contains("series"))
    }

    @Test func aCoreThatIsRepeatedWithEquivalentCharactersIsRefused() async throws {
        let sealed = try await World().envelope(sample(10))
        func core(_ marking: String) throws -> EnvelopeCore {
            let core = sealed.manifest.core
            var label = core.label
            label.marking = marking
            return try EnvelopeCore(
                id: core.id, federation: core.federation, from: core.from, to: core.to,
                created: core.created, expires: core.expires, label: label, suite: core.suite,
                toKeys: core.toKeys)
        }
        func open(repeating marking: String) throws -> Manifest {
            let manifest = Manifest(
                core: try core(marking), dataset: sealed.manifest.dataset,
                facts: sealed.manifest.facts, verdict: sealed.manifest.verdict,
                verdictRecord: sealed.manifest.verdictRecord, approvals: [])
            let bytes = try ChunkedEncryption.seal(
                manifest.encoded(), key: sealed.contentKey.secret,
                context: ContentKey.manifestContext(core("K")))
            return try Manifest(opening: bytes, key: sealed.contentKey, core: core("K"))
        }
        #expect(try open(repeating: "K").core.label.marking == "K")
        // U+212A: Swift calls the two texts equal.
        #expect(throws: EnvelopeError.contradiction("core")) { try open(repeating: "\u{212A}") }
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
            (#""approvals":[]"#, #""approvals":[\#(many)]"#),
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
