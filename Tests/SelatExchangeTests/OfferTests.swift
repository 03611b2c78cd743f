import Foundation
import NIOCore
import SelatAudit
import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatFederation
import SelatHTTP
import SelatPolicy
import SelatStore
import SelatTestSupport
import SelatTransport
import Testing

@testable import SelatExchange

/// What a recipient says to envelopes that a liar, a latecomer or a stranger brings.
struct OfferTests {
    let world: TestFederation
    var node: TestNode { world.recipient }

    init() throws { world = try TestFederation() }

    private func offered(_ head: [UInt8], by peer: TestNode? = nil) async -> String? {
        await problem {
            _ = try await node.exchange.offer(
                head: head, payload: nil, from: (peer ?? world.sender).id)
        }
    }

    private func expectNothingTaken() async throws {
        #expect(try await node.entries("offer.refused") == 1)
        #expect(try await node.entries("transfer.received") == 0)
        #expect(try node.parts == [])
    }

    @Test func theSameIDWithAnotherPayloadIsAConflict() async throws {
        let first = try await world.seal()
        let second = try await world.seal(6_000, id: first.core.id)
        _ = try await node.exchange.offer(
            head: world.head(first), payload: first.payload, from: world.sender.id)
        #expect(await offered(try world.head(second)) == "id-conflict")
        #expect(try await node.entries("offer.refused") == 1)
        #expect(try await node.opened(first.core.id) == TestFederation.bytes(5_000))
    }

    @Test(arguments: [Quota.inbox, .relay])
    func theLargestDatasetFindsRoomWhereNothingLies(quota: Quota) throws {
        let size = try SegmentLayout(messageSize: Limits.payloadBytesMax).sealedSize
        #expect(quota.hasRoom(for: size, beside: (transfers: 0, bytes: 0)))
        #expect(!quota.hasRoom(for: size, beside: (transfers: 1, bytes: 1)))
    }

    @Test(arguments: [
        Quota(transfersMax: 1, bytesMax: .max),
        Quota(transfersMax: 9, bytesMax: 12_000),
    ])
    func aMemberFillsNobodyElsesRoom(quota: Quota) async throws {
        var plan = TestFederation.Plan()
        plan.inbox = quota
        let world = try TestFederation(plan)
        let recipient = world.recipient
        func offered(_ sealing: Sealing) async throws -> String? {
            let head = try world.head(sealing)
            return await problem {
                _ = try await recipient.exchange.offer(
                    head: head, payload: sealing.payload, from: world.sender.id)
            }
        }
        let (first, second) = (try await world.seal(8_000), try await world.seal(8_000))
        #expect(try await offered(first) == nil)
        #expect(try await offered(second) == "inbox-full")
        #expect(try recipient.parts.count == 2)
        #expect(try recipient.exchange.fullInboxes().count == (quota.transfersMax == 1 ? 1 : 0))
        // What is known already is no more than it was.
        #expect(try await offered(first) == nil)
        _ = try await recipient.opened(first.core.id)
        #expect(try await offered(second) == "inbox-full")
        _ = try await recipient.exchange.destroy(first.core.id, reason: nil, by: 0)
        #expect(try recipient.exchange.fullInboxes().isEmpty)
        #expect(try await offered(second) == nil)
        #expect(try await recipient.opened(second.core.id) == TestFederation.bytes(8_000))
    }

    /// What a member's less urgent senders have taken keeps its own flash out no more than anybody else's.
    @Test(arguments: [
        Quota(transfersMax: 1, bytesMax: .max), Quota(transfersMax: 99, bytesMax: 12_000),
    ])
    func aFlashFindsRoomInAFullInbox(quota: Quota) async throws {
        var plan = TestFederation.Plan()
        plan.inbox = quota
        let world = try TestFederation(plan)
        let recipient = world.recipient
        func offered(_ precedence: Precedence) async throws -> String? {
            let sealing = try await world.seal(8_000)
            let head = try world.head(sealing, precedence: precedence)
            return await problem {
                _ = try await recipient.exchange.offer(
                    head: head, payload: sealing.payload, from: world.sender.id)
            }
        }
        #expect(try await offered(.routine) == nil)
        #expect(try await offered(.immediate) == "inbox-full")
        #expect(try await offered(.flash) == nil)
        #expect(try await offered(.routine) == "inbox-full")
        #expect(try await recipient.entries("transfer.arrived") == 2)
    }

    @Test func theShareOfFlashIsSmallAndNobodyElses() {
        let quota = Quota(transfersMax: 1, bytesMax: 12_000)
        for precedence in [Precedence.routine, .priority, .immediate] {
            #expect(quota.extended(for: precedence) == quota)
        }
        let extended = quota.extended(for: .flash)
        #expect(extended.hasRoom(for: 64 << 20, beside: (transfers: 64, bytes: 12_000)))
        #expect(!extended.hasRoom(for: 64 << 20, beside: (transfers: 64, bytes: 12_001)))
        #expect(!extended.hasRoom(for: 0, beside: (transfers: 65, bytes: 0)))
        // No limit stays none.
        let none = Quota(transfersMax: .max, bytesMax: .max)
        #expect(none.extended(for: .flash) == none)
    }

