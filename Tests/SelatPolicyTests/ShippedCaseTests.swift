import SelatCore
import SelatPolicy
import Testing

@Suite("Policies/tests")
struct ShippedCaseTests {
    private static let shipped = Result { try ShippedPolicies.load() }

    private static func set(_ example: PolicyCase) throws -> PolicySet {
        try shipped.get().counting(example.signed)
    }

    @Test("each case gets exactly its verdict", arguments: try PolicyCase.all())
    func caseGetsItsVerdict(_ example: PolicyCase) throws {
        let set = try Self.set(example)
        let verdict = try set.decide(example.question(of: set)).verdict
        #expect(example.mismatches(verdict, in: set) == [], "\(verdict.summaryLines)")
        if verdict.outcome != .permitted {
            #expect(try !set.reasons(example.question(of: set)).isEmpty)
        }
    }

    @Test(
        "the record of each case is read, asked again and verified to the byte",
        arguments: try PolicyCase.all())
    func recordIsVerified(_ example: PolicyCase) throws {
        let set = try Self.set(example)
        let verdict = try set.decide(example.question(of: set)).verdict
        #expect(try Verdict(record: verdict.record) == verdict)
        #expect(try set.decide(Question(record: verdict.record)).verdict.record == verdict.record)
        #expect(try set.verify(record: verdict.record) == verdict)
    }

    @Test("every rule decides in some case")
    func everyRuleDecides() throws {
        let run = CaseRun(try PolicyCase.all(), in: try ShippedPolicies.load())
        #expect(run.failed.flatMap(\.failureLines) == [])
        #expect(run.silentRules.map(\.silenceLine) == [])
    }
}
