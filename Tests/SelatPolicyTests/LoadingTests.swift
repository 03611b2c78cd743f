import Foundation
import SelatCore
import SelatTestSupport
import Testing

@testable import SelatPolicy

/// A change to a shipped file and the error that it must give.
struct Misspelling: Sendable, CustomTestStringConvertible {
    let file: String
    let old: String
    let new: String
    let expected: String
    var testDescription: String { "\(file): \(new)" }

    init(_ file: String, _ old: String, _ new: String, _ expected: String) {
        self.file = file
        self.old = old
        self.new = new
        self.expected = expected
    }

    static let all = [
        Misspelling(
            "MY", "purpose: {only: [dpv:PublicBenefit]}",
            "purpose: {all-of: [dpv:PublicBenefit]}",
            "write `only` beside `all-of` [some-of-in-ground]"),
        Misspelling(
            "agreements", "territory: [MY, SG]",
            "territory: [MY, SG]\n    covers2: always", "[unknown-key]"),
        Misspelling(
            "agreements", "covers: {destination-sector: business,",
            "covers: {special-category: no,", "`special-category` is not known here"),
        Misspelling(
            "agreements", "covers: {destination-sector: business,",
            "covers: {national-category: {none-of: [VN:core-data]},",
            "`national-category` is not known here"),
        Misspelling(
            "agreements", "covers: {destination-sector: business,",
            "covers: {safeguard: {some-of: [adequacy]},", "`safeguard` is not known here"),
        Misspelling(
            "ASEAN", "when: {emergency: yes}\n    unless",
            "when: {special-category: yes}\n    unless", "`special-category` is not known here"),
        Misspelling(
            "MY", "      - retention:", "      - retenion:",
            "unknown key `retenion` in an obligation; did you mean `retention`? [unknown-key]"),
        Misspelling(
            "SG", "edition: 1", "edition: 01",
            "edition: `01` is no number; write digits only: `1` [number]"),
        Misspelling(
            "MY", "{more-than: 1000}", "{more-than: 1.000}", "write digits only: `1000` [number]"),
        Misspelling(
            "MY", "{more-than: 1000}", "{more-than: 1e3}", "write digits only: `1000` [number]"),
        Misspelling("MY", "180 days", "180d", "write `72 hours` or `180 days` [duration]"),
        Misspelling("SG", "2026-12-31", "2026-31-12", "[date]"),
        Misspelling(
            "SG", "when: {personal-data: no}", "when: {personal-data: No}",
            "must be `yes` or `no`, not `No` [wrong-type]"),
        Misspelling(
            "SG", "when: {personal-data: no}", "when: {personel-data: no}",
            "did you mean `personal-data`? [unknown-fact]"),
        Misspelling(
            "SG", "some-of: [SG:consent]", "some-of: [SG:consemt]",
            "did you mean `SG:consent`? [unknown-term]"),
        Misspelling(
            "SG", "document: {some-of: [SG:consent]}", "document: [SG:consent]", "[bare-list]"),
        Misspelling("MY", "purpose: {only:", "purpose: {some-of:", "[some-of-in-ground]"),
        Misspelling(
            "VN", "{at-most: unclassified}", "{at-most: restricted}", "VN has no level `restricted`"
        ),
        Misspelling(
            "SG", "{at-most: restricted}",
            "{at-most: restricted}, purpose: {only: [selat:Defence]}",
            "no relay sees the fact `purpose` [unseen-by-relay]"),
        Misspelling(
            "SG", "{source: own, clause: \"to be named\"}", "{source: ow, clause: \"to be named\"}",
            "did you mean `own`? [unknown-source]"),
        Misspelling(
            "SG", "    basis: {source: regs, clause: \"reg. 11\"}\n", "",
            "lacks `basis`; write `basis` with a source and a clause [uncited]"),
        Misspelling(
            "SG", "title: \"Singapore\"", "title: Singapore",
            "must be quoted: \"Singapore\" [unquoted]"),
        Misspelling(
            "SG", "ground: consent", "ground: not-personal",
            "two rules are named `not-personal` [doubled]"),
        Misspelling("SG", "edition: 1", "edition: 1\nedition: 2", "[duplicate-key]"),
        Misspelling("SG", "jurisdiction: SG", "jurisdiction: MY", "[file-name]"),
        Misspelling(
            "SG", "authorities:\n", "authorities:\n  SG:csa: {title: \"Nobody\"}\n",
            "`SG:csa` of `authorities` is used nowhere [unused]"),
        Misspelling(
            "SG", "to: \"SG:pdpc\"", "to: \"SG:pdcp\"", "did you mean `SG:pdpc`? [unknown-word]"),
        Misspelling(
            "MY", "role: data-protection-officer", "role: data-protection-oficer",
            "did you mean `data-protection-officer`? [unknown-word]"),
        Misspelling("SG", "flow: transit", "flow: any", "[unknown-word]"),
        Misspelling("ASEAN", "flow: any", "flow: export", "[misplaced]"),
        Misspelling(
            "ASEAN", "- prohibition: emergency", "- ground: emergency",
            "prohibitions and duties only [misplaced]"),
        Misspelling("SG", "title: \"Singapore\"", "title: &s \"Singapore\"", "[yaml-feature]"),
        Misspelling("SG", "title: \"Singapore\"", "title: *s", "[yaml-feature]"),
        Misspelling("SG", "title: \"Singapore\"", "title: !!str \"Singapore\"", "[yaml-feature]"),
        Misspelling("SG", "title: \"Singapore\"", "title: |\n  Singapore", "[yaml-feature]"),
        Misspelling("SG", "edition: 1", "<<: {edition: 1}", "a merge key"),
        Misspelling("SG", "edition: 1", "edition:\t1", "a tab; write spaces [syntax]"),
        Misspelling("SG", "edition: 1", "edition: 1\u{0}", "control character (U+0000) [encoding]"),
        Misspelling(
            "SG", "Singapore's", "\u{202E}Singapore's", "direction of reading (U+202E) [encoding]"),
        Misspelling("SG", "edition: 1", "---\nedition: 1", "[yaml-feature]"),
        Misspelling("SG", "edition: 1", "edition: 1\n...\n---\nedition: 2", "[yaml-feature]"),
        Misspelling(
            "SG", "title: \"Singapore\"", "title: \"Sing\\u202Eapore\"",
            "direction of reading (U+202E) [encoding]"),
        Misspelling(
            "SG", "title: \"Singapore\"", "title: \"Sing\\0apore\"",
            "a control character (U+0000) [encoding]"),
        Misspelling(
            "SG", "title: \"Singapore\"", "title: \"Singa\\npore\"",
            "a line break within a text [encoding]"),
        Misspelling("SG", "edition: 1", "edition: 0o17", "is no number"),
        Misspelling("SG", "edition: 1", "edition: +1", "is no number"),
        Misspelling("SG", "destination-sector: business", "destination: NOR", "[unknown-term]"),
        Misspelling("SG", "edition: 1", "edition:", "nothing stands here"),
        Misspelling(
            "VN", "some-of: [VN]", "some-of: [VM]", "`VM` is no value of `subject-nationalities`"),
        Misspelling(
            "SG", "from: 2026-03-02\n", "from: 2026-03-02\n    until: 2026-03-02\n",
            "[contradictory-dates]"),
        Misspelling(
            "SG", "from: 2026-03-02\n", "from: 2026-03-02\n    exemption: \"s. 4(1)(c)\"\n",
            "[missing-until]"),
        Misspelling(
            "SG", "from: 2026-03-02\n",
            "from: 2026-03-02\n    until: 2027-03-04\n    exemption: \"s. 4(1)(c)\"\n",
            "write `until: 2027-03-03` or earlier [until-too-late]"),
        Misspelling(
            "SG", "review-by: 2026-12-31", "review-by: 2026-03-02", "[contradictory-dates]"),
        Misspelling(
            "SG", "{at-most: restricted}", "{more-than: top-secret}", "no value can meet"),
        Misspelling(
            "MY", "purpose: {only: [dpv:PublicBenefit]}", "purpose: {only: [dpv:Marketing]}",
            "a term of DPV counts where the vocabulary lists it for this [unknown-term]"),
        Misspelling(
            "MY", "      - retention: {at-most: 180 days}",
            "      - retention: {at-most: 180 days}\n      - retention: {at-most: 180 days}",
            "the same obligation stands twice [doubled]"),
        Misspelling(
            "agreements", "parties: [SG, VN]", "parties: [SG]",
            "name the other, or write `by` and `of` [one-party]"),
        Misspelling(
            "agreements", "until: 2028-12-31", "until: 2025-12-31", "[contradictory-dates]"),
        Misspelling(
            "vocabulary", "personal-data:         {type: yes-no",
            "personal-data:         {type: number", "[vocabulary]"),
        Misspelling(
            "vocabulary", "pd:Genetic: {under: [pd:Health]}", "pd:Genetic: {under: [pd:Helth]}",
            "did you mean `pd:Health`? [unknown-term]"),
        Misspelling(
            "vocabulary", "pd:MedicalHealth: {under: [dpv:SpecialCategoryPersonalData]}",
            "pd:MedicalHealth: {under: [pd:Health]}", "stands above itself [vocabulary]"),
    ]
}

