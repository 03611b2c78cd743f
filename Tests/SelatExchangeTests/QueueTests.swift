import SelatAudit
import SelatCore
import SelatHTTP
import SelatStore
import Testing

@testable import SelatExchange

/// How much of a node's own may be under way.
struct QueueTests {
    private static func world(
        recipient: Quota = .recipient, total: Quota = .total
    ) throws -> TestFederation {
        var plan = TestFederation.Plan()
        (plan.queue.recipient, plan.queue.total) = (recipient, total)
        return try TestFederation(plan)
    }

    /// Why a dataset would not be taken, if so.
    private func lack(
        _ world: TestFederation, to: String, _ precedence: Precedence = .routine
    ) async throws -> String? {
        let request = try world.request(to: to, precedence: precedence)
        let exchange = world.sender.exchange
        return await problem {
            try exchange.store.lookUp { try exchange.requireRoom(for: request, in: $0) }
        }
    }

    @Test(arguments: [
        Quota(transfersMax: 2, bytesMax: .max), Quota(transfersMax: 99, bytesMax: 12_000),
    ])
    func aRecipientThatIsAwayTakesNobodyElsesRoom(quota: Quota) async throws {
        let world = try Self.world(recipient: quota)
        let node = world.sender
        for _ in 0..<2 { _ = try await node.send(world.request()) }
        let fault = try await #require(throws: Problem.self) {
            _ = try await node.send(world.request())
        }
        #expect(fault.type == "urn:selat:problem:queue-full" && fault.status == 409)
        #expect(fault.detail?.contains("to `VN/hub` under way: 2 of at most") == true)
        #expect(fault.remedy?.contains("`queue.recipient`") == true)
        // It was turned away before it was judged.
        #expect(try await node.entries("transfer.permitted") == 2)
        #expect(try await lack(world, to: "VN/hub", .immediate) == "queue-full")
        #expect(try await lack(world, to: "MY/hub") == nil)
        _ = try await node.send(world.request(precedence: .flash))
        #expect(try await node.entries("transfer.accepted") == 3)
    }

    @Test func allRecipientsTogetherHaveAQueueToo() async throws {
        let world = try Self.world(total: Quota(transfersMax: 1, bytesMax: .max))
        _ = try await world.sender.send(world.request())
        for to in ["VN/hub", "MY/hub"] {
            #expect(try await lack(world, to: to) == "queue-full")
            #expect(try await lack(world, to: to, .flash) == nil)
        }
    }

    /// Flash has no more than its share beyond what there is.
    @Test func flashFillsItsShareToo() async throws {
        let world = try Self.world(
            recipient: Quota(transfersMax: 0, bytesMax: 0),
            total: Quota(transfersMax: 0, bytesMax: 0))
        _ = try await world.sender.send(world.request(precedence: .flash))
        var row = try #require(
            try await world.sender.store.read { try $0.outbound(TransferFilter()) }.first)
        #expect(try await lack(world, to: "VN/hub") == "queue-full")
        #expect(try await lack(world, to: "VN/hub", .flash) == nil)
        row.id = TransferID(milliseconds: 1, entropy: [UInt8](repeating: 1, count: 10))
        row.payloadSize = Limits.flashBytesMax - 5_000
        let large = row
        _ = try await world.sender.store.commit { try $0.save(large) }
        #expect(try await lack(world, to: "VN/hub", .flash) == "queue-full")
    }

    @Test func whatHasEndedGivesItsRoomBack() async throws {
        let world = try Self.world(recipient: Quota(transfersMax: 1, bytesMax: .max))
        let (sender, recipient) = (world.sender, world.recipient)
        let first = try await sender.send(world.request())
        #expect(try await lack(world, to: "VN/hub") == "queue-full")
        try await recipient.running {
            try await sender.running {
                let row = try await sender.ended(first)
                #expect(row.state == "delivered")
            }
        }
        #expect(try await lack(world, to: "VN/hub") == nil)
        #expect(try await sender.store.read { try $0.outboundLoad() }.transfers == 0)
    }

    /// All of them find room before the first one is recorded.
    @Test func manyAtOnceFindNoMoreRoomThanThereIs() async throws {
        let world = try Self.world(recipient: Quota(transfersMax: 2, bytesMax: .max))
        let (node, request) = (world.sender, try world.request())
        let answers = await withTaskGroup(of: String?.self) { group in
            for _ in 0..<6 {
                group.addTask {
                    await problem {
                        _ = try await node.exchange.send(
                            request, TestFederation.bytes(5_000), lifeSeconds: 3_600, by: 0)
                    }
                }
            }
            return await group.reduce(into: [String?]()) { $0.append($1) }
        }
        #expect(answers.count { $0 == nil } == 2)
        #expect(answers.count { $0 == "queue-full" } == 4)
        #expect(try await node.entries("transfer.permitted") == 2)
    }

    @Test func whoWatchesReadsThatAQueueIsNearlyFull() async throws {
        let world = try Self.world(
            recipient: Quota(transfersMax: 2, bytesMax: .max),
            total: Quota(transfersMax: 2, bytesMax: .max))
        #expect(try world.sender.exchange.fullQueues() == [])
        _ = try await world.sender.send(world.request())
        #expect(try world.sender.exchange.fullQueues() == [])
        _ = try await world.sender.send(world.request())
        let lines = try world.sender.exchange.fullQueues()
        #expect(lines.count == 2)
        #expect(lines.first?.hasPrefix("transfers to `VN/hub` under way: 2 of at most 2, ") == true)
        #expect(lines.last?.hasPrefix("transfers to all nodes under way: 2 of at most 2, ") == true)
    }
}
