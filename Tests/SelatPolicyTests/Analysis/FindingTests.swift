import SelatCore
import Testing

@testable import SelatPolicy

/// Doubts about rules against the evaluator, and each kind by an example.
struct FindingTests {
    private static let doubts: Set<PolicyDiagnostic.Code> = [
        .noEffect, .alwaysOverridden, .sameMeaning,
    ]

    private static func without(_ rule: Rule, _ set: PolicySet) throws -> PolicySet {
        var set = set
        var file = try #require(set.file(named: "SG"))
        file.rules.removeAll { $0.name == rule.name }
        file.byFlow = FlowRules.byFlow(file.rules)
        set.jurisdictions[try Country("SG")] = file
        return set
    }

    /// A rule in doubt can go: nothing is permitted otherwise, nothing owed otherwise. A
    /// prohibition that is in no doubt cannot.
    @Test(arguments: Flow.allCases, UInt64(401)...408)
    func rulesInDoubtDoNothing(_ flow: Flow, _ seed: UInt64) throws {
        let editions = try RandomEditions(seed, flow: flow)
        let set = editions.old
        let warned = PolicyAnalysis.warnings(of: set).filter { Self.doubts.contains($0.code) }
        let rules = try #require(set.file(named: "SG")).rules.filter { $0.flows == [flow] }
        let questions = editions.questions()
        for rule in rules {
            let isInDoubt = warned.contains { $0.place == rule.place && $0.file == "SG.yaml" }
            guard isInDoubt || rule.kind == .prohibition else { continue }
            let less = try Self.without(rule, set)
            var differs = false
            for asked in questions {
                let evaluation = try Evaluation(set.counting(asked.signed), asked.question)
                guard evaluation.resolved.contradictions.isEmpty, evaluation.isCoherent else {
                    continue
                }
                let with = try ComparisonTests.said(set, asked, flow, naming: nil)
                let and = try ComparisonTests.said(less, asked, flow, naming: nil)
                let isOther =
                    rule.kind == .prohibition
                    ? with.outcome != and.outcome
                    : (with.outcome == .permitted) != (and.outcome == .permitted)
                        || with.obligations != and.obligations
                differs = differs || isOther
            }
            #expect(differs == !isInDoubt, "\(rule.name)\n\(editions.text.old)")
        }
    }

    // MARK: Examples

    private static let ground =
        "  - {ground: all, flow: export, when: always, basis: {source: own, clause: \"1\"}}\n"

    private static func rule(_ text: String, _ rest: String = "") -> String {
        "  - {\(text), basis: {source: own, clause: \"1\"}\(rest)}\n"
    }

    private static func codes(_ rules: [String]) throws -> [PolicyDiagnostic.Code] {
        let set = try SmallWorld.load(
            SmallWorld.file([ground] + rules, .export, special: "none", alsoWhen: nil))
        // The rule that uses every definition stands in a flow without a ground.
        return PolicyAnalysis.warnings(of: set)
            .filter { $0.file == "SG.yaml" && !$0.message.contains("`elsewhere`") }.map(\.code)
    }

    @Test func soundRulesRaiseNoDoubt() throws {
        let rules = [
            Self.rule("prohibition: one, flow: export, when: {purpose: {some-of: [A]}}"),
            Self.rule("prohibition: two, flow: export, when: {classification: secret}"),
        ]
        #expect(try Self.codes(rules) == [])
    }

    @Test func eachDoubtHasItsCode() throws {
        let a = "{purpose: {some-of: [A]}}"
        #expect(
            try Self.codes([
                Self.rule(
                    "prohibition: none, flow: export, when: {classification: secret}, unless: {classification: {at-least: restricted}}"
                )
            ]) == [.noEffect])
        #expect(
            try Self.codes([
                Self.rule("prohibition: wide, flow: export, when: \(a)"),
                Self.rule("prohibition: narrow, flow: export, when: {purpose: {some-of: [A1]}}"),
            ]) == [.alwaysOverridden])
        #expect(
            try Self.codes([
                Self.rule("prohibition: one, flow: export, when: \(a)"),
                Self.rule(
                    "prohibition: other, flow: export, when: {any: [\(a), {purpose: {some-of: [A1]}}]}"
                ),
            ]).contains(.sameMeaning))
    }

    @Test func listsWithoutACommonCountryContradict() throws {
        func duty(_ name: String, _ country: String) -> String {
            Self.rule(
                "duty: \(name), flow: export, when: {emergency: \(country == "VN" ? "yes" : "no")}",
                ", obligations: [{onward-only-to: [\(country)]}]")
        }
        #expect(try Self.codes([duty("one", "SG"), duty("other", "VN")]) == [])
        let always = Self.rule(
            "duty: third, flow: export, when: always", ", obligations: [{onward-only-to: [MY]}]")
        #expect(try Self.codes([duty("one", "SG"), always]) == [.contradictoryDuties])
    }

    @Test func shippedFilesRaiseNoDoubt() throws {
        let set = try ShippedPolicies.load()
        #expect(PolicyAnalysis.warnings(of: set).map(\.description) == [])
    }

    // MARK: Gaps and pairs

    @Test func aGapIsWhereNoGroundCanApply() throws {
        let set = try SmallWorld.load(
            SmallWorld.file(
                [Self.rule("ground: open, flow: export, when: {classification: unclassified}")],
                .export, special: "none", alsoWhen: nil))
        let gaps = PolicyAnalysis.gaps(of: set).filter { $0.jurisdiction == "SG" }
        let export = try #require(gaps.first { $0.flow == .export })
        #expect(export.when == [["classification: at-least restricted"]])
        #expect(export.isComplete)
        #expect(gaps.first { $0.flow == .transit }?.when == [[]])
        #expect(PolicyAnalysis.gaps(of: set).allSatisfy { $0.jurisdiction == "SG" })
    }

    @Test func aPairIsDeadWhereNothingCanFlow() throws {
        let set = try SmallWorld.load(
            SmallWorld.file(
                [
                    Self.rule("ground: some, flow: export, when: {destination: [VN, TH]}"),
                    Self.rule(
                        "prohibition: never, flow: export, when: {destination: TH, purpose: {none-of: [B]}}"
                    ),
                    Self.rule(
                        "prohibition: nor, flow: export, when: {destination: TH, purpose: {some-of: [A, B]}}"
                    ),
                ], .export, special: "none", alsoWhen: nil))
        let pairs = PolicyAnalysis.deadPairs(of: set).filter { $0.source.code == "SG" }
        #expect(pairs.map(\.destination.code) == ["MY", "TH"])
        #expect(pairs.allSatisfy { $0.reason == .source })
    }
}
