import SelatCore
import SelatTestSupport
import Testing

@testable import SelatTransport

/// What a peer says of its policy editions, before anything of it is believed.
struct PolicyDocumentTests {
    private let digest = "sha256:" + String(repeating: "5a", count: 32)

    private func index(_ text: String) throws -> [OfferedEdition] {
        try PolicyIndex.read(Array(text.utf8))
    }

    @Test func anIndexSurvivesTheRound() throws {
        let offered = OfferedEdition(
            name: "SG", number: 2, digest: try Digest(digest),
            inForce: try Timestamp("2026-12-01T00:00:00Z"))
        #expect(try PolicyIndex.read(PolicyIndex.json([offered, offered]).canonical).count == 2)
        #expect(try PolicyIndex.read(PolicyIndex.json([offered]).canonical) == [offered])
        let file = SignedFile(name: "SG", bytes: Array("a: b\n".utf8), signatures: [1, 2, 3])
        #expect(try SignedFile(parsing: file.json.canonical) == file)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"editions": {}}"#, #"{"editions": [{}]}"#,
        #"{"editions": [], "more": 1}"#, #"{"editions": [1]}"#,
        #"{"editions": [{"name": "SG", "edition": -1, "digest": "sha256:", "in-force": ""}]}"#,
    ])
    func anotherDocumentIsRefused(_ text: String) {
        #expect(throws: CoreError.self) { try index(text) }
        #expect(throws: CoreError.self) { try SignedFile(parsing: Array(text.utf8)) }
    }

    @Test func ofAnEndlessIndexTheFirstLinesCount() throws {
        let offered = OfferedEdition(
            name: "SG", number: 2, digest: try Digest(digest), inForce: Timestamp(seconds: 0))
        let many = Array(repeating: offered, count: Limits.offeredEditionsMax + 1)
        #expect(
            try PolicyIndex.read(PolicyIndex.json(many).canonical).count
                == Limits.offeredEditionsMax)
    }

    @Test func mutatedDocumentsGiveAValueOrAnError() throws {
        let file = SignedFile(name: "SG", bytes: Array("a: b\n".utf8), signatures: [1, 2, 3])
        for changed in Mutations.of(file.json.canonical, count: 500, seed: 11) {
            _ = try? SignedFile(parsing: changed)
            _ = try? PolicyIndex.read(changed)
        }
    }
}
