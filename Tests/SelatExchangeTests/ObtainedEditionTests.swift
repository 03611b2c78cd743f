import SelatAudit
import SelatCore
import SelatCrypto
import SelatPolicy
import SelatStore
import SelatTestSupport
import SelatTransport
import Synchronization
import Testing

@testable import SelatExchange

/// Editions from other nodes: who brings one is not believed, its signatures are.
struct ObtainedEditionTests {
    let world: TestFederation

    init() throws { world = try TestFederation() }

    /// A node that serves whatever it likes.
    private struct Shelf: PolicyService {
        var offered: [OfferedEdition] = []
        var files: [Digest: SignedFile] = [:]
        var delay = Duration.zero

        init(_ editions: [SignedEdition], as number: UInt64 = 2) throws {
            for edition in editions {
                let digest = SHA256.digest(edition.bytes)
                let name = String(edition.file.dropLast(5))
                offered.append(
                    OfferedEdition(
                        name: name, number: number, digest: digest,
                        inForce: try Timestamp("2026-01-01T00:00:00Z")))
                files[digest] = SignedFile(
                    name: name, bytes: edition.bytes, signatures: edition.signatures ?? [])
            }
        }

        func offeredEditions() async throws -> [OfferedEdition] {
            try await Task.sleep(for: delay)
            return offered
        }
        func signedFile(_ digest: Digest) async throws -> SignedFile? { files[digest] }
    }

    /// SG's node asks VN's, which serves `shelf`; gives SG's register afterwards.
    private func asked(
        _ shelf: Shelf, upTo bytesMax: Int = Limits.editionBytesAtOnceMax
    ) async throws -> EditionRegister {
        let (own, other) = (world.sender, world.recipient)
        let register = try await world.register(of: own)
        try own.judge(by: register)
        other.shelf.withLock { $0 = shelf }
        let exchange = own.exchange
        let node = other.id
        try await other.serving { await exchange.catchUp(with: node, upTo: bytesMax) }
        return register
    }

    @Test func anybodyMayBringAnEdition() async throws {
        let register = try await asked(try Shelf([try world.later("MY", 9)], as: 9))
        #expect(register.number("MY") == 9)
        let received = try await world.sender.store.entries(EntryFilter(kind: "policy.received"))
        #expect(received.last?.entry.actor == .node(world.recipient.id))
    }

    @Test func unsignedAndForgedEditionsAreRefused() async throws {
        let unsigned = try world.later("SG", 2)
        let forged: [SignedEdition] = [
            SignedEdition(file: unsigned.file, bytes: unsigned.bytes, signatures: []),
            try world.later("MY", 9, by: ["VN"]), try world.later("VN", 2, persons: 1),
            try world.later("ASEAN", 2, by: ["VN"]),
        ]
        for edition in forged {
            let register = try await asked(try Shelf([edition], as: 9))
            #expect(register.active.editions.values.allSatisfy { $0.number != 9 })
            #expect(register.number("SG") == 1 && register.number("VN") == 1)
        }
        #expect(try await world.sender.entries("policy.refused") == forged.count)
        #expect(try await world.sender.entries("policy.received") == 1)
    }

    @Test func otherBytesThanThoseOfTheDigestAreDropped() async throws {
        let (good, other) = (try world.later("SG", 2), try world.later("SG", 3))
        var shelf = try Shelf([good])
        let digest = SHA256.digest(good.bytes)
        shelf.files[digest] = SignedFile(
            name: "SG", bytes: other.bytes, signatures: other.signatures ?? [])
        let register = try await asked(shelf)
        #expect(register.number("SG") == 1)
        #expect(try await world.sender.entries("policy.received") == 1)
    }

    @Test func whatIsBelowTheActiveOneIsNotAskedFor() async throws {
        let register = try await world.register(of: world.sender)
        _ = try await register.take([try world.later("SG", 3)], from: .user(7), together: true)
        let again = try await asked(try Shelf([try world.later("SG", 2)]))
        #expect(again.number("SG") == 3)
        #expect(try await world.sender.entries("policy.refused") == 0)
    }

    @Test func whatWouldOnlyBePassedOverIsNotAskedFor() async throws {
        var shelf = try Shelf([try world.later("MY", 9)], as: 9)
        // Nobody's file, and it could not be had.
        shelf.offered.insert(
            OfferedEdition(
                name: "TH", number: 1, digest: SHA256.digest([1]), inForce: Timestamp(seconds: 0)),
            at: 0)
        #expect(try await asked(shelf).number("MY") == 9)
    }

    @Test func whatHasComeIsTakenBeforeMoreIsInMemory() async throws {
        var shelf = try Shelf(
            [try world.later("MY", 9), try world.later("SG", 9), try world.later("VN", 9)], as: 9)
        shelf.files[shelf.offered[2].digest] = nil
        let register = try await asked(shelf, upTo: 1)
        #expect((register.number("MY"), register.number("SG")) == (9, 9))
        #expect(register.number("VN") == 1)
        #expect(try await world.sender.entries("policy.received") == 3)
        // What failed is asked for again, although nothing else is offered.
        shelf.files = try Shelf([try world.later("VN", 9)], as: 9).files
        world.recipient.shelf.withLock { [shelf] in $0 = shelf }
        let (exchange, other) = (world.sender.exchange, world.recipient)
        try await other.serving { await exchange.catchUp(with: other.id) }
        #expect(register.number("VN") == 9)
    }

    @Test func aSlowNodeIsGivenUp() async throws {
        let (own, other) = (world.sender, world.recipient)
        try own.judge(by: try await world.register(of: own))
        var shelf = try Shelf([])
        shelf.delay = .seconds(4)
        other.shelf.withLock { [shelf] in $0 = shelf }
        let (exchange, start) = (own.exchange, ContinuousClock.now)
        try await other.serving {
            await exchange.catchUp(with: other.id, within: .milliseconds(100))
            #expect(ContinuousClock.now - start < .seconds(4))
        }
    }

    @Test func whoWaitsForASiblingsTurnHoldsNoConnection() async throws {
        let (own, other) = (world.sender, world.recipient)
        let register = try await world.register(of: own)
        try own.judge(by: register)
        let shelf = try Shelf([try world.later("MY", 9)], as: 9)
        other.shelf.withLock { $0 = shelf }
        let exchange = own.exchange
        // Another node of the same member is asked.
        try await exchange.policyTurns.enter(other.id.country)
        try await other.serving {
            let asking = Task { await exchange.catchUp(with: other.id) }
            while await exchange.policyTurns.waiting == 0 { await Task.yield() }
            let kept = try #require(await exchange.peers.takeKept(other.id))
            await exchange.peers.keep(kept)
            #expect(register.number("MY") == 1)
            await exchange.policyTurns.leave(other.id.country)
            await asking.value
        }
        #expect(register.number("MY") == 9)
    }

    @Test func whatWasRefusedIsNotEnteredAgainAndAgain() async throws {
        let shelf = try Shelf([try world.later("VN", 2, persons: 1)])
        let register = try await asked(shelf)
        let (exchange, other) = (world.sender.exchange, world.recipient)
        try await other.serving {
            for _ in 0..<3 { await exchange.catchUp(with: other.id) }
        }
        #expect(try await world.sender.entries("policy.refused") == 1)
        world.clock.advance(seconds: 3_601)
        try await other.serving { await exchange.catchUp(with: other.id) }
        #expect(try await world.sender.entries("policy.refused") == 2)
        #expect(register.number("VN") == 1)
    }
}