@Suite("Loading")
struct LoadingTests {
    @Test("a mistake is refused with its place and what to write", arguments: Misspelling.all)
    func mistakeIsRefused(_ mistake: Misspelling) throws {
        let files = try FrozenPolicies.sources(
            changing: mistake.file, mistake.old, to: mistake.new)
        let errors = try #require(throws: PolicyErrors.self) { try PolicySet.load(files: files) }
        let texts = errors.diagnostics.map(\.description)
        #expect(texts.contains { $0.contains(mistake.expected) }, "\(texts)")
        #expect(texts.allSatisfy { $0.hasPrefix("Policies/") })
    }

    @Test("a diagnostic names file, line and column")
    func diagnosticNamesItsPlace() throws {
        let files = try FrozenPolicies.sources(
            changing: "MY", "      - retention:", to: "      - retenion:")
        let errors = try #require(throws: PolicyErrors.self) { try PolicySet.load(files: files) }
        let text = String(decoding: try FrozenPolicies.bytes("MY.yaml"), as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let line = try #require(lines.firstIndex { $0.contains("- retention") })
        #expect(errors.diagnostics.map(\.line) == [line + 1])
        #expect(errors.diagnostics.map(\.column) == [9])
    }

    @Test("every error of every file is listed")
    func allErrorsAreListed() throws {
        var files = try FrozenPolicies.sources(changing: "MY", "180 days", to: "180d")
        files = try files.map { source in
            guard source.name.hasSuffix("VN.yaml") else { return source }
            let other = try FrozenPolicies.sources(
                changing: "VN", "flow: transit", to: "flow: transi")
            return try #require(other.first { $0.name == source.name })
        }
        let errors = try #require(throws: PolicyErrors.self) { try PolicySet.load(files: files) }
        #expect(errors.diagnostics.map(\.code) == [.duration, .unknownWord])
    }

    @Test("a set lacks no part", arguments: ["ASEAN", "agreements", "vocabulary"])
    func missingFileIsRefused(name: String) throws {
        let files = try FrozenPolicies.sources().filter { !$0.name.hasSuffix("/\(name).yaml") }
        let errors = try #require(throws: PolicyErrors.self) { try PolicySet.load(files: files) }
        #expect(errors.diagnostics.map(\.code) == [.missingFile])
    }

    @Test("two files for one country are refused")
    func doubledFileIsRefused() throws {
        let files = try FrozenPolicies.sources()
        let again = PolicySource(name: "other/SG.yaml", bytes: files[2].bytes)
        let errors = try #require(throws: PolicyErrors.self) {
            try PolicySet.load(files: files + [again])
        }
        #expect(errors.diagnostics.contains { $0.code == .doubledFile })
    }

