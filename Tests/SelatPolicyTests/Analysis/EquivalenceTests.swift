import SelatPolicy
import Testing

/// Whether an edit of some files changes what they mean.
struct EquivalenceTests {
    private static func isEquivalent(_ name: String, _ old: String, _ new: String) throws -> Bool {
        PolicyDiff.isEquivalent(
            try FrozenPolicies.load(),
            try PolicySet.load(files: FrozenPolicies.sources(changing: name, old, to: new)))
    }

    @Test func aSetMeansWhatItMeans() throws {
        #expect(PolicyDiff.isEquivalent(try FrozenPolicies.load(), try FrozenPolicies.load()))
    }

    @Test func textsThatAreOnlyCitedDoNotMatter() throws {
        #expect(try Self.isEquivalent("MY", "title: \"Malaysia\"", "title: \"Negara Malaysia\""))
        #expect(try Self.isEquivalent("MY", "clause: \"s. 40\"", "clause: \"s. 41\""))
    }

    @Test func anotherWayToSayTheSameIsTheSame() throws {
        #expect(
            try Self.isEquivalent(
                "MY", "when: {special-category: yes}\n    unless: {any: [",
                "when: {any: [{special-category: yes}, {special-category: yes, emergency: yes}]}"
                    + "\n    unless: {any: ["))
        #expect(
            try Self.isEquivalent(
                "MY", "{data-subjects: {more-than: 1000}}", "{data-subjects: {at-least: 1001}}"))
        // Special categories are categories, and where there are some, there are persons.
        #expect(
            try Self.isEquivalent(
                "VN", "when: {categories: {some-of: [pd:Biometric, pd:Location]}}",
                "when: {categories: {some-of: [pd:Location, pd:Biometric, pd:Fingerprint]}}"))
    }

    /// Singapore's file with a counter of special data, of which its rules see nothing but the sum.
    private static func counting(_ special: String) throws -> [PolicySource] {
        let definitions = """
            special: {categories: [\(special)]}
            counters:
              SG:special:
                adds: data-subjects
                of: {special-category: yes}
                to: anywhere
                over: 365 days
            """
        let rule = """

            rules:
              - prohibition: too-many
                flow: export
                when: {SG:special: {more-than: 1000}}
                basis: {source: own, clause: "No more of them at once"}

            """
        return try FrozenPolicies.sources().map { source in
            guard source.name == "Policies/SG.yaml" else { return source }
            let text = String(decoding: source.bytes, as: UTF8.self)
                .replacing("special: none", with: definitions).replacing("\nrules:\n", with: rule)
            return PolicySource(name: source.name, bytes: Array(text.utf8))
        }
    }

    @Test func whatACounterCountsIsSeen() throws {
        let old = try Self.counting("pd:Biometric, pd:Location")
        let new = try Self.counting("pd:Biometric")
        let changes = PolicyDiff.textChanges(from: old, to: new)
        #expect(changes.map(\.path) == ["special.categories"])
        #expect(changes.map(\.reach) == [.input])
        let set = try PolicySet.load(files: old)
        #expect(PolicyDiff.isEquivalent(set, set))
        let edited = try PolicySet.load(files: new)
        #expect(!PolicyDiff.isEquivalent(set, edited))
        // Where nothing is counted by it, the rules say what it means.
        let plain = PolicyDiff.textChanges(
            from: try FrozenPolicies.sources(),
            to: try FrozenPolicies.sources(
                changing: "MY", "special: {categories: [pd:MedicalHealth, ",
                to: "special: {categories: ["))
        #expect(plain.isEmpty)
    }

    @Test func whatChangesAnyVerdictIsSeen() throws {
        #expect(
            try !Self.isEquivalent(
                "MY", "{data-subjects: {more-than: 1000}}", "{data-subjects: {more-than: 1001}}"))
        #expect(try !Self.isEquivalent("MY", "within: 72 hours", "within: 71 hours"))
        #expect(try !Self.isEquivalent("MY", "{emergency: yes}]}", "{emergency: no}]}"))
        #expect(try !Self.isEquivalent("MY", "in-force: 2025-06-01", "in-force: 2025-06-02"))
        #expect(try !Self.isEquivalent("SG", "destination-sector: business", "emergency: yes"))
        #expect(
            try !Self.isEquivalent(
                "vocabulary", "pd:Fingerprint: {under: [pd:Biometric]}", "pd:Fingerprint: {}"))
    }
}