    @Test func anEnvelopeOfAnotherNodeIsRefused() async throws {
        let head = try world.head(try await world.seal())
        #expect(await offered(head, by: world.stranger) == "wrong-sender")
        try await expectNothingTaken()
    }

    @Test func anEnvelopeThatNamesAnotherSenderIsRefused() async throws {
        let sealing = try await world.seal(from: world.stranger.id)
        #expect(await offered(try world.head(sealing)) == "envelope-invalid")
        try await expectNothingTaken()
    }

    @Test func aWitnessNeitherSendsNorTakes() async throws {
        let world = try TestFederation(TestFederation.Plan(witnesses: ["SG", "MY"]))
        let head = try world.head(try await world.seal())
        #expect(
            await problem {
                _ = try await world.recipient.exchange.offer(
                    head: head, payload: nil, from: world.sender.id)
            } == "wrong-sender")
        let request = try world.request(to: "MY/hub")
        #expect(
            await problem {
                _ = try await world.recipient.exchange.begin(request, lifeSeconds: 60, by: 0)
            } == "bad-dataset")
    }

    @Test func anEnvelopeForAnotherRecipientIsRefused() async throws {
        let sealing = try await world.seal(to: world.stranger.id)
        #expect(await offered(try world.head(sealing)) == "wrong-address")
        try await expectNothingTaken()
    }

    @Test func anEnvelopeOfAnotherFederationIsRefused() async throws {
        let sealing = try await world.seal(federation: SHA256.digest([1]))
        #expect(await offered(try world.head(sealing)) == "foreign-federation")
        try await expectNothingTaken()
    }

    @Test func anExpiredEnvelopeIsRefused() async throws {
        let head = try world.head(try await world.seal(life: 60))
        world.clock.advance(seconds: 60)
        #expect(await offered(head) == "expired")
        try await expectNothingTaken()
    }

    @Test func anEnvelopeDatedAheadIsRefused() async throws {
        let sealing = try await world.seal(created: 301)
        #expect(await offered(try world.head(sealing)) == "dated-ahead")
        try await expectNothingTaken()
    }

    /// By what it was judged: the head itself, the list in force here and this clock.
    @Test func aRefusalNamesItsRuleAndTheValues() async throws {
        let world = try TestFederation(TestFederation.Plan(relays: ["MY"]))
        func detail(_ head: [UInt8], by peer: TestNode? = nil) async throws -> String? {
            let problem = try await #require(throws: Problem.self) {
                _ = try await world.recipient.exchange.offer(
                    head: head, payload: nil, from: (peer ?? world.sender).id)
            }
            return problem.detail
        }
        let first = try await world.seal()
        let id = first.core.id
        #expect(
            try await detail(try world.head(first), by: world.stranger)
                == "`\(id)` goes by `SG/hub`, `VN/hub`: it is not `MY/hub`'s to bring to `VN/hub`")
        #expect(
            try await detail(try world.head(first, serial: 9))
                == "it goes by the membership list 9, and \(world.federation.serial) is in force here"
        )
        let foreign = try await world.seal(federation: SHA256.digest([1]))
        #expect(
            try await detail(try world.head(foreign))
                == "it is of the federation `\(SHA256.digest([1]))`, which is not this one")
        let ahead = try await world.seal(created: 301)
        #expect(
            try await detail(try world.head(ahead))
                == "it was made at \(ahead.core.created), over 300 seconds ahead of this clock: "
                + "\(world.clock.now())")
        _ = try await world.recipient.exchange.offer(
            head: world.head(first), payload: first.payload, from: world.sender.id)
        let second = try await world.seal(6_000, id: id)
        #expect(
            try await detail(try world.head(second))
                == "another envelope of `SG/hub` came as `\(id)` before")
        let late = try await world.seal(life: 60)
        let head = try world.head(late)
        world.clock.advance(seconds: 61)
        #expect(
            try await detail(head)
                == "it expired at \(late.core.expires), and it is \(world.clock.now()) by this clock"
        )
    }

    @Test func aHeadWithAFlippedBitIsRefused() async throws {
        var head = try world.head(try await world.seal())
        head[head.count / 2] ^= 1
        #expect(await offered(head) == "envelope-invalid")
        try await expectNothingTaken()
    }

    /// The sender's own signature over a verdict that its policy never gave.
    @Test func aForgedVerdictIsRefusedWithASignedNo() async throws {
        let sealing = try await world.seal()
        let honest = try world.verdict { $0.label = nil }
        #expect(honest.outcome == .refused)
        let record = String(decoding: honest.record, as: UTF8.self)
            .replacingOccurrences(of: "\"refused\"", with: "\"permitted\"")
        let head = try world.head(
            sealing, record: Array(record.utf8), facts: honest.facts)
        let answer = try await node.exchange.offer(
            head: head, payload: sealing.payload, from: world.sender.id)
        #expect(answer.state == "refused")
        #expect(answer.receipt != nil)
        try await expectNothingTaken()
    }

    @Test func factsThatAreNotThoseOfTheVerdictAreRefused() async throws {
        let sealing = try await world.seal()
        let head = try world.head(sealing, facts: TestFederation.facts(personal: true))
        let answer = try await node.exchange.offer(head: head, payload: nil, from: world.sender.id)
        #expect(answer.state == "refused")
        try await expectNothingTaken()
    }

    /// The refusal, signed, says which input differs.
    @Test(arguments: [
        "facts.personal-data", "facts.ai-use.value", "membership", "sectors.SG", "label", "to",
        "SG/none", "instruments", "editions.SG.number", "semantics", "outcome",
    ])
    func theInputThatDiffersIsNamed(_ part: String) async throws {
        let sealing = try await world.seal()
        let head = try self.head(of: sealing, differingIn: part)
        let answer = try await node.exchange.offer(head: head, payload: nil, from: world.sender.id)
        #expect(answer.state == "refused")
        let cause = try await node.inbound(sealing.core.id, from: world.sender)?.cause
        #expect(cause?.contains("`\(part)`") == true, "\(cause ?? "no cause")")
    }

    private func head(of sealing: Sealing, differingIn part: String) throws -> [UInt8] {
        let honest = try world.verdict()
        func forged(_ old: String, _ new: String) throws -> [UInt8] {
            let text = String(decoding: honest.record, as: UTF8.self)
            let record = Array(text.replacingOccurrences(of: old, with: new).utf8)
            #expect(record != honest.record)
            return try world.head(sealing, record: record, facts: honest.facts)
        }
        func other(_ change: (inout Question) throws -> Void) throws -> [UInt8] {
            try world.head(sealing, verdict: try world.verdict(change))
        }
        switch part {
        case "facts.personal-data":
            var facts = honest.facts
            facts["personal-data"] = Fact(.flag(true), .stated)
            return try world.head(sealing, facts: facts)
        case "facts.ai-use.value":
            return try forged(
                #""ai-use":{"by":"assumed","value":[]}"#,
                #""ai-use":{"by":"assumed","value":["training"]}"#)
        case "membership": return try other { $0.membershipSerial = 9 }
        case "sectors.SG": return try other { $0.sectors[world.sender.id.country] = .business }
        case "label": return try other { $0.label?.tlp = .green }
        case "to": return try other { $0.destination = world.stranger.id }
        case "SG/none":
            return try forged(#""from":"SG/hub","#, #""from":"SG/hub","ground":"SG/none","#)
        case "instruments": return try forged(#""instruments":[]"#, #""instruments":["none"]"#)
        case "editions.SG.number":
            let number = honest.editions["SG"]?.number ?? 0
            let digest = honest.editions["SG"]?.digest.text ?? ""
            return try forged(
                #""\#(digest)","number":\#(number)"#, #""\#(digest)","number":\#(number + 1)"#)
        case "semantics": return try forged(#""semantics":2"#, #""semantics":7"#)
        default:
            return try forged(#""outcome":"permitted","relays""#, #""outcome":"refused","relays""#)
        }
    }

    @Test func aVerdictForAnotherDestinationIsRefused() async throws {
        let verdict = try world.verdict {
            $0.destination = world.stranger.id
            $0.sectors = world.federation.sectors
        }
        let head = try world.head(try await world.seal(), verdict: verdict)
        let answer = try await node.exchange.offer(head: head, payload: nil, from: world.sender.id)
        #expect(answer.state == "refused")
        try await expectNothingTaken()
    }

    /// Nothing of this version lets an officer prove either to another node.
    @Test(arguments: ["emergency", "document"])
    func whatNoOfficerCanProveHereOpensNothing(claim: String) async throws {
        let verdict = try world.verdict { question in
            if claim == "emergency" { question.isEmergency = true }
            if claim == "document" { question.documents = ["SG:consent"] }
        }
        let head = try world.head(try await world.seal(), verdict: verdict)
        let answer = try await node.exchange.offer(head: head, payload: nil, from: world.sender.id)
        #expect(answer.state == "refused")
        try await expectNothingTaken()
    }

    /// A sender may go by an older version of the language; by which this node judges is not its to say.
    @Test func theImportIsJudgedByTheNewestVersion() async throws {
        let sealing = try await world.seal()
        let head = try world.head(sealing, verdict: try world.verdict { $0.semantics = .one })
        _ = try await node.exchange.offer(
            head: head, payload: sealing.payload, from: world.sender.id)
        #expect(try await node.opened(sealing.core.id) == TestFederation.bytes(5_000))
        let filter = EntryFilter(transfer: sealing.core.id, kind: "transfer.received")
        let entry = try #require(try await node.store.entries(filter).first)
        let details = try JSON(parsing: try #require(entry.details))
        #expect(details["import"]?["semantics"] == 2)
    }

    @Test func aVerdictOlderThanItsReleaseAllowsIsRefused() async throws {
        let verdict = try world.verdict()
        world.clock.advance(seconds: Limits.verdictAgeSecondsMax + 1)
        let head = try world.head(try await world.seal(), verdict: verdict)
        #expect(await offered(head) == "verdict-too-old")
        try await expectNothingTaken()
    }

    @Test func aHeadUnderAnotherMembershipListIsStale() async throws {
        let head = try world.head(try await world.seal(), serial: 2)
        #expect(await offered(head) == "stale-membership")
        try await expectNothingTaken()
    }

    /// By another list it may lawfully be another verdict.
    @Test func aHeadUnderAnotherListIsStaleWhateverItsVerdictSays() async throws {
        var members = try #require(JSON(parsing: try world.verdict().record).objectValue)
        members["instruments"] = .strings(["of-another-list"])
        let differing = try world.head(
            try await world.seal(), record: JSON.object(members).canonical, serial: 2)
        #expect(await offered(differing) == "stale-membership")
        try await expectNothingTaken()
    }

    @Test func aRouteThatTheVerdictDoesNotKnowIsRefused() async throws {
        let world = try TestFederation(TestFederation.Plan(relays: ["MY"]))
        let head = try world.head(try await world.seal(), relay: world.stranger.id)
        let answer = try await world.recipient.exchange.offer(
            head: head, payload: nil, from: world.stranger.id)
        #expect(answer.state == "refused")
        #expect(try await world.recipient.entries("transfer.received") == 0)
    }

    @Test func anotherEditionIsStaleAndNotFinal() async throws {
        let other = try TestFederation(
            TestFederation.Plan(edits: [
                "VN/hub": (file: "SG.yaml", old: "edition: 1", new: "edition: 2")
            ]))
        let sealing = try await other.seal()
        let head = try other.head(sealing)
        let refusal = await problem {
            _ = try await other.recipient.exchange.offer(
                head: head, payload: nil, from: other.sender.id)
        }
        #expect(refusal == "stale-edition")
        #expect(try await other.recipient.inbound(sealing.core.id, from: other.sender) == nil)
    }

    @Test func offersOfOnePeerAreSummarisedBeyondARate() async throws {
        let head = try world.head(try await world.seal(to: world.stranger.id))
        for _ in 0..<70 { #expect(await offered(head) == "wrong-address") }
        #expect(try await node.entries("offer.refused") == 60)
        try await node.exchange.enterCounted()
        #expect(try await node.entries("offers.refused") == 1)
        #expect(await offered(head) == "wrong-address")
        #expect(try await node.entries("offer.refused") == 61)
    }

    /// All of them find room before the first one is recorded.
    @Test func manyOffersAtOnceFindNoMoreRoomThanThereIs() async throws {
        var plan = TestFederation.Plan()
        plan.inbox = Quota(transfersMax: 2, bytesMax: .max)
        let world = try TestFederation(plan)
        let node = world.recipient
        var heads: [[UInt8]] = []
        for _ in 0..<6 { heads.append(try world.head(try await world.seal(100_000))) }
        let answers = await withTaskGroup(of: String?.self) { group in
            for head in heads {
                group.addTask {
                    await problem {
                        _ = try await node.exchange.offer(
                            head: head, payload: nil, from: world.sender.id)
                    }
                }
            }
            return await group.reduce(into: [String?]()) { $0.append($1) }
        }
        #expect(answers.count { $0 == nil } == 2)
        #expect(answers.count { $0 == "inbox-full" } == 4)
        #expect(try node.parts.count == 4)
        #expect(try await node.entries("transfer.received") == 2)
    }

    @Test func twoOffersOfOneNewEnvelopeMakeOneUpload() async throws {
        let sealing = try await world.seal()
        let head = try world.head(sealing)
        let node = node
        let sender = world.sender.id
        await withTaskGroup { group in
            for _ in 0..<4 {
                group.addTask {
                    _ = try? await node.exchange.offer(head: head, payload: nil, from: sender)
                }
            }
        }
        #expect(try await node.entries("transfer.received") == 1)
        #expect(try await node.take(sealing).state == "delivered")
        #expect(try await node.opened(sealing.core.id) == TestFederation.bytes(5_000))
    }
}
