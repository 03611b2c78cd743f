import SelatAudit
import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatFederation
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
    private func released(_ request: OutboundRequest? = nil) async throws -> TransferID {
        let id = try await sender.send(try request ?? world.request())
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

    @Test func aHeadUnderACertificateThatLeftTheRecordIsSignedAnew() async throws {
        let id = try await released()
        let record = try world.recordWithSigningRenewed()
        for node in [sender, world.recipient] { _ = try await node.take(records: ["SG": record]) }
        try #require(await sender.exchange.lack(of: id, attempt: 1) == .headLost)
        let row = try await deliver(id)
        #expect(row.state == "delivered" && row.attempt == 2, "\(row.cause ?? "no cause")")
    }

    @Test func aHeadIsNotSignedAnewWhereThatWouldBeInVain() async throws {
        let id = try await released()
        let certificate = sender.identity.signer.certificate
        let crl = try world.revocationList("SG", number: 1, revoking: [certificate])
        _ = try await sender.take(crls: ["SG": crl])
        #expect(throws: FederationError.self) {
            try sender.exchange.federation.signer(
                certificate.issuerAndSerial, node: sender.id, at: world.clock.now())
        }
        #expect(await sender.exchange.lack(of: id, attempt: 1) == nil)
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

    /// A request that names a ground, and uses a term that no file here asks for.
    private func naming(ground: String?) throws -> OutboundRequest {
        var facts = TestFederation.facts()
        facts["purpose"] = Fact(.set(["selat:Exercise"]), .stated)
        return OutboundRequest(
            to: world.recipient.id, label: try world.label(), facts: facts, ground: ground,
            precedence: .routine, dataset: try TestFederation.dataset(5_000))
    }

    /// The sender hears of no edition by itself here; the recipient goes by its own.
    private func registers() async throws -> EditionRegister {
        try sender.judge(by: try await world.register(of: sender))
        let register = try await world.register(of: world.recipient)
        try world.recipient.judge(by: register)
        return register
    }

    /// The import asks for no ground of the sender's file.
    @Test func aGroundThatIsRenamedAtTheRecipientMeanwhileEndsNothing() async throws {
        let register = try await registers()
        let id = try await released(try naming(ground: "SG/not-personal"))
        world.clock.advance(seconds: 60)
        let renamed = try world.later("SG", 9, inForce: world.clock.now()) {
            $0.replacing("- ground: not-personal\n", with: "- ground: on-no-person\n")
        }
        #expect(try await register.refusal(renamed) == nil)
        #expect(register.number("SG") == 9)
        let row = try await deliver(id)
        #expect(row.state == "delivered", "\(row.cause ?? "no cause")")
    }

    @Test func aTermThatIsDroppedAtTheRecipientMeanwhileIsStaleAndNotFinal() async throws {
        let register = try await registers()
        let id = try await released(try naming(ground: nil))
        let head = try await sender.exchange.part(.head, of: .init(outbound: id))
        world.clock.advance(seconds: 60)
        let dropped = try world.later("vocabulary", 9, inForce: world.clock.now()) {
            $0.replacing("selat:Exercise:", with: "selat:Rehearsal:")
        }
        #expect(try await register.refusal(dropped) == nil)
        #expect(register.number("vocabulary") == 9)
        let from = sender.id
        let answer = await problem {
            _ = try await world.recipient.exchange.offer(head: head, payload: nil, from: from)
        }
        #expect(answer == "stale-edition")
        #expect(try await world.recipient.inbound(id, from: sender) == nil)
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
