import SelatCore
import SelatPolicy
import Testing

/// What the vocabulary calls its terms is kept, and a label of nothing is refused.
@Suite("Labels of the vocabulary")
struct LabelTests {
    static let level = "seen-by-relay: yes}\n  releasable-to"

    @Test func wordingsAreFoundInTheLanguageOrElseInEnglish() throws {
        let labels = try FrozenPolicies.load().labels
        let benefit = Labels.Subject.term("dpv:PublicBenefit")
        #expect(labels.wording(benefit, in: .vi)?.text == "Lợi ích công cộng")
        #expect(labels.wording(benefit, in: .th)?.language == .th)
        let warning = labels.wording(.term("selat:EarlyWarning"), in: .vi)
        #expect(warning?.text == "Early warning" && warning?.language == .en)
        #expect(labels.wording(.role("releasing-officer"), in: .id)?.text == "Releasing officer")
        #expect(labels.wording(.term("pd:Name"), in: .en) == nil)
    }

    @Test func factsAndTheValuesThatTheyListHaveLabels() throws {
        let files = try FrozenPolicies.sources(
            changing: "vocabulary", Self.level,
            to: "seen-by-relay: yes, label: {en: Level}, labels: {secret: {ms: Rahsia}}}"
                + "\n  releasable-to")
        let labels = try PolicySet.load(files: files).labels
        #expect(labels.wording(.fact("classification"), in: .en)?.text == "Level")
        let secret = labels.wording(.value("secret", fact: "classification"), in: .ms)
        #expect(secret?.text == "Rahsia")
    }

    @Test(
        "a label of nothing is refused",
        arguments: [
            ("label: {xx: Level}", "unknown key `xx` in a label"),
            (
                "labels: {secre: {en: Secret}}",
                "`secre` is no value of `classification`; did you mean"
            ),
            ("labels: {secret: Secret}", "a label must be keys with values"),
        ])
    func aLabelOfNothingIsRefused(_ label: String, _ message: String) throws {
        let files = try FrozenPolicies.sources(
            changing: "vocabulary", Self.level,
            to: "seen-by-relay: yes, \(label)}\n  releasable-to")
        let errors = try #require(throws: PolicyErrors.self) { try PolicySet.load(files: files) }
        #expect(errors.diagnostics.contains { $0.message.contains(message) }, "\(errors)")
    }

    @Test func aFactThatListsNoValuesHasNoLabelsOfThem() throws {
        let files = try FrozenPolicies.sources(
            changing: "vocabulary", "{type: set, terms: purpose,",
            to: "{type: set, labels: {dpv:PublicBenefit: {en: Good}}, terms: purpose,")
        let errors = try #require(throws: PolicyErrors.self) { try PolicySet.load(files: files) }
        #expect(errors.diagnostics.map(\.code).contains(.misplaced))
    }
}
