import SelatAudit
import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatStore
import SelatTestSupport
import Synchronization
import Testing

@testable import SelatExchange

/// What an operator takes back, and what an operator cannot.
struct CancelTests {
    let world: TestFederation
    var sender: TestNode { world.sender }

    init() throws { world = try TestFederation() }

    @Test func whatHasNotLeftIsTakenBackAndDestroyed() async throws {
        let id = try await sender.send(world.request())
        let row = try await sender.exchange.cancel(id, reason: "the wrong file", by: 1_000)
        #expect(row.state == "cancelled")
        #expect(row.cause == "the wrong file")
        #expect(try await sender.outbound(id)?.contentKey == nil)
        #expect(try sender.parts == [])
        let entries = try await sender.store.entries(
            EntryFilter(transfer: id, kind: "transfer.cancelled"))
        #expect(entries.map(\.entry.actor) == [.user(1_000)])
        // Nobody brings it further, also after a restart.
        try await sender.restart()
        try await world.recipient.serving { await sender.exchange.pursue(id) }
        #expect(try await world.recipient.inbound(id, from: sender) == nil)
    }

    @Test func whatMayHaveArrivedIsNotTakenBack() async throws {
        let id = try await sender.send(world.request())
        world.recipient.door.losesAnswers.withLock { $0 = true }
        let exchange = sender.exchange
        let (sender, recipient) = (sender, world.recipient)
        try await recipient.serving {
            let pursuit = Task { await exchange.pursue(id) }
            try await RelayTests.until { try await sender.outbound(id)?.handedOn == true }
            let refusal = try await #require(throws: Problem.self) {
                _ = try await exchange.cancel(id, reason: "too late", by: 0)
            }
            #expect(refusal.type == "urn:selat:problem:not-ready")
            #expect(refusal.remedy?.contains("`selat recall \(id)`") == true)
            recipient.door.losesAnswers.withLock { $0 = false }
            try await exchange.retry(id)
            await exchange.pursuits.wake(.outbound(id))
            await pursuit.value
        }
        #expect(try await sender.outbound(id)?.state == "delivered")
    }

    @Test func whatHasEndedOrIsNotKnownIsNeitherCancelledNorTried() async throws {
        let id = try await sender.send(world.request())
        _ = try await sender.exchange.cancel(id, reason: "first", by: 0)
        let exchange = sender.exchange
        #expect(
            await problem { _ = try await exchange.cancel(id, reason: "again", by: 0) }
                == "not-ready")
        #expect(await problem { try await exchange.retry(id) } == "not-ready")
        let stranger = TransferID(milliseconds: 1, entropy: [UInt8](repeating: 7, count: 10))
        #expect(
            await problem { _ = try await exchange.cancel(stranger, reason: "x", by: 0) }
                == "unknown-transfer")
        #expect(await problem { try await exchange.retry(stranger) } == "unknown-transfer")
    }

    /// More than sockets hold: what breaks early is not handed on whole.
    private static let large = 24_000_000

    /// Sends until a part lies at the next node, then takes it back.
    private func cancelled(
        in world: TestFederation, at next: TestNode,
        _ part: @escaping @Sendable () async throws -> Bool
    ) async throws -> TransferID {
        let sender = world.sender
        let id = try await sender.send(world.request(size: Self.large))
        try await end(id, in: world, at: next, part) {
            let row = try await sender.exchange.cancel(id, reason: "the wrong file", by: 0)
            #expect(row.state == "cancelled")
        }
        return id
    }

    /// Delivers until a part lies at the next node, ends that by a person's word, and waits until the node has
    /// let go of it.
    private func end(
        _ id: TransferID, in world: TestFederation, at next: TestNode,
        _ part: @escaping @Sendable () async throws -> Bool,
        by word: @escaping @Sendable () async throws -> Void
    ) async throws {
        let sender = world.sender
        next.door.breaks.withLock { $0 = [1_300_000] + Array(repeating: 0, count: 100) }
        try await next.running {
            try await sender.running {
                try await RelayTests.until { try await part() }
                try await word()
                try await RelayTests.until { try next.parts.isEmpty }
                try await RelayTests.until {
                    try await sender.exchange.letters(about: id, from: sender.id).isEmpty
                }
            }
        }
    }

    @Test func aRecipientLetsGoOfThePartThatItHas() async throws {
        let (sender, recipient) = (sender, world.recipient)
        let id = try await cancelled(in: world, at: recipient) {
            try await recipient.store.read {
                try $0.inbound(TransferFilter()).first?.durable ?? 0 > 0
            }
        }
        let row = try #require(try await recipient.inbound(id, from: sender))
        #expect(row.state == "withdrawn" && row.contentKey == nil)
        let entry = try #require(
            try await recipient.store.entries(EntryFilter(kind: "transfer.withdrawn")).first)
        let details = try JSON(parsing: try #require(entry.details))
        #expect(details["cause"] == "cancelled by SG/hub: the wrong file")
    }

    @Test func aRecipientLetsGoOfWhatAnOfficerRefused() async throws {
        let (sender, recipient) = (sender, world.recipient)
        let id = try await sender.send(world.request(size: Self.large).with(use: "inference"))
        let no = try await world.word(
            on: id, by: "deputy", role: "releasing-officer", decision: .refuse, reason: "names")
        _ = try await sender.exchange.take(
            approval: try await world.word(on: id), of: id, by: 0)
        try await end(id, in: world, at: recipient) {
            try await recipient.store.read {
                try $0.inbound(TransferFilter()).first?.durable ?? 0 > 0
            }
        } by: {
            let taken = try await sender.exchange.take(approval: no, of: id, by: 0)
            #expect(taken.state == .refused)
        }
        let row = try #require(try await recipient.inbound(id, from: sender))
        #expect(row.state == "withdrawn" && row.contentKey == nil)
        let entry = try #require(
            try await recipient.store.entries(EntryFilter(kind: "transfer.withdrawn")).first)
        let details = try JSON(parsing: try #require(entry.details))
        #expect(
            details["cause"]
                == "cancelled by SG/hub: refused by `SG/hub/deputy` (releasing-officer): names")
    }

    @Test func aRelayLetsGoOfThePartThatItHas() async throws {
        let world = try RelayTests.world()
        let (sender, relay) = (world.sender, world.stranger)
        let id = try await cancelled(in: world, at: relay) {
            try await relay.store.read {
                try $0.relayed(TransferFilter()).first?.durable ?? 0 > 0
            }
        }
        let row = try #require(try await relay.relayed(id, from: sender))
        #expect(row.state == "withdrawn")
        #expect(row.cause == "cancelled by SG/hub: the wrong file")
    }

    /// Neither its sender nor its recipient: it is told whose it is to end.
    @Test func aRelayEndsNothingOfOthers() async throws {
        let world = try RelayTests.world()
        let (sender, relay) = (world.sender, world.stranger)
        try await relay.running {
            try await sender.running {
                let id = try await sender.send(world.request())
                try await RelayTests.until { try await sender.outbound(id)?.state == "relayed" }
                let exchange = relay.exchange
                let cancelled = try await #require(throws: Problem.self) {
                    _ = try await exchange.cancel(id, reason: "x", by: 0)
                }
                let destroyed = try await #require(throws: Problem.self) {
                    _ = try await exchange.destroy(id, reason: "x", by: 0)
                }
                for refusal in [cancelled, destroyed] {
                    #expect(refusal.type == "urn:selat:problem:not-ready")
                    #expect(
                        refusal.detail
                            == "`\(id)` passes through here, from `SG/hub` to `VN/hub`: it is holding"
                    )
                    #expect(refusal.remedy?.hasPrefix("its sender can take it back") == true)
                }
            }
        }
    }

    /// The head of the next attempt lies in the spool before its release is committed.
    @Test func theWordNamesWhatWasReleased() async throws {
        let id = try await sender.send(world.request(size: 100_000))
        let exchange = sender.exchange
        let pursuit = Task { await exchange.pursue(id) }
        while try await sender.outbound(id)?.cause == nil { await Task.yield() }
        pursuit.cancel()
        await pursuit.value
        let next = try world.head(try await world.seal())
        try await sender.spool.write(next, to: SpoolFolder.Name(outbound: id), .head)
        let word = try #require(
            await exchange.cancellation(of: id, "the wrong file", at: world.clock.now()))
        let said = try ReceiptStatement(
            canonical: try CMS.unverifiedContent(word.message, type: .receipt))
        let released = try await sender.store.entries(
            EntryFilter(transfer: id, kind: "transfer.released"))
        let details = try JSON(parsing: try #require(released.last?.details))
        #expect(released.count == 1 && said.attempt == 1)
        #expect(details["envelope"] == .string(said.envelope.text))
    }

    @Test func nobodyElseTakesItBack() async throws {
        let sealing = try await world.seal(3_000_000)
        let recipient = world.recipient
        _ = try await recipient.exchange.offer(
            head: world.head(sealing), payload: nil, from: sender.id)
        // A word of the recipient's own, and one in the sender's name by another.
        for node in [recipient, world.stranger] {
            let content = ReceiptStatement(
                federation: world.federation.id, kind: .cancelled, from: sender.id,
                id: sealing.core.id, envelope: SHA256.digest([1]), attempt: 1, signer: sender.id,
                time: world.clock.now(), reason: "x")
            let message = try CMS.sign(
                content: content.json.canonical, type: .receipt, signer: node.identity.signer,
                at: world.clock.now())
            let entry = EntryDraft(
                kind: "transfer.cancelled", transfer: sealing.core.id,
                details: ["statement": .string(SHA256.digest(message).text)])
            let sequence = try await node.store.commit { try $0.append(entry) }.value
            let receipt = try #require(try await node.exchange.receipt(message, sequence))
            #expect(
                await problem {
                    _ = try await recipient.exchange.take(receipt: receipt, from: node.id)
                } == "verification-failed")
        }
        #expect(
            try await recipient.inbound(sealing.core.id, from: sender)?.state == "receiving")
        #expect(try await recipient.entries("receipt.rejected") == 2)
    }
}
