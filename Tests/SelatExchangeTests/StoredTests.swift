import Foundation
import NIOCore
import SelatAudit
import SelatCore
import SelatEnvelope
import SelatStore
import SelatTestSupport
import SelatTransport
import Synchronization
import Testing

@testable import SelatExchange

/// Datasets whose parts lie in the database and not in files.
struct StoredTests {
    let world: TestFederation
    var sender: TestNode { world.sender }
    var recipient: TestNode { world.recipient }

    init() throws { world = try TestFederation() }

    /// The most plaintext whose sealed payload lies in the database.
    private static let largest = 65_416

    @Test func theLimitIsThatOfTheSealedPayload() throws {
        let size = try SegmentLayout(messageSize: UInt64(Self.largest)).sealedSize
        #expect(size == UInt64(Limits.storedPayloadBytesMax))
        #expect(Exchange.isStored(sealed: size) && !Exchange.isStored(sealed: size + 1))
    }

    @Test(arguments: [0, 1, 1_024, largest])
    func itsPartsComeAndGoWithItsTransfer(size: Int) async throws {
        let id = try await sender.send(world.request(size: size))
        #expect(try sender.stored == ["out.\(id).payload"])
        try await sender.restart()
        try await recipient.serving { await sender.exchange.pursue(id) }
        #expect(try await sender.outbound(id)?.state == "delivered")
        #expect(try sender.parts == [])
        let name = "in.SG-hub.\(id)"
        #expect(try recipient.stored == ["\(name).head", "\(name).payload"])
        #expect(try recipient.files == [])
        try await recipient.restart()
        #expect(try await recipient.opened(id) == TestFederation.bytes(size))
        _ = try await recipient.exchange.destroy(id, reason: nil, by: 0)
        #expect(try recipient.parts == [])
    }

