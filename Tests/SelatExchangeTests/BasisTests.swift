import SelatAudit
import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatHTTP
import SelatPolicy
import SelatStore
import SelatTestSupport
import Testing

@testable import SelatExchange

/// A head goes out only as it was released, and only on what is in force still.
struct BasisTests {
    let world: TestFederation
    var sender: TestNode { world.sender }

    init() throws { world = try TestFederation() }

    /// A transfer that is released, and whose recipient did not answer.
    private func released() async throws -> TransferID {
        let id = try await sender.send(world.request())
        let exchange = sender.exchange
        let pursuit = Task { await exchange.pursue(id) }
        while try await sender.outbound(id)?.cause == nil { await Task.yield() }
        pursuit.cancel()
        await pursuit.value
        #expect(try await sender.outbound(id)?.attempt == 1)
        return id
    }

    private func deliver(_ id: TransferID) async throws -> OutboundRow {
        try await world.recipient.serving { await sender.exchange.pursue(id) }
        return try #require(try await sender.outbound(id))
    }

    @Test func whatIsReleasedAndInForceGoesOutAsItIs() async throws {
        let id = try await released()
        #expect(await sender.exchange.lack(of: id, attempt: 0) == nil)
        #expect(await sender.exchange.lack(of: id, attempt: 1) == nil)
        let row = try await deliver(id)
        #expect(row.state == "delivered" && row.attempt == 1)
    }

    /// A crash between the head's file and the commit of its release leaves a head that the log does
    /// not tell of.
    @Test func aHeadWithoutADurableReleaseIsMadeAnew() async throws {
        let (id, other) = (try await released(), try await released())
        let stranger = try await sender.exchange.part(.head, of: .init(outbound: other))
        try await sender.replace(.head, of: .init(outbound: id), by: stranger)
        #expect(await sender.exchange.lack(of: id, attempt: 1) == .headLost)
        await #expect(throws: (any Error).self) {
            _ = try await sender.exchange.package(id, by: 1_000)
        }
        #expect(try await sender.entries("transfer.exported") == 0)
        try await sender.restart()
        let row = try await deliver(id)
        #expect(row.state == "delivered" && row.attempt == 2)
        #expect(try await world.recipient.opened(id) == TestFederation.bytes(5_000))
    }

    @Test(arguments: [0, 1, 5_000])
    func aHeadThatCannotBeReadIsMadeAnew(_ count: Int) async throws {
        let id = try await released()
        let bytes = [UInt8](repeating: 0x30, count: count)
        try await sender.replace(.head, of: .init(outbound: id), by: bytes)
        #expect(await sender.exchange.lack(of: id, attempt: 1) == .headLost)
        try await sender.restart()
        #expect(try await deliver(id).state == "delivered")
    }

    /// A verdict that was made before an edition or a list was committed, and is recorded after that,
    /// releases nothing.
    @Test func aReleaseIsCommittedUnderWhatIsInForceThenAlone() async throws {
        let register = try await world.register(of: sender)
        try sender.judge(by: register)
        let id = try await sender.send(world.request())
        let row = try #require(try await sender.outbound(id))
        func commit(_ verdict: Verdict) async throws {
            _ = try await sender.store.commit { transaction in
                try transaction.requireNothingNewer(than: verdict, for: id)
            }
        }
        let first = try await sender.exchange.judgeAgain(row).again.verdict
        try await commit(first)
        #expect(try await register.refusal(try world.later("SG", 9)) == nil)
        await #expect(throws: Problem.self) { try await commit(first) }
        let second = try await sender.exchange.judgeAgain(row).again.verdict
        try await commit(second)
        let list = MembershipRow(
            kind: .list, country: nil, serial: second.question.membershipSerial + 1,
            digest: SHA256.digest([]), taken: world.clock.now(), source: "daemon", bytes: [])
        _ = try await sender.store.commit { try $0.keep(list) }
        await #expect(throws: Problem.self) { try await commit(second) }
    }

    @Test func anEditionThatCameMeanwhileIsJudgedFirst() async throws {
        let register = try await world.register(of: sender)
        try sender.judge(by: register)
        let id = try await released()
        #expect(await sender.exchange.lack(of: id, attempt: 1) == nil)
        #expect(try await register.refusal(try world.later("SG", 9)) == nil)
        #expect(await sender.exchange.lack(of: id, attempt: 1) == .basisMoved)
        await #expect(throws: (any Error).self) {
            _ = try await sender.exchange.package(id, by: 1_000)
        }
        #expect(try await sender.entries("transfer.exported") == 0)
    }
}
