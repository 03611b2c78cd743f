import SelatCore
import SelatPolicy
import Testing

/// A run says which cases failed, and which rules nobody would miss.
@Suite("A run of cases")
struct CaseRunTests {
    static func run(_ old: String, _ new: String, filter: String? = nil) throws -> CaseRun {
        let cases = try CaseReaderTests.read(CaseReaderTests.sound.replacing(old, with: new))
        return CaseRun(cases, in: try FrozenPolicies.load(), filter: filter)
    }

    @Test func aFailedCaseSaysWhatWasExpectedWhatCameAndWhy() throws {
        let run = try Self.run("classification: unclassified", "classification: restricted")
        let lines = try #require(run.failed.first?.failureLines)
        #expect(!run.isPassed)
        #expect(
            lines[0] == "tests/cases.yaml:3:5: case \"gauges\": verdict: expected `permitted`, "
                + "got `refused`")
        #expect(
            lines.contains {
                $0.hasPrefix("    because selat: no signed instrument covers this classification")
            })
        #expect(run.json["failed"] == 1)
    }

    @Test func anEmptyListExpectsNothing() throws {
        let run = try Self.run("[\"onward-only-to none\"]", "[]")
        #expect(
            run.failed.first?.failureLines.first
                == "tests/cases.yaml:3:5: case \"gauges\": obligations: expected none, got "
                + "`onward-only-to none`")
    }

    @Test func aRuleDecidesWhereItsRemovalChangesTheVerdict() throws {
        let run = try Self.run("", "")
        let result = try #require(run.results.first)
        #expect(result.deciding == ["SG/not-personal", "VN/receive"])
        #expect(run.rules.filter { $0.cases > 0 }.map(\.rule) == ["SG/not-personal", "VN/receive"])
        #expect(run.silentRules.count == run.rules.count - 2)
        #expect(!run.isPassed)
        let silent = try #require(run.silentRules.first { $0.rule == "SG/pass" })
        #expect(silent.silenceLine.hasSuffix("the rule `SG/pass` decides in no case"))
        #expect(silent.silenceLine.hasPrefix("Policies/SG.yaml:"))
    }

    @Test func aNamedGroundDecidesThoughItDoesNotApply() throws {
        let run = try Self.run(
            "verdict: permitted\n    ground: SG/not-personal",
            "chosen: SG/consent\n    verdict: refused")
        #expect(run.results.first?.deciding.contains("SG/consent") == true)
    }

    @Test func aFilteredRunJudgesNoRule() throws {
        let some = try Self.run("", "", filter: "GAUGE")
        #expect(some.results.count == 1 && some.rules.isEmpty && some.isPassed)
        #expect(try Self.run("", "", filter: "nothing of this").results.isEmpty)
    }

    @Test(
        "each part of a verdict is compared",
        arguments: [
            (
                "grounds: [SG/not-personal]",
                "grounds: expected `SG/not-personal`, got "
                    + "`SG/not-personal`, `VN/receive`"
            ),
            ("duties: [SG/breach]", "duties: expected `SG/breach`, got none"),
            ("by-law: [VN/breach]", "by-law: expected `VN/breach`, got none"),
            ("missing: [purpose]", "missing: expected `purpose`, got none"),
            ("built-in: [selat/no-label]", "built-in: expected `selat/no-label`, got none"),
        ])
    func eachPartIsCompared(_ key: String, _ found: String) throws {
        let run = try Self.run("prohibitions: []", key)
        #expect(
            run.failed.first?.failureLines.first
                == "tests/cases.yaml:3:5: case \"gauges\": \(found)")
    }
}
