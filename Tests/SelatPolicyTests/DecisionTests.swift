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
}
