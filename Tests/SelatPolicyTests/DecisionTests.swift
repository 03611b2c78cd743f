import SelatCore
import SelatPolicy
import Testing

@Suite("Decisions by the shipped files")
struct DecisionTests {
    @Test("river gauges flow between the members", arguments: ["SG/hub", "MY/hub"], ["VN/hub"])
    func gaugesFlow(source: String, destination: String) throws {
        let set = try ShippedPolicies.load()
        let decision = try set.decide(.gauges(from: source, to: destination))
        #expect(decision.verdict.outcome == .permitted)
        #expect(decision.permit != nil)
        #expect(decision.verdict.grounds.first == "\(source.prefix(2))/not-personal")
    }

    @Test("a roster without instrument and consent is refused, with the grounds that were tried")
    func rosterIsRefused() throws {
        let set = try ShippedPolicies.load()
        let decision = try set.decide(.roster())
        #expect(decision.verdict.outcome == .refused)
        #expect(decision.permit == nil)
        let reasons = try set.reasons(.roster())
        #expect(reasons.map(\.rule).contains("contract-naming-countries"))
        #expect(reasons.contains { $0.conditions == ["document: some-of [SG:consent]"] })
    }

    @Test("a ground that applies beside the named one is not said to fail")
    func groundThatAppliesIsPassedOver() throws {
        let set = try ShippedPolicies.load()
        let reasons = try set.reasons(.gauges { $0.ground = "SG/consent" })
        let passed = try #require(reasons.first { $0.rule == "not-personal" })
        #expect(passed.isPassedOver && passed.isCertain && passed.conditions.isEmpty)
        #expect(passed.description.hasSuffix("applies, but does not count here"))
        let named = try #require(reasons.first { $0.rule == "consent" })
        #expect(!named.isPassedOver)
        #expect(named.description.contains("does not apply: not `personal-data: yes`"))
    }
}
