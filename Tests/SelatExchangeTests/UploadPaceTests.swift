import SelatCore
import SelatDelivery
import SelatStore
import SelatTestSupport
import Testing

@testable import SelatExchange

/// When a link is too slow for what goes by it.
struct UploadPaceTests {
    private static let day: Int64 = 86_400

    /// Judges a link that has taken as many bytes in ten minutes.
    private func tooSlow(_ bytes: UInt64, left: UInt64, within seconds: Int64) -> UInt64? {
        var pace = UploadPace()
        let start = ContinuousClock.now
        pace.give(bytes, at: start)
        return pace.tooSlow(at: start + .seconds(600), left: left, within: seconds)
    }

    /// 9,600 bits a second are enough for whom they are enough.
    @Test func aSlowLinkIsTooSlowForWhatWouldExpire() {
        #expect(tooSlow(720_000, left: 100_000_000, within: Self.day) == nil)
        #expect(tooSlow(720_000, left: 110_000_000, within: Self.day) == 1_200)
        #expect(tooSlow(327_680, left: 1 << 30, within: 3 * Self.day) == 546)
        #expect(tooSlow(1 << 30, left: 4 << 40, within: .max) == nil)
        #expect(tooSlow(0, left: 1, within: 1) == 0)
    }

    /// Others went first, or a limit was kept.
    @Test func whatThisNodeHoldsBackIsNotTheLinks() {
        var pace = UploadPace()
        var now = ContinuousClock.now
        for _ in 0..<10 {
            pace.give(1_000_000, at: now)
            now += .seconds(1)
            let rate = pace.tooSlow(at: now, left: 1 << 40, within: Self.day)
            #expect(rate == nil)
            now += .seconds(3_600)
        }
    }

    /// What it took long ago says nothing of it now.
    @Test func eachTenMinutesAreJudgedForThemselves() {
        var pace = UploadPace()
        let start = ContinuousClock.now
        pace.give(1 << 40, at: start)
        let first = pace.tooSlow(at: start + .seconds(600), left: 1 << 20, within: 600)
        pace.give(1_000, at: start + .seconds(600))
        let second = pace.tooSlow(at: start + .seconds(1_200), left: 1 << 20, within: 600)
        #expect(first == nil)
        #expect(second == 1)
    }

    @Test func aRelayThatIsTooSlowIsGoneRound() async throws {
        let world = try TestFederation()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let id = try await sender.send(world.request(size: 1_000))
        var row = try #require(try await sender.outbound(id))
        let routes: [([NodeID], Set<NodeID>)] = [
            ([sender.id, recipient.id], []),
            ([sender.id, relay.id, recipient.id], [relay.id]),
        ]
        for (route, avoided) in routes {
            row.route = route
            let delivery = try Exchange.Delivery(row, requestBytes: 3_000)
            delivery.weigh(.slow(cause: "takes 546 bytes a second"))
            #expect(delivery.avoided == avoided)
        }
    }
}