    @Test(
        "bytes that are no text are refused",
        arguments: [
            ([0xEF, 0xBB, 0xBF] as [UInt8], PolicyDiagnostic.Code.encoding),
            ([0xC3, 0x28], .encoding),
            ([0xFF, 0xFE], .encoding), ([], .syntax),
            (Array(repeating: 0x20, count: Limits.policyFileBytesMax + 1), .size),
        ])
    func badBytesAreRefused(bytes: [UInt8], code: PolicyDiagnostic.Code) throws {
        let rest = try FrozenPolicies.sources().dropFirst()
        let files = [PolicySource(name: "ASEAN.yaml", bytes: bytes)] + rest
        let errors = try #require(throws: PolicyErrors.self) { try PolicySet.load(files: files) }
        #expect(errors.diagnostics.contains { $0.code == code })
    }

    @Test("ten megabytes are refused before they are parsed", arguments: ["a", "- [", "\"", "# "])
    func hugeFileIsRefused(piece: String) throws {
        let text = String(repeating: piece, count: 10_000_000 / piece.utf8.count)
        let document = PolicyDocument(PolicySource(name: "SG.yaml", bytes: Array(text.utf8)))
        #expect(document.root == nil)
        #expect(document.problems.map(\.code) == [.size])
    }

    @Test("deep nesting is refused", arguments: ["[", "{a: ", "- "])
    func deepNestingIsRefused(open: String) throws {
        let text =
            "jurisdiction: " + (open == "- " ? "\n" : "") + String(repeating: open, count: 20_000)
        let files =
            [PolicySource(name: "SG.yaml", bytes: Array(text.utf8))]
            + (try FrozenPolicies.sources().filter { !$0.name.hasSuffix("SG.yaml") })
        #expect(throws: PolicyErrors.self) { try PolicySet.load(files: files) }
    }

