import Foundation
import SelatAudit
import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatPolicy
import SelatStore
import SelatTestSupport
import SelatTransport
import Synchronization
import Testing

@testable import SelatExchange

/// Envelopes that pass through a third country: SG sends to VN by way of MY.
struct RelayTests {
    /// MY lets unclassified data pass, where the file as it is lets nothing pass.
    static let transit = (
        file: "MY.yaml", old: "  # no rule with flow: transit: nothing passes through MY\n",
        new: "  - ground: pass\n    flow: transit\n"
            + "    when: {classification: {at-most: unclassified}}\n"
            + "    basis: {source: own, clause: \"Unclassified data may pass through\"}\n"
    )
    static let apart: [String: Set<String>] = ["SG": ["MY"], "VN": ["MY"]]

    static func world(
        links: [String: Set<String>] = apart, isPermitted: Bool = true,
        _ change: (inout TestFederation.Plan) -> Void = { _ in }
    ) throws -> TestFederation {
        var plan = TestFederation.Plan(relays: ["MY"], links: links)
        plan.edit = isPermitted ? transit : nil
        change(&plan)
        return try TestFederation(plan)
    }

    @Test(arguments: [0, 5_000, 2_500_000])
    func aDatasetPassesThroughARelay(size: Int) async throws {
        let world = try Self.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        try await recipient.running {
            try await relay.running {
                try await sender.running {
                    let id = try await sender.send(world.request(size: size))
                    let row = try await sender.ended(id)
                    #expect(row.state == "delivered", "\(row.cause ?? "")")
                    #expect(row.route == [sender.id, relay.id, recipient.id])
                    #expect(try await recipient.opened(id) == TestFederation.bytes(size))
                    #expect(try await recipient.inbound(id, from: sender)?.peer == relay.id)
                    #expect(try await recipient.entries("transfer.arrived") == 1)
                    // The relay has stated what it did, and keeps nothing but that.
                    let passed = try #require(try await relay.relayed(id, from: sender))
                    #expect(passed.state == "delivered")
                    #expect(try await passed.receipt == sender.receipt(of: id))
                    #expect(try relay.parts == [])
                    for kind: EntryKind in ["relay.received", "relay.held", "relay.delivered"] {
                        #expect(try await relay.entries(kind) == 1, "\(kind.text)")
                    }
                    #expect(try sender.parts == [])
                }
            }
        }
    }

