import SelatCore
import Testing

@testable import SelatPolicy

@Suite("Layout")
struct LayoutTests {
    static let names =
        ShippedPolicies.names.map { "\($0).yaml" } + ["tests/MY.yaml", "tests/crossings.yaml"]

    private static func format(_ name: String, _ text: String) throws -> String {
        try PolicyLayout.format(
            PolicySource(name: name, bytes: Array(text.utf8)),
            vocabulary: PolicySource(
                name: "vocabulary.yaml", bytes: try ShippedPolicies.bytes("vocabulary.yaml")))
    }

    @Test(
        "a shipped file laid out says the same, and is laid out again to the byte", arguments: names
    )
    func layoutKeepsWhatIsSaid(name: String) throws {
        let text = String(decoding: try ShippedPolicies.bytes(name), as: UTF8.self)
        let once = try Self.format(name, text)
        #expect(try Self.format(name, once) == once)
        let before = PolicyDocument(PolicySource(name: name, bytes: Array(text.utf8)))
        let after = PolicyDocument(PolicySource(name: name, bytes: Array(once.utf8)))
        #expect(try #require(before.root).says(try #require(after.root)))
        #expect(Comments(text).all.map(\.text) == Comments(once).all.map(\.text))
    }

    @Test("the editions before and after mean the same")
    func editionsMeanTheSame() throws {
        let files = try ShippedPolicies.sources()
        let laidOut = try files.map { source in
            let name = String(source.name.split(separator: "/").last ?? "")
            let text = try Self.format(name, String(decoding: source.bytes, as: UTF8.self))
            return PolicySource(name: source.name, bytes: Array(text.utf8))
        }
        let before = Meaning(try PolicySet.load(files: files))
        #expect(Meaning(try PolicySet.load(files: laidOut)) == before)
    }

    @Test("comments stay where they stood, terms get their labels, long lines are broken")
    func layoutIsCanonical() throws {
        let text = """
            # above
            jurisdiction:    MY   # beside
            title: 'It''s "quoted"'

            # of the sources
            sources: {pdpa: {title: "A",
               cite: "B"}}
            rules:
            - ground:   a
              flow: [ export,   import ]
              # of the condition
              when: {purpose: {only: [dpv:PublicBenefit]}}


            - ground: b
            # the end
            """
        let expected = """
            # above
            jurisdiction: MY  # beside
            title: "It's \\"quoted\\""

            # of the sources
            sources:
              pdpa: {title: "A", cite: "B"}
            rules:
              - ground: a
                flow: [export, import]
                # of the condition
                when: {purpose: {only: [dpv:PublicBenefit]}}  # = Public benefit

              - ground: b
            # the end

            """
        #expect(try Self.format("MY.yaml", text) == expected)
        #expect(try Self.format("MY.yaml", expected) == expected)
    }

    @Test(
        "what does not parse is left as it is", arguments: ["a: [b", "a: 1\na: 2", "\u{FEFF}a: 1"])
    func faultyFileIsLeft(text: String) {
        #expect(throws: PolicyLayout.Fault.self) { try Self.format("MY.yaml", text) }
    }

    @Test("a new file passes the checks", arguments: ["PG", "NO", "SG"])
    func newFilePasses(code: String) throws {
        let text = PolicyHead.text(
            for: try Country(code), inForce: try Timestamp("2026-09-01T00:00:00Z"))
        let name = "Policies/\(code).yaml"
        let others = try ShippedPolicies.sources().filter { source in
            source.name.hasSuffix("vocabulary.yaml") || source.name.hasSuffix("ASEAN.yaml")
        }
        let agreements = """
            agreements: selat
            edition: 1
            in-force: 2026-01-01
            instruments: []
            """
        let files =
            others + [
                PolicySource(name: name, bytes: Array(text.utf8)),
                PolicySource(name: "Policies/agreements.yaml", bytes: Array(agreements.utf8)),
            ]
        let set = try PolicySet.load(files: files)
        #expect(set.warnings == [])
        #expect(set.countries == [try Country(code)])
        #expect(try Self.format(name, text) == text)
    }
}
