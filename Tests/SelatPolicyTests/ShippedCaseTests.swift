import SelatCore
import SelatPolicy
import Testing

@Suite("Policies/tests/cases.yaml")
struct ShippedCaseTests {
    @Test("each case gets exactly its verdict", arguments: try PolicyCase.all())
    func caseGetsItsVerdict(_ example: PolicyCase) throws {
        let set = try ShippedPolicies.load(signed: example.signed)
        let verdict = try set.decide(example.question).verdict
        #expect(verdict.outcome == example.verdict, "\(verdict.summaryLines)")
        if let ground = example.ground { #expect(verdict.grounds.first == ground) }
        if let prohibitions = example.prohibitions { #expect(verdict.prohibitions == prohibitions) }
        if let builtIn = example.builtIn { #expect(verdict.builtIn == builtIn) }
        if let missing = example.missing { #expect(verdict.missing == missing) }
        if let obligations = example.obligations {
            #expect(verdict.obligations.map(\.summary) == obligations)
        }
        if verdict.outcome != .permitted {
            #expect(try !set.reasons(example.question).isEmpty)
        }
    }

    @Test(
        "the record of each case is read, asked again and verified to the byte",
        arguments: try PolicyCase.all())
    func recordIsVerified(_ example: PolicyCase) throws {
        let set = try ShippedPolicies.load(signed: example.signed)
        let verdict = try set.decide(example.question).verdict
        #expect(try Verdict(record: verdict.record) == verdict)
        #expect(try set.decide(Question(record: verdict.record)).verdict.record == verdict.record)
        #expect(try set.verify(record: verdict.record) == verdict)
    }

    @Test("every rule decides in some case")
    func everyRuleDecides() throws {
        var deciding: Set<String> = []
        for example in try PolicyCase.all() {
            deciding.formUnion(
                try ShippedPolicies.load(signed: example.signed).decidingRules(example.question))
        }
        let silent = try ShippedPolicies.load().ruleNames.filter { !deciding.contains($0) }
        #expect(silent == [])
    }
}
