import SelatCore
import SelatPolicy
import SelatTestSupport
import Testing

/// The reader of cases is as strict as that of policy files, and says where and what instead.
@Suite("The reader of cases")
struct CaseReaderTests {
    /// One sound case, in which each test makes one mistake.
    static let sound = """
        at: 2026-09-01T00:00:00Z
        tests:
          - test: "gauges"
            facts: {source: SG, destination: VN, personal-data: no, purpose: [selat:EarlyWarning], classification: unclassified}
            verdict: permitted
            ground: SG/not-personal
            prohibitions: []
            obligations: ["onward-only-to none"]

        """

    static func read(_ text: String) throws -> [PolicyCase] {
        try PolicyCaseReader.read(
            [PolicySource(name: "tests/cases.yaml", bytes: Array(text.utf8))],
            for: try FrozenPolicies.load())
    }

    @Test func aSoundCaseIsReadWithItsPlace() throws {
        let read = try Self.read(Self.sound)
        let example = try #require(read.first)
        #expect(read.count == 1)
        #expect(example.name == "gauges")
        #expect(example.place == Place(line: 3, column: 5))
        #expect(example.question.decided.text == "2026-09-01T00:00:00Z")
        #expect(example.expected[.prohibitions] == [])
        #expect(example.expected[.missing] == nil)
        #expect(CaseRun(read, in: try FrozenPolicies.load()).failed.isEmpty)
    }

    @Test func aCaseMayNameItsOwnTime() throws {
        let text = Self.sound.replacing(
            #"- test: "gauges""#, with: "- test: \"gauges\"\n    at: 2026-10-01")
        #expect(try Self.read(text).first?.question.decided.text == "2026-10-01T00:00:00Z")
    }

    struct Mistake: Sendable, CustomTestStringConvertible {
        let old: String
        let new: String
        /// The diagnostic, from its place on.
        let found: String
        var testDescription: String { found }
    }

    static let mistakes = [
        Mistake(
            old: "verdict: permitted", new: "verdict: permited",
            found: "5:14: `permited` is no verdict; did you mean `permitted`? [unknown-word]"),
        Mistake(
            old: "verdict: permitted", new: "verdit: permitted",
            found: "5:5: unknown key `verdit` in a test; did you mean `verdict`? [unknown-key]"),
        Mistake(
            old: "ground: SG/not-personal", new: "ground: SG/not-persona",
            found: "6:13: `SG/not-persona` is no ground of the set; did you mean "
                + "`SG/not-personal`? [unknown-word]"),
        Mistake(
            old: "purpose: [selat:EarlyWarning]", new: "purpose: [selat:EarlyWarnin]",
            found: "4:71: `selat:EarlyWarnin` is no value of `purpose`; did you mean "
                + "`selat:EarlyWarning`? [unknown-term]"),
        Mistake(
            old: "purpose: [selat:EarlyWarning]", new: "purpose: selat:EarlyWarning",
            found: "4:70: `purpose` is a set: write it in brackets, `[…]` [wrong-type]"),
        Mistake(
            old: "personal-data", new: "personal-dat",
            found: "4:42: unknown fact `personal-dat`; did you mean `personal-data`? "
                + "[unknown-fact]"),
        Mistake(
            old: "personal-data: no", new: "personal-data: No",
            found: "4:57: `personal-data` must be `yes` or `no`, not `No` [wrong-type]"),
        Mistake(
            old: "destination: VN, ", new: "",
            found: "4:12: the facts lack `destination` [missing-key]"),
        Mistake(
            old: "destination: VN", new: "destination: XX",
            found: "4:38: `XX` is no country code of ISO 3166-1; did you mean `AX`? "
                + "[unknown-country]"),
        Mistake(
            old: "classification: unclassified", new: "tlp: \"TLP:GREEN\"",
            found: "4:12: the facts have a label without `classification` [missing-key]"),
        Mistake(
            old: "personal-data: no", new: "personal-data: no, safeguard: [certification]",
            found: "4:61: `safeguard` cannot be stated: it comes from the instruments in force; "
                + "name them in `signed` [misplaced]"),
        Mistake(
            old: "prohibitions: []", new: "prohibitions: [SG/not-personal]",
            found: "7:20: `SG/not-personal` is no prohibition of the set [unknown-word]"),
        Mistake(
            old: "prohibitions: []", new: "duties: [VN/breech]",
            found: "7:14: `VN/breech` is no duty of the set; did you mean `VN/breach`? "
                + "[unknown-word]"),
        Mistake(
            old: "prohibitions: []", new: "by-law: [VN/receiv]",
            found: "7:14: `VN/receiv` is no rule of the set; did you mean `VN/receive`? "
                + "[unknown-word]"),
        Mistake(
            old: "prohibitions: []", new: "signed: [sg-vn-relief-2025]",
            found: "7:14: `sg-vn-relief-2025` is no instrument of the set; did you mean "
                + "`sg-vn-relief-2026`? [unknown-word]"),
        Mistake(
            old: "test: \"gauges\"", new: "test: gauges",
            found: "3:11: test must be quoted: \"gauges\" [unquoted]"),
        Mistake(
            old: "2026-09-01T00:00:00Z", new: "2026-09-31",
            found: "1:5: at: `2026-09-31` is no date; write it as `2026-12-31` [date]"),
    ]

    @Test("a mistake is found with its place", arguments: mistakes)
    func aMistakeIsFound(_ mistake: Mistake) throws {
        let text = Self.sound.replacing(mistake.old, with: mistake.new)
        let errors = try #require(throws: PolicyErrors.self) { try Self.read(text) }
        #expect(
            errors.diagnostics.map(\.description).contains("tests/cases.yaml:\(mistake.found)"),
            "\(errors)")
    }

    @Test func twoTestsOfOneNameAreRefused() throws {
        let again = Self.sound.split(separator: "\n").dropFirst(2).joined(separator: "\n")
        let twice = Self.sound + again
        let errors = try #require(throws: PolicyErrors.self) { try Self.read(twice) }
        #expect(errors.diagnostics.map(\.code) == [.doubled])
    }

    @Test func whateverBytesBecomeIsACaseOrAMistake() throws {
        let set = try FrozenPolicies.load()
        for bytes in Mutations.of(Array(Self.sound.utf8), count: 2_000, seed: 11) {
            let source = PolicySource(name: "tests/cases.yaml", bytes: bytes)
            do throws(PolicyErrors) {
                let cases = try PolicyCaseReader.read([source], for: set)
                #expect(CaseRun(cases, in: set).results.count == cases.count)
            } catch {
                #expect(!error.diagnostics.isEmpty)
            }
        }
    }
}
