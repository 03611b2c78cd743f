import SelatCore
import SelatPolicy
import SelatStore
import SelatTestSupport
import Testing

@testable import SelatExchange

/// Reports that a transfer leaves behind.
struct DebtTests {
    let world: TestFederation

    init() throws { world = try TestFederation() }

    @Test func theAfterActionReportIsDueFromTheEmergencysEnd() async throws {
        let (sender, recipient) = (world.recipient, world.sender)
        _ = try await sender.exchange.take(statement: try world.typhoon(seconds: 7_200), by: 0)
        let id = try await sender.send(try world.health(150_000, emergency: "2026/17"))
        let before = try #require(try await sender.outbound(id))
        #expect(try await sender.exchange.debts(of: before, []).isEmpty)
        let exchange = sender.exchange
        try await recipient.serving { await exchange.pursue(id) }
        let end = TestFederation.start + 7_200
        let found = try await exchange.rows(id)
        let row = try #require(found.outbound)
        let own = try await exchange.debts(of: row, found.entries)
        let after = own.filter { $0.event == "emergency-end" }
        #expect(after.map(\.starts) == [end])
        #expect(after.map(\.due) == [end + 30 * 86_400])
        // A breach that nobody has found sleeps.
        #expect(own.filter { $0.event == "breach-detection" }.allSatisfy { $0.due == nil })
        #expect(own.contains { $0.event == "first-transfer" && $0.due != nil })
        let received = try await recipient.exchange.rows(id)
        let inbound = try #require(received.inbound.first)
        let theirs = try await recipient.exchange.debts(of: inbound, received.entries)
        #expect(theirs.filter { $0.event == "emergency-end" }.map(\.starts) == [end])
        #expect(Set(theirs).count == theirs.count)
    }
}