    @Test(arguments: [1_024, 100_000])
    func theSizeOfAPartIsKnownWhereverItLies(size: Int) async throws {
        let id = try await sender.send(world.request(size: size))
        let name = SpoolFolder.Name(outbound: id)
        let bytes = try await sender.exchange.part(.payload, of: name)
        #expect(try await sender.exchange.partSize(.payload, of: name) == UInt64(bytes.count))
        await #expect(throws: FileFault.self) {
            try await sender.exchange.partSize(.head, of: name)
        }
    }

    /// Neither the database's file nor its write-ahead log has the sealed bytes still.
    @Test func whatIsDestroyedIsInNoFile() async throws {
        let sealing = try await world.seal()
        _ = try await recipient.exchange.offer(
            head: world.head(sealing), payload: sealing.payload, from: sender.id)
        let path = recipient.store.path
        let sealed = Data(sealing.payload[1_000..<1_100])
        func isFound() throws -> Bool {
            try ["", "-wal"].contains { suffix in
                try Data(contentsOf: URL(filePath: path + suffix)).range(of: sealed) != nil
            }
        }
        #expect(try isFound())
        _ = try await recipient.exchange.destroy(sealing.core.id, reason: nil, by: 0)
        // The log is emptied when the batch is through.
        for _ in 0..<100 where try isFound() { try await Task.sleep(for: .milliseconds(20)) }
        #expect(try !isFound())
    }

    @Test func oneByteMoreIsAFile() async throws {
        let id = try await sender.send(world.request(size: Self.largest + 1))
        #expect(try sender.files == ["out.\(id).payload"])
        try await recipient.serving { await sender.exchange.pursue(id) }
        #expect(try (sender.parts, recipient.stored) == ([], []))
        #expect(try await recipient.opened(id) == TestFederation.bytes(Self.largest + 1))
    }

    /// With a connection at hand the release says already that the whole may arrive; without one nothing has left.
    @Test func whatLeavesAtOnceIsHandedOnWithItsRelease() async throws {
        let ids = try await [
            sender.send(world.request()), sender.send(world.request()),
            sender.send(world.request()),
        ]
        let seen = Mutex<OutboundRow?>(nil)
        try await recipient.serving { [sender, recipient] in
            await sender.exchange.pursue(ids[0])
            recipient.door.lie.withLock {
                $0 = { answer in
                    let row = try? sender.store.lookUp { try $0.outbound(ids[1]) }
                    seen.withLock { $0 = row }
                    return answer
                }
            }
            await sender.exchange.pursue(ids[1])
        }
        let row = try #require(seen.withLock { $0 })
        #expect(row.state == "queued" && row.handedOn && row.attempt == 1)
        let kinds = try await sender.store.entries(EntryFilter(transfer: ids[1])).map(
            \.entry.kind.text)
        #expect(
            kinds == [
                "transfer.permitted", "transfer.accepted", "transfer.released",
                "transfer.delivered",
            ])
        // The recipient is gone, and with it the connection, which hears of it in a moment.
        let peers = sender.exchange.peers
        while let kept = await peers.takeKept(recipient.id) {
            await peers.keep(kept)
            await Task.yield()
        }
        let pursuit = Task { [sender] in await sender.exchange.pursue(ids[2]) }
        while try await sender.outbound(ids[2])?.cause == nil { await Task.yield() }
        pursuit.cancel()
        await pursuit.value
        let left = try #require(try await sender.outbound(ids[2]))
        #expect(left.state == "queued" && !left.handedOn && left.attempt == 1)
        #expect(try await sender.exchange.cancel(ids[2], reason: "x", by: 0).state == "cancelled")
    }

    @Test func whatCameWholeIsRecordedInOneCommit() async throws {
        let sealing = try await world.seal()
        let before = try await recipient.store.read { try $0.size() }
        _ = try await recipient.exchange.offer(
            head: world.head(sealing), payload: sealing.payload, from: sender.id)
        let entries = try await recipient.store.entries(EntryFilter(transfer: sealing.core.id))
        #expect(entries.map(\.entry.kind.text) == ["transfer.received", "transfer.arrived"])
        #expect(entries.map(\.entry.sequence) == [before, before + 1])
        #expect(try await recipient.inbound(sealing.core.id, from: sender)?.durable == 5_072)
    }

    @Test(arguments: ["flipped", "shorter", "longer", "empty", "another"])
    func aPayloadThatIsNotTheHeadsIsNotTaken(kind: String) async throws {
        let (sealing, other) = (try await world.seal(), try await world.seal())
        var payload = sealing.payload
        switch kind {
        case "flipped": payload[payload.count / 2] ^= 1
        case "shorter": payload.removeLast()
        case "longer": payload.append(0)
        case "empty": payload = []
        default: payload = other.payload
        }
        let head = try world.head(sealing)
        let answer = await problem {
            _ = try await recipient.exchange.offer(head: head, payload: payload, from: sender.id)
        }
        #expect(answer == "payload-invalid")
        #expect(try recipient.stored == [])
        #expect(try await recipient.entries("transfer.arrived") == 0)
        // The sender still brings the right one.
        #expect(try await recipient.take(sealing).state == "delivered")
        #expect(try await recipient.opened(sealing.core.id) == TestFederation.bytes(5_000))
    }

    @Test(arguments: [0, 999, 1_001, 70_000])
    func aDatasetOfAnotherSizeThanAnnouncedIsNotSealed(size: Int) async throws {
        let begun = try await sender.exchange.begin(
            world.request(size: 1_000), lifeSeconds: 60, by: 0)
        let pieces = Pieces(pieces: [TestFederation.bytes(size)])
        let answer = await problem {
            _ = try await sender.exchange.seal(begun.id, pieces, by: 0)
        }
        #expect(answer == "bad-dataset")
        #expect(try await sender.outbound(begun.id)?.state == "cancelled")
        #expect(try sender.parts == [])
    }

    /// What the recipient would not read is not taken here. By bytes both have room.
    @Test(arguments: [(990_000, "1"), (245_000, "[]")])
    func aDescriptionOfTooManyValuesIsNotTaken(count: Int, value: String) async throws {
        let value = try JSON(parsing: Array(value.utf8))
        let much = JSON.array(Array(repeating: value, count: count))
        var request = try world.request(size: 600)
        request = OutboundRequest(
            to: request.to, label: request.label, facts: request.facts, ground: nil,
            precedence: .routine,
            dataset: try DatasetDescription(
                resources: request.dataset.resources, others: ["much": much]))
        let answer = await problem { [request] in
            _ = try await sender.exchange.begin(request, lifeSeconds: 60, by: 0)
        }
        #expect(answer == "bad-dataset")
    }

    /// Its description makes its head large, which is a file then, whatever the attempt.
    @Test func aLargeHeadIsAFile() async throws {
        let resources = try (0..<600).map { number in
            let path = try DatasetPath("\(number)-" + String(repeating: "x", count: 200))
            return Resource(name: "r\(number)", path: path, bytes: 1)
        }
        var request = try world.request(size: 600)
        request = OutboundRequest(
            to: request.to, label: request.label, facts: request.facts, ground: nil,
            precedence: .routine, dataset: try DatasetDescription(resources: resources))
        let id = try await sender.send(request)
        #expect(try sender.stored == ["out.\(id).payload"])
        let exchange = sender.exchange
        let pursuit = Task { await exchange.pursue(id) }
        try await RelayTests.until { try await sender.outbound(id)?.attempt == 1 }
        pursuit.cancel()
        await pursuit.value
        #expect(try sender.files == ["out.\(id).head"])
        try await sender.restart()
        try await recipient.serving { await sender.exchange.pursue(id) }
        #expect(try await sender.outbound(id)?.state == "delivered")
        #expect(try sender.parts == [])
        #expect(try await recipient.opened(id) == TestFederation.bytes(600))
    }

    @Test func aCancelledOneLeavesNothing() async throws {
        let id = try await sender.send(world.request(size: 1_000))
        _ = try await sender.exchange.cancel(id, reason: "not needed", by: 0)
        #expect(try sender.parts == [])
    }

    /// As a program of an older schema left them.
    @Test func partsInFilesAreUsedStill() async throws {
        let id = try await sender.send(world.request(size: 1_000))
        try await sender.moveToFiles(.init(outbound: id))
        try await sender.restart()
        try await recipient.serving { await sender.exchange.pursue(id) }
        #expect(try await sender.outbound(id)?.state == "delivered")
        try await recipient.moveToFiles(.init(inbound: id, from: sender.id))
        try await recipient.restart()
        #expect(try await recipient.opened(id) == TestFederation.bytes(1_000))
        // What such a program left of an ended one goes at the next start.
        #expect(try sender.files == ["out.\(id).payload"])
        try await sender.restart()
        #expect(try sender.files == [])
        _ = try await recipient.exchange.destroy(id, reason: nil, by: 0)
        #expect(try recipient.parts == [])
    }
}