    @Test("a review that is due is a warning, and the file stays in force")
    func dueReviewWarns() throws {
        let set = try PolicySet.load(
            files: try FrozenPolicies.sources(), now: try Timestamp("2027-06-01T00:00:00Z"))
        #expect(set.warnings.map(\.code) == Array(repeating: .review, count: 4))
        #expect(try set.decide(.gauges()).verdict.outcome == .permitted)
    }

    @Test("a mutated set is loaded or refused", arguments: FrozenPolicies.names)
    func mutationsAreLoadedOrRefused(name: String) throws {
        let files = try FrozenPolicies.sources()
        let target = try #require(files.first { $0.name == "Policies/\(name).yaml" })
        var refused = 0
        for bytes in Mutations.of(target.bytes, count: 100, seed: 20_260_901) {
            let changed = files.map {
                $0.name == target.name ? PolicySource(name: $0.name, bytes: bytes) : $0
            }
            do throws(PolicyErrors) {
                _ = try PolicySet.load(files: changed)
            } catch {
                #expect(!error.diagnostics.isEmpty)
                refused += 1
            }
        }
        #expect(refused > 30)
    }

    @Test(
        "what the YAML suite calls invalid is refused, and no case crashes",
        .enabled(if: Material.exists, "\(Material.absent)"))
    func suiteIsRefused() throws {
        var invalid = 0
        for url in try Material.files("yaml-test-suite/src") {
            let name = url.lastPathComponent
            for example in YAMLSuiteCase.all(try Material.read("yaml-test-suite/src/\(name)")) {
                var reader = DocumentReader(file: name)
                let root = reader.root(of: PolicySource(name: name, bytes: example.input))
                #expect((root == nil) == !reader.problems.isEmpty)
                guard example.mustFail else { continue }
                invalid += 1
                #expect(root == nil, "\(name)")
            }
        }
        #expect(invalid > 80)
    }
}

/// The suite's files hold their inputs as literal blocks under `yaml:`, with visible marks for what
/// cannot be seen.
struct YAMLSuiteCase {
    var input: [UInt8] = []
    var mustFail = false

    static func all(_ bytes: [UInt8]) -> [YAMLSuiteCase] {
        var cases: [YAMLSuiteCase] = []
        var block: [Substring]?
        let lines = String(decoding: bytes, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false)
        for line in lines + ["- end"] {
            if let open = block, !line.hasPrefix("    "), !line.isEmpty {
                cases[cases.count - 1].input = plain(open)
                block = nil
            }
            if block != nil {
                block?.append(line.dropFirst(4))
                continue
            }
            if line.hasPrefix("- ") { cases.append(YAMLSuiteCase()) }
            let key = line.dropFirst(2)
            if key.hasPrefix("yaml: |") { block = [] }
            if key == "fail: true", !cases.isEmpty { cases[cases.count - 1].mustFail = true }
        }
        return cases.filter { !$0.input.isEmpty }
    }

    private static func plain(_ lines: [Substring]) -> [UInt8] {
        let marks: [Character: String] = [
            "␣": " ", "—": "", "»": "\t", "↵": "", "∎": "", "←": "\r", "⇔": "\u{FEFF}",
        ]
        let text = lines.joined(separator: "\n")
        return Array(text.map { marks[$0] ?? String($0) }.joined().utf8)
    }
}