    @Test func theRelaysReceiptIsKeptAndNamedInTheLog() async throws {
        let world = try Self.world()
        let (sender, relay) = (world.sender, world.stranger)
        // The recipient is down: the relay holds the whole.
        try await relay.running {
            try await sender.running {
                let id = try await sender.send(world.request())
                try await Self.until { try await sender.outbound(id)?.state == "relayed" }
                let receipts = try await sender.store.read {
                    try $0.receipts(of: id, from: sender.id)
                }
                let receipt = try #require(receipts.first)
                #expect(receipt.kind == "relayed")
                #expect(receipt.signer == relay.id)
                let entries = try await sender.store.entries(
                    EntryFilter(transfer: id, kind: "transfer.relayed"))
                let details = try JSON(parsing: try #require(entries.first?.details))
                #expect(details["by"] == .string(relay.id.text))
                #expect(details["receipt"] == .string(SHA256.digest(receipt.document).text))
                // It is no reason to forget: key and payload stay until the recipient has spoken.
                #expect(try await sender.outbound(id)?.contentKey != nil)
                #expect(try sender.parts.count == 2)
                #expect(try await relay.relayed(id, from: sender)?.handedOn == false)
            }
        }
    }

    @Test func aRelayComesBackFromItsDatabase() async throws {
        let world = try Self.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let id = try await relay.running {
            try await sender.running {
                let id = try await sender.send(world.request(size: 2_500_000))
                try await Self.until { try await sender.outbound(id)?.state == "relayed" }
                return id
            }
        }
        try await relay.restart()
        try await sender.restart()
        try await recipient.running {
            try await relay.running {
                try await sender.running {
                    let row = try await sender.ended(id)
                    #expect(row.state == "delivered")
                }
            }
        }
        #expect(try await recipient.opened(id) == TestFederation.bytes(2_500_000))
        #expect(try await recipient.entries("transfer.arrived") == 1)
    }

    @Test func whatARelayHoldsUnderACertificateThatLeftTheRecordIsSignedAnew() async throws {
        let world = try Self.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let id = try await relay.running {
            try await sender.running {
                let id = try await sender.send(world.request())
                try await Self.until { try await sender.outbound(id)?.state == "relayed" }
                return id
            }
        }
        let record = try world.recordWithSigningRenewed()
        for node in [sender, relay, recipient] { _ = try await node.take(records: ["SG": record]) }
        try await relay.restart()
        try await sender.restart()
        try await recipient.running {
            try await relay.running {
                try await sender.running {
                    let row = try await sender.ended(id)
                    #expect(row.state == "delivered", "\(row.cause ?? "")")
                    #expect(row.attempt == 2)
                }
            }
        }
        #expect(try await relay.entries("relay.returned") == 1)
        #expect(try await recipient.entries("transfer.arrived") == 1)
    }

    @Test func whatARelayLetGoOfByAClockAheadPassesStill() async throws {
        let world = try Self.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let id = try await relay.running {
            try await sender.running {
                let id = try await sender.send(world.request(), life: 160)
                try await Self.until { try await sender.outbound(id)?.state == "relayed" }
                return id
            }
        }
        try await relay.restart()
        try await sender.restart()
        world.clock.advance(seconds: 161)
        try await relay.exchange.endOverdue()
        #expect(try await relay.relayed(id, from: sender)?.state == "lapsed")
        #expect(try relay.parts == [])
        world.clock.advance(seconds: -150)
        try await recipient.running {
            try await relay.running {
                try await sender.running {
                    let row = try await sender.ended(id)
                    #expect(row.state == "delivered", "\(row.cause ?? "")")
                    #expect(row.attempt == 2)
                }
            }
        }
        #expect(try await recipient.opened(id) == TestFederation.bytes(5_000))
        #expect(try await relay.entries("relay.received") == 2)
        #expect(try await relay.relayed(id, from: sender)?.state == "delivered")
        #expect(try relay.parts == [])
    }

    @Test func whereALinkIsDownAnotherLawfulRouteIsTaken() async throws {
        let world = try Self.world(links: [:])
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        try await relay.running {
            try await sender.running {
                let id = try await sender.send(world.request())
                // VN does not answer; MY does.
                try await Self.until {
                    try await relay.relayed(id, from: sender)?.state == "holding"
                }
                let row = try #require(try await sender.outbound(id))
                #expect(row.route == [sender.id, relay.id, recipient.id])
                // It went to VN first, unless another message had found nobody there by then.
                #expect((1...2).contains(row.attempt))
                try await recipient.running {
                    let row = try await sender.ended(id)
                    #expect(row.state == "delivered")
                    let opened = try await recipient.opened(id)
                    #expect(opened == TestFederation.bytes(5_000))
                }
            }
        }
    }

    @Test func anUnlawfulRouteIsNeverTaken() async throws {
        let world = try Self.world(links: [:], isPermitted: false)
        let (sender, relay) = (world.sender, world.stranger)
        try await relay.running {
            try await sender.running {
                let id = try await sender.send(world.request())
                try await Self.until { try await sender.outbound(id)?.cause != nil }
                let row = try #require(try await sender.outbound(id))
                #expect(row.route == [sender.id, world.recipient.id])
                #expect(row.attempt == 1)
                // Failures would lead to another route, if there were one.
                let routes = try await sender.exchange.ways(of: row).routes(avoiding: [])
                #expect(routes == [row.route])
                #expect(try await relay.relayed(id, from: sender) == nil)
            }
        }
    }

    @Test func withoutALinkTheVerdictNamesTheRelay() async throws {
        let world = try Self.world(isPermitted: false)
        let decision = try await world.sender.exchange.decide(world.request())
        #expect(decision.verdict.outcome == .refused)
        #expect(decision.verdict.question.relays == [world.stranger.id])
        let views = try await world.sender.exchange.routes(
            to: world.recipient.id, label: world.label())
        #expect(views.map(\.nodes.count) == [3])
        #expect(views.first?.isLawful == false)
    }

    @Test func aRefusalOfTheRecipientFindsItsWayBack() async throws {
        let world = try Self.world()
        let (relay, recipient) = (world.stranger, world.recipient)
        let sealing = try await world.seal()
        // Only the recipient sees that verdict and facts differ.
        let head = try world.head(
            sealing, verdict: try verdict(world), facts: TestFederation.facts(personal: true),
            relay: relay.id)
        let held = try await relay.exchange.offer(
            head: head, payload: sealing.payload, from: world.sender.id)
        #expect(held.state == "holding")
        let id = sealing.core.id
        try await recipient.running {
            try await relay.running {
                try await Self.until {
                    try await relay.relayed(id, from: world.sender)?.state == "refused"
                }
            }
        }
        let again = try await relay.exchange.offer(
            head: head, payload: nil, from: world.sender.id)
        let statement = try Receipt(json: try #require(again.receipt)).unverifiedStatement
        #expect(statement.kind == .refused)
        #expect(statement.signer == recipient.id)
        #expect(try relay.parts == [])
    }

    @Test func aReturnedAttemptIsMadeAnew() async throws {
        let world = try Self.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        recipient.door.refusals.withLock {
            $0 = [ServiceProblem.refusal(.verdictTooOld, "for this test")]
        }
        try await recipient.running {
            try await relay.running {
                try await sender.running {
                    let id = try await sender.send(world.request())
                    let row = try await sender.ended(id)
                    #expect(row.state == "delivered")
                    #expect(row.attempt == 2)
                    #expect(try await relay.entries("relay.returned") == 1)
                    #expect(try await relay.entries("relay.renewed") == 1)
                    #expect(try await relay.entries("relay.received") == 1)
                    #expect(try await recipient.opened(id) == TestFederation.bytes(5_000))
                }
            }
        }
    }

    // MARK: What a relay refuses

    private func offered(
        _ head: [UInt8], in world: TestFederation, by peer: TestNode? = nil
    ) async -> String? {
        await problem {
            _ = try await world.stranger.exchange.offer(
                head: head, payload: nil, from: (peer ?? world.sender).id)
        }
    }

    private func verdict(_ world: TestFederation) throws -> Verdict {
        try world.verdict { $0.relays = [world.stranger.id] }
    }

    @Test func aRelayRefusesWhatItsOwnLawDoesNotLetPass() async throws {
        let world = try Self.world(isPermitted: false)
        let head = try world.head(
            try await world.seal(), verdict: try verdict(world), relay: world.stranger.id)
        #expect(await offered(head, in: world) == "transit-refused")
        #expect(try world.stranger.parts == [])
        #expect(try await world.stranger.entries("offer.refused") == 1)
    }

    @Test func aRelayNamesTheRuleAndTheValuesToo() async throws {
        let world = try Self.world()
        let (relay, sender) = (world.stranger, world.sender)
        func detail(_ head: [UInt8]) async throws -> String? {
            let problem = try await #require(throws: Problem.self) {
                _ = try await relay.exchange.offer(head: head, payload: nil, from: sender.id)
            }
            return problem.detail
        }
        let sealing = try await world.seal(life: 60)
        let verdict = try verdict(world)
        let stale = try world.head(sealing, verdict: verdict, serial: 9, relay: relay.id)
        #expect(
            try await detail(stale)
                == "it goes by the membership list 9, and \(world.federation.serial) is in force here"
        )
        let head = try world.head(sealing, verdict: verdict, relay: relay.id)
        world.clock.advance(seconds: 61)
        #expect(
            try await detail(head)
                == "it expired at \(sealing.core.expires), and it is \(world.clock.now()) by this clock"
        )
    }

    /// Another one, or none.
    @Test(arguments: [SHA256.digest([]), nil] as [Digest?])
    func aRelayRefusesAnotherEditionOfItsLaw(edition: Digest?) async throws {
        let world = try Self.world()
        let named = edition.map { [world.stranger.id.country: $0] } ?? [:]
        let head = try world.head(
            try await world.seal(), verdict: try verdict(world), relay: world.stranger.id,
            transit: named)
        #expect(await offered(head, in: world) == "stale-edition")
    }

    @Test func aRelayRefusesAnotherMembershipList() async throws {
        let world = try Self.world()
        let head = try world.head(
            try await world.seal(), verdict: try verdict(world), serial: 7,
            relay: world.stranger.id)
        #expect(await offered(head, in: world) == "stale-membership")
    }

    @Test func whoIsNoRelayPassesNothingOn() async throws {
        let world = try Self.world { $0.relays = [] }
        let head = try world.head(
            try await world.seal(), verdict: try verdict(world), relay: world.stranger.id)
        #expect(await offered(head, in: world) == "route-invalid")
    }

    @Test func nodesThatAreNotLinkedAreNoNeighbours() async throws {
        let world = try Self.world(links: ["MY": ["SG"]])
        let head = try world.head(
            try await world.seal(), verdict: try verdict(world), relay: world.stranger.id)
        #expect(await offered(head, in: world) == "route-invalid")
    }

    @Test func aPeerThatDoesNotStandBeforeItOnTheRouteIsRefused() async throws {
        let world = try Self.world()
        let head = try world.head(
            try await world.seal(), verdict: try verdict(world), relay: world.stranger.id)
        #expect(await offered(head, in: world, by: world.recipient) == "wrong-sender")
        // The recipient takes it from the relay of its route alone.
        let answer = await problem {
            _ = try await world.recipient.exchange.offer(
                head: head, payload: nil, from: world.sender.id)
        }
        #expect(answer == "wrong-sender")
    }

    @Test(arguments: [
        Quota(transfersMax: 1, bytesMax: .max),
        Quota(transfersMax: 9, bytesMax: 12_000),
    ])
    func aMemberFillsNobodyElsesRoom(quota: Quota) async throws {
        let world = try Self.world { $0.relaying = quota }
        for expected in [nil, "relay-full"] {
            let head = try world.head(
                try await world.seal(8_000), verdict: try verdict(world),
                relay: world.stranger.id)
            #expect(await offered(head, in: world) == expected)
        }
        #expect(try world.stranger.parts.count == 2)
        let warnings = try world.stranger.exchange.fullRelays()
        #expect(warnings.count == (quota.transfersMax == 1 ? 1 : 0), "\(warnings)")
    }

    @Test func whatNeverFindsRoomIsToldSo() async throws {
        let world = try Self.world { $0.relaying = Quota(transfersMax: 9, bytesMax: 7_000) }
        func answer(_ precedence: Precedence) async throws -> String? {
            let head = try world.head(
                try await world.seal(8_000), verdict: try verdict(world),
                relay: world.stranger.id, precedence: precedence)
            return await offered(head, in: world)
        }
        #expect(try await answer(.routine) == "relay-too-small")
        #expect(try world.stranger.parts == [])
        #expect(try await answer(.flash) == nil)
    }

    /// All of them find room before the first one is recorded, whole or to follow.
    @Test(arguments: [5_000, 100_000])
    func manyAtOnceFindNoMoreRoomThanThereIs(_ size: Int) async throws {
        let world = try Self.world { $0.relaying = Quota(transfersMax: 2, bytesMax: .max) }
        let (sender, relay) = (world.sender.id, world.stranger)
        var offers: [(head: [UInt8], payload: [UInt8]?)] = []
        for _ in 0..<6 {
            let sealing = try await world.seal(size)
            let head = try world.head(sealing, verdict: try verdict(world), relay: relay.id)
            offers.append(
                (
                    head,
                    Exchange.isStored(sealed: UInt64(sealing.payload.count)) ? sealing.payload : nil
                ))
        }
        #expect(offers.allSatisfy { ($0.payload == nil) == (size == 100_000) })
        let answers = await withTaskGroup(of: String?.self) { group in
            for (head, payload) in offers {
                group.addTask {
                    await problem {
                        _ = try await relay.exchange.offer(
                            head: head, payload: payload, from: sender)
                    }
                }
            }
            return await group.reduce(into: [String?]()) { $0.append($1) }
        }
        #expect(answers.count { $0 == nil } == 2)
        #expect(answers.count { $0 == "relay-full" } == 4)
        #expect(try await relay.entries("relay.received") == 2)
    }

    @Test func anUploadBelongsToTheRelayOfTheNewestAttempt() async throws {
        let world = try Self.world(links: [:])
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let sealing = try await world.seal()
        _ = try await recipient.exchange.offer(
            head: world.head(sealing), payload: nil, from: sender.id)
        #expect(
            try await recipient.exchange.uploadState(sealing.upload, from: sender.id).offset == 0)
        let second = try world.head(
            sealing, attempt: 2, verdict: try verdict(world), relay: relay.id)
        let answer = try await recipient.exchange.offer(
            head: second, payload: nil, from: relay.id)
        #expect(!answer.created)
        #expect(
            try await recipient.exchange.uploadState(sealing.upload, from: relay.id).offset == 0)
        #expect(
            await problem {
                _ = try await recipient.exchange.uploadState(sealing.upload, from: sender.id)
            } == "unknown-upload")
        // The sender goes round the relay, which is not to take it away again.
        let third = try world.head(sealing, attempt: 3)
        _ = try await recipient.exchange.offer(head: third, payload: nil, from: sender.id)
        for head in [second, second] {
            #expect(
                await problem {
                    _ = try await recipient.exchange.offer(
                        head: head, payload: nil, from: relay.id)
                } == "upload-superseded")
        }
        #expect(try await recipient.take(sealing).state == "delivered")
    }

    /// A courier goes to the first relay of its route.
    @Test func aRelayTakesAPackageThatWasBroughtByHand() async throws {
        let world = try Self.world()
        let (relay, recipient) = (world.stranger, world.recipient)
        let sealing = try await world.seal()
        let head = try world.head(sealing, verdict: try verdict(world), relay: relay.id)
        let taken = try await relay.exchange.take(
            packageFront: head, payload: Pieces(pieces: [sealing.payload]), by: 8)
        #expect(taken.state == "holding" && taken.from == world.sender.id)
        #expect(taken.to == recipient.id && taken.next == recipient.id)
        #expect(try await relay.entries("relay.held") == 1)
    }

    /// Whoever carried an older attempt here may have the stick pulled out, and not come again.
    @Test func anImportThatIsCutShortKeepsTheRelayOfTheNewestAttempt() async throws {
        let world = try Self.world(links: [:])
        let (relay, recipient) = (world.stranger, world.recipient)
        let sealing = try await world.seal()
        let carried = try world.head(sealing)
        let newest = try world.head(
            sealing, attempt: 2, verdict: try verdict(world), relay: relay.id)
        _ = try await recipient.exchange.offer(head: newest, payload: nil, from: relay.id)
        let stick = UploadBody(Pieces(pieces: [sealing.payload]))
        await #expect(throws: (any Error).self) {
            _ = try await recipient.exchange.take(
                packageFront: carried, payload: Broken(body: stick, limit: 1_000), by: 8)
        }
        let id = sealing.core.id
        #expect(try await recipient.inbound(id, from: world.sender)?.peer == world.sender.id)
        let answer = try await recipient.exchange.offer(
            head: newest, payload: nil, from: relay.id)
        #expect(answer.state == "receiving")
        let state = try await recipient.exchange.append(
            sealing.upload, from: relay.id, offset: answer.offset, length: nil, complete: true,
            body: UploadBody(Pieces(pieces: [Array(sealing.payload[Int(answer.offset)...])])))
        #expect(state.state == "delivered")
    }

    /// It brings again and again what its recipient does not take now; the sender's own envelopes are answered
    /// all the same.
    @Test func whatARelayBringsCountsAgainstNobodyElse() async throws {
        let world = try Self.world(links: [:])
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let stale = try world.head(
            try await world.seal(), verdict: try verdict(world), serial: 7, relay: relay.id)
        for _ in 0..<70 {
            let answer = await problem {
                _ = try await recipient.exchange.offer(head: stale, payload: nil, from: relay.id)
            }
            #expect(answer == "stale-membership")
        }
        let forged = try world.head(try await world.seal(), record: [0x7B, 0x7D])
        let answer = try await recipient.exchange.offer(
            head: forged, payload: nil, from: sender.id)
        #expect(answer.state == "refused" && answer.receipt != nil)
    }

    @Test func whatExpiresOnItsWayStopsThere() async throws {
        let world = try TestFederation()
        let (sender, recipient) = (world.sender, world.recipient)
        try await Self.slowed(sender)
        try await recipient.running {
            try await sender.running {
                let id = try await sender.send(world.request(size: 2_500_000), life: 299)
                try await Self.until { try await sender.outbound(id)?.state == "sending" }
                // By less than makes the clock doubtful.
                world.clock.advance(seconds: 300)
                try await Self.until { try await sender.outbound(id)?.state == "expired" }
                try await Self.until { await sender.exchange.linkLoads.isEmpty }
            }
        }
    }

    @Test func whatIsTakenBackOnItsWayStopsThere() async throws {
        let world = try TestFederation()
        let (sender, recipient) = (world.sender, world.recipient)
        try await Self.slowed(sender)
        try await recipient.running {
            try await sender.running {
                let id = try await sender.send(world.request(size: 2_500_000))
                try await Self.until { try await sender.outbound(id)?.state == "sending" }
                _ = try await sender.exchange.cancel(id, reason: "a mistake", by: 0)
                world.clock.advance(seconds: 1)
                try await Self.until { await sender.exchange.linkLoads.isEmpty }
                #expect(try await recipient.inbound(id, from: sender)?.durable != 2_500_000)
            }
        }
    }

    /// What takes minutes otherwise.
    private static func slowed(_ node: TestNode) async throws {
        await node.exchange.lanes.replace([
            BandwidthLimit(node: nil, hours: nil, bytesPerSecond: 20_000)
        ])
    }

    /// What is on its way when a recall comes is fenced off first: it would bring the files back.
    @Test func whatIsLetGoOfWhileItArrivesIsNotWrittenAgain() async throws {
        let world = try Self.world()
        let (sender, relay) = (world.sender, world.stranger)
        let sealing = try await world.seal(2_500_000)
        let head = try world.head(sealing, verdict: try verdict(world), relay: relay.id)
        _ = try await relay.exchange.offer(head: head, payload: nil, from: sender.id)
        #expect(try relay.parts.count == 2)
        let older = try await UploadTests.running(sealing, at: relay)
        let recall = try world.recall(sealing.core.id)
        #expect(try await relay.exchange.take(recall: recall, from: sender.id) == .held)
        #expect(try relay.parts == [])
        // It is told what is true by then.
        #expect(await older.value == nil)
        #expect(try await relay.relayed(sealing.core.id, from: sender)?.state == "withdrawn")
        // Whoever goes on with it hears what became of it.
        #expect(try await relay.take(sealing).state == "withdrawn")
        #expect(try relay.parts == [])
    }

    /// Whether they lie in its database or in a file.
    @Test(arguments: [5_000, 100_000])
    func bytesThatARelayChangedAreNotTaken(size: Int) async throws {
        let world = try Self.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let id = try await relay.running {
            try await sender.running {
                let id = try await sender.send(world.request(size: size))
                try await Self.until { try await sender.outbound(id)?.state == "relayed" }
                return id
            }
        }
        let name = SpoolFolder.Name(relayed: id, from: sender.id)
        var bytes = try await relay.exchange.part(.payload, of: name)
        bytes[1_000] ^= 1
        try await relay.replace(.payload, of: name, by: bytes)
        try await relay.restart()
        try await recipient.running {
            try await relay.running {
                try await Self.until { try await recipient.entries("offer.refused") > 0 }
            }
        }
        #expect(try await recipient.inbound(id, from: sender)?.state == "receiving")
        #expect(try await recipient.entries("transfer.arrived") == 0)
    }

    /// Takes all turns of small transfers on the link between two nodes.
    private static func fill(_ link: NodeID, of exchange: Exchange) async -> [Lanes.Lane] {
        let lanes = (0..<Lanes.smallPerPeer).map { number in
            Lanes.Lane(
                to: link, .routine, size: 1,
                TransferID(
                    milliseconds: UInt64(number), entropy: [UInt8](repeating: 1, count: 10)))
        }
        for lane in lanes { await exchange.lanes.enter(lane) }
        return lanes
    }

    private static func isAwaited(_ link: NodeID, of exchange: Exchange) async -> Bool {
        await exchange.linkLoads.contains { $0.peer == link && !$0.waiting.isEmpty }
    }

    @Test func whatGoesByARelayWaitsForNoLinkOfTheRecipients() async throws {
        let world = try Self.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let exchange = sender.exchange
        let others = await Self.fill(recipient.id, of: exchange)
        try await relay.running {
            let id = try await sender.send(world.request())
            let pursuit = Task { await exchange.pursue(id) }
            try await Self.until {
                if try await sender.outbound(id)?.state == "relayed" { return true }
                return await Self.isAwaited(recipient.id, of: exchange)
            }
            #expect(try await sender.outbound(id)?.state == "relayed")
            for lane in others { await exchange.lanes.leave(lane) }
            pursuit.cancel()
            await pursuit.value
        }
    }

    @Test func whatIsReleasedByAnotherWayHasItsTurnThere() async throws {
        let world = try Self.world(links: [:])
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let exchange = sender.exchange
        let (straight, roundabout) = (
            await Self.fill(recipient.id, of: exchange), await Self.fill(relay.id, of: exchange)
        )
        try await relay.running {
            let id = try await sender.send(world.request())
            let pursuit = Task { await exchange.pursue(id) }
            try await Self.until { await Self.isAwaited(recipient.id, of: exchange) }
            // Nobody answers there.
            _ = try? await exchange.peers.take(recipient.id)
            for lane in straight { await exchange.lanes.leave(lane) }
            try await Self.until {
                if try await relay.relayed(id, from: sender) != nil { return true }
                return await Self.isAwaited(relay.id, of: exchange)
            }
            #expect(try await relay.relayed(id, from: sender) == nil)
            #expect(try await sender.outbound(id)?.route == [sender.id, relay.id, recipient.id])
            for lane in roundabout { await exchange.lanes.leave(lane) }
            try await Self.until { try await sender.outbound(id)?.state == "relayed" }
            #expect(try await sender.outbound(id)?.attempt == 1)
            pursuit.cancel()
            await pursuit.value
        }
    }

    /// Nobody offers to a relay again what never finds room there.
    @Test func whatIsTooLargeForARelayGoesAnotherWayAtOnce() async throws {
        let world = try Self.world(links: [:]) {
            $0.relaying = Quota(transfersMax: 9, bytesMax: 1_000)
        }
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let exchange = sender.exchange
        let lanes = await Self.fill(relay.id, of: exchange)
        let id = try await sender.send(world.request())
        // Nobody answers there yet.
        _ = try? await exchange.peers.take(recipient.id)
        try await relay.running {
            try await recipient.running {
                let pursuit = Task { await exchange.pursue(id) }
                try await Self.until { await Self.isAwaited(relay.id, of: exchange) }
                await exchange.peers.forgive()
                for lane in lanes { await exchange.lanes.leave(lane) }
                let row = try await sender.ended(id)
                #expect(row.state == "delivered", "\(row.cause ?? "")")
                #expect(row.route == [sender.id, recipient.id] && row.attempt == 2)
                #expect(try await relay.entries("offer.refused") == 1)
                pursuit.cancel()
                await pursuit.value
            }
        }
    }

    enum Hindrance: CaseIterable {
        /// It takes no byte of the payload.
        case isStill
        /// It takes next to none, and breaks off before that is too slow.
        case breaksOff
        case wantsRest
    }

    /// Another route is open.
    @Test(arguments: Hindrance.allCases)
    func aFlashDoesNotWaitForARelayForLong(_ hindrance: Hindrance) async throws {
        let world = try Self.world(links: [:]) { $0.patience = .seconds(1) }
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let exchange = sender.exchange
        switch hindrance {
        case .isStill: relay.door.stillness.withLock { $0 = .seconds(10) }
        case .breaksOff:
            relay.door.stillness.withLock { $0 = .seconds(3) }
            relay.door.breaks.withLock { $0 = Array(repeating: 1_024, count: 100) }
        case .wantsRest:
            relay.door.refusals.withLock {
                $0 = Array(repeating: .tooManyRequests(.seconds(1)), count: 1_000)
            }
        }
        let id = try await sender.send(world.request(size: 2_500_000, precedence: .flash))
        // Nobody answers there yet.
        _ = try? await exchange.peers.take(recipient.id)
        try await relay.running {
            try await recipient.running {
                let pursuit = Task { await exchange.pursue(id) }
                try await Self.until {
                    try await sender.outbound(id)?.route == [sender.id, relay.id, recipient.id]
                }
                await exchange.peers.forgive()
                let row = try await sender.ended(id)
                #expect(row.state == "delivered", "\(row.cause ?? "")")
                #expect(row.route == [sender.id, recipient.id] && row.attempt == 2)
                // It has asked for a rest three times, and had it each time.
                let refusals = relay.door.refusals.withLock { $0.count }
                #expect(refusals == (hindrance == .wantsRest ? 997 : 0))
                pursuit.cancel()
                await pursuit.value
            }
        }
    }

    /// Another transfer may have it by then.
    @Test func theWatchClosesNoConnectionThatIsGivenBack() async throws {
        let world = try Self.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let exchange = sender.exchange
        let id = try await sender.send(world.request(precedence: .flash))
        let upload = UploadID(from: sender.id, transfer: id)
        let passage = Passage(
            upload: upload, name: SpoolFolder.Name(outbound: id), recipient: recipient.id,
            lane: Lanes.Lane(to: relay.id, .flash, size: 2, id),
            expires: TestFederation.start + 3_600, attempt: 1,
            head: OfferedHead(bytes: [1], envelope: SHA256.digest([]), payloadSize: 1),
            payload: [1],
            watch: RelayWatch(Patience(.flash, flash: .seconds(1))) {
                // The relay answers while other ways are looked for.
                try? await Task.sleep(for: .seconds(60))
                return true
            })
        relay.door.stillness.withLock { $0 = .seconds(4) }
        relay.door.refusals.withLock { $0 = [.unknownUpload(upload)] }
        try await relay.serving {
            await #expect(throws: Problem.self) {
                _ = try await exchange.offer(passage, isInline: true, handOn: {})
            }
            try await Task.sleep(for: .milliseconds(200))
            let kept = try #require(await exchange.peers.takeKept(relay.id))
            await exchange.peers.drop(kept)
        }
    }

    /// It may be as slow as it likes, as links are.
    @Test func whereNoOtherRouteIsOpenARelayIsWaitedFor() async throws {
        let world = try Self.world { $0.patience = .seconds(1) }
        let (sender, relay) = (world.sender, world.stranger)
        relay.door.stillness.withLock { $0 = .seconds(8) }
        let id = try await sender.send(world.request(size: 2_500_000, precedence: .flash))
        try await relay.running {
            let pursuit = Task { await sender.exchange.pursue(id) }
            try await Self.until {
                try await relay.relayed(id, from: sender)?.state == "holding"
            }
            #expect(try await sender.outbound(id)?.attempt == 1)
            pursuit.cancel()
            await pursuit.value
        }
    }

    @Test func aRelayThatDoesNotAnswerInTimeIsBusy() async throws {
        let world = try Self.world { $0.patience = .seconds(1) }
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let exchange = sender.exchange
        let id = TransferID(milliseconds: 1, entropy: [UInt8](repeating: 1, count: 10))
        let passage = Passage(
            upload: UploadID(from: sender.id, transfer: id),
            name: SpoolFolder.Name(outbound: id), recipient: recipient.id,
            lane: Lanes.Lane(to: relay.id, .flash, size: 1, id),
            expires: TestFederation.start + 3_600, attempt: 1)
        relay.door.stillness.withLock { $0 = .seconds(3) }
        try await relay.serving {
            let news = try await exchange.tried(passage) { try await exchange.ask(passage) }
            #expect(news.reply == .busy(cause: "MY/hub: no answer within 1 s"))
        }
    }

    @Test func aNewAttemptWaitsForTheLinkOfItsOwnRoute() async throws {
        let world = try Self.world(links: [:])
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let exchange = sender.exchange
        let id = try await sender.send(world.request())
        var row = try #require(try await sender.outbound(id))
        (row.attempt, row.route) = (1, [sender.id, recipient.id])
        let delivery = try Exchange.Delivery(row, requestBytes: 0)
        // Nobody answers there.
        _ = try? await exchange.peers.take(recipient.id)
        let before = await exchange.nextLane(delivery)
        #expect(before.peer == recipient.id)
        _ = delivery.sender.handle(.headStale(cause: "it is out of reach"), at: exchange.moment)
        let after = await exchange.nextLane(delivery)
        #expect(after.peer == relay.id)
        // The head that there is goes by no other way.
        world.clock.advance(seconds: row.expires - world.clock.now())
        let last = await exchange.nextLane(delivery)
        #expect(last.peer == recipient.id)
    }

    /// Waits until something that another task brings about holds.
    static func until(_ condition: () async throws -> Bool) async throws {
        for _ in 0..<1_500 {
            if try await condition() { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        Issue.record("it did not come about in 30 seconds")
    }
}

extension TestFederation {
    /// A dataset that came to the recipient by way of the third node, all of which are down afterwards.
    func relayed() async throws -> TransferID {
        try await recipient.running {
            try await self.stranger.running {
                try await self.sender.running {
                    let id = try await self.sender.send(self.request())
                    #expect(try await self.sender.ended(id).state == "delivered")
                    return id
                }
            }
        }
    }
}
