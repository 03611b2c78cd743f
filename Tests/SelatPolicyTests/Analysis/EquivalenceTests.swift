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
