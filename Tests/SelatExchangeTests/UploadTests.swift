import Foundation
import NIOCore
import SelatAudit
import SelatCore
import SelatCrypto
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

/// Payloads that arrive in pieces, broken, twice, too late or not as they were signed.
struct UploadTests {
    /// Three segments.
    static let size = 2_500_000
    let world: TestFederation
    var node: TestNode { world.recipient }

    init() throws { world = try TestFederation() }

    private func begun(_ size: Int = Self.size, life: Int64 = 3_600) async throws -> Sealing {
        let sealing = try await world.seal(size, life: life)
        let answer = try await node.exchange.offer(
            head: world.head(sealing), payload: nil, from: world.sender.id)
        #expect(answer.state == "receiving")
        return sealing
    }

    private func append(
        _ sealing: Sealing, _ bytes: ArraySlice<UInt8>, at offset: UInt64, complete: Bool = true
    ) async throws -> UploadState {
        try await node.exchange.append(
            sealing.upload, from: world.sender.id, offset: offset, length: nil, complete: complete,
            body: UploadBody(Pieces(pieces: [Array(bytes)])))
    }

    private func expectDelivered(_ sealing: Sealing, _ size: Int = Self.size) async throws {
        #expect(try await node.opened(sealing.core.id) == TestFederation.bytes(size))
        #expect(try await node.entries("transfer.arrived") == 1)
    }

    /// At the least that a limit may leave an upload, 64 MiB take nine hours.
    @Test func progressIsSavedByBytesAndByTimeWhereThereIsAny() throws {
        let layout = try SegmentLayout(messageSize: 200 << 20)
        let start = ContinuousClock.now
        var unsaved = UnsavedProgress(layout, from: 0, since: start)
        let left = Int(layout.leaf(63).upperBound) - (64 << 20)
        let saves = [
            unsaved.grow(by: (64 << 20) - 1, at: start),
            unsaved.grow(by: 1, at: start + .seconds(1)),
            // It is in the middle of a segment.
            unsaved.grow(by: left - 1, at: start + .seconds(31)),
            unsaved.grow(by: 1, at: start + .seconds(32)),
            unsaved.grow(by: 1 << 21, at: start + .seconds(61)),
            unsaved.grow(by: 1, at: start + .seconds(62)),
        ]
        #expect(saves == [false, true, false, true, false, true])
    }

    @Test func aFlippedSegmentIsRefusedAndTheUploadResumes() async throws {
        let sealing = try await begun()
        var forged = sealing.payload
        forged[1_500_000] ^= 1
        #expect(
            await problem { _ = try await append(sealing, forged[...], at: 0) } == "payload-invalid"
        )
        #expect(try await node.entries("offer.refused") == 1)
        let state = try await node.exchange.uploadState(sealing.upload, from: world.sender.id)
        #expect(!state.complete)
        #expect(try await node.take(sealing, from: state.offset).state == "delivered")
        try await expectDelivered(sealing)
    }

    @Test func morePayloadThanTheHeaderNamesIsRefused() async throws {
        let sealing = try await begun()
        let longer = sealing.payload + [0]
        #expect(
            await problem { _ = try await append(sealing, longer[...], at: 0) } == "payload-invalid"
        )
        #expect(try await node.take(sealing).state == "delivered")
        try await expectDelivered(sealing)
    }

    @Test func aBrokenUploadGoesOnAtItsDurableOffsetAfterARestart() async throws {
        let sealing = try await begun()
        let whole = UploadBody(Pieces(pieces: [sealing.payload]))
        let body = UploadBody(Broken(body: whole, limit: 1_500_000))
        await #expect(throws: (any Error).self) {
            _ = try await node.exchange.append(
                sealing.upload, from: world.sender.id, offset: 0, length: nil, complete: true,
                body: body)
        }
        try await node.restart()
        let state = try await node.exchange.uploadState(sealing.upload, from: world.sender.id)
        #expect(state.offset == 56 + 1_049_600)
        #expect(try await node.take(sealing, from: state.offset).state == "delivered")
        try await expectDelivered(sealing)
    }

    @Test func anUploadInPartsAnswersHowFarItCame() async throws {
        let sealing = try await begun()
        let part = try await append(
            sealing, sealing.payload[..<1_500_000], at: 0, complete: false)
        #expect(part.offset == 56 + 1_049_600)
        #expect(!part.complete)
        #expect(try await node.take(sealing, from: part.offset).state == "delivered")
        try await expectDelivered(sealing)
    }

    @Test(arguments: [1, 1_049_656, 5_000_000] as [UInt64])
    func anUploadThatStandsElsewhereIsToldWhere(offset: UInt64) async throws {
        let sealing = try await begun()
        do {
            _ = try await append(sealing, [], at: offset)
            Issue.record("taken")
        } catch let problem as Problem {
            #expect(problem.expectedOffset == 0)
        }
    }

    @Test func anUploadBehindTheEndOfADeliveredOneIsAnsweredWithTheReceipt() async throws {
        let sealing = try await begun()
        let done = try await node.take(sealing)
        let again = try await append(sealing, [], at: UInt64(sealing.payload.count))
        #expect(again == done)
        #expect(again.receipt != nil)
        try await expectDelivered(sealing)
    }

    @Test func aStrangerCannotAppendOrAsk() async throws {
        let sealing = try await begun()
        let node = node
        let stranger = world.stranger.id
        #expect(
            await problem {
                _ = try await node.exchange.uploadState(sealing.upload, from: stranger)
            } == "unknown-upload")
        #expect(
            await problem {
                _ = try await node.exchange.append(
                    sealing.upload, from: stranger, offset: 0, length: nil, complete: true,
                    body: UploadBody(Pieces(pieces: [])))
            } == "unknown-upload")
    }

    @Test func aNewerAppendFencesOffTheOlder() async throws {
        let sealing = try await begun()
        let (taken, told) = AsyncStream<Void>.makeStream()
        let node = node
        let slow = Pieces(pieces: [Array(sealing.payload[..<100_000])], end: .wait, taken: told)
        let older = Task {
            await problem {
                _ = try await node.exchange.append(
                    sealing.upload, from: sealing.core.from, offset: 0, length: nil, complete: true,
                    body: UploadBody(slow))
            }
        }
        for await _ in taken {}
        #expect(try await node.take(sealing).state == "delivered")
        #expect(await older.value != nil)
        try await expectDelivered(sealing)
    }

    @Test(arguments: ["removed", "cut"])
    func aPayloadFileThatACrashTookIsBegunAgain(loss: String) async throws {
        let sealing = try await begun()
        let part = try await append(
            sealing, sealing.payload[..<1_500_000], at: 0, complete: false)
        let path = node.spool.path(
            of: SpoolFolder.Name(inbound: sealing.core.id, from: sealing.core.from), .payload)
        if loss == "removed" { #expect(unlink(path) == 0) } else { #expect(truncate(path, 9) == 0) }
        do {
            _ = try await node.take(sealing, from: part.offset)
            Issue.record("taken")
        } catch let problem as Problem {
            #expect(problem.expectedOffset == 0)
        }
        #expect(try await node.take(sealing).state == "delivered")
        try await expectDelivered(sealing)
    }

    @Test func whatIsWholeOnlyAfterItExpiredLeavesNothing() async throws {
        let sealing = try await begun(life: 60)
        world.clock.advance(seconds: 60)
        let state = try await node.take(sealing)
        #expect(state.state == "lapsed")
        #expect(state.receipt == nil)
        let row = try #require(try await node.inbound(sealing.core.id, from: world.sender))
        #expect(row.contentKey == nil)
        #expect(try node.parts == [])
        #expect(try await node.entries("transfer.lapsed") == 1)
    }

    /// It may have come in time: it neither arrives nor lapses.
    @Test func whatIsWholeByAClockInDoubtComesAgain() async throws {
        let sealing = try await begun(life: 60)
        let node = node
        node.exchange.witnesses.state.withLock { $0.clockDoubt = .now }
        world.clock.advance(seconds: 60)
        #expect(await problem { _ = try await node.take(sealing) } == "clock")
        let row = try #require(try await node.inbound(sealing.core.id, from: world.sender))
        #expect(row.state == "receiving" && row.contentKey != nil)
        world.clock.advance(seconds: -30)
        #expect(try await node.take(sealing, from: row.durable).state == "delivered")
        try await expectDelivered(sealing)
    }

    @Test func whatLapsedByAClockAheadIsTakenAnew() async throws {
        let sealing = try await begun(life: 160)
        world.clock.advance(seconds: 161)
        try await node.exchange.endOverdue()
        let offered = try await node.exchange.offer(
            head: world.head(sealing), payload: nil, from: world.sender.id)
        #expect(offered.state == "lapsed")
        world.clock.advance(seconds: -150)
        let again = try await node.exchange.offer(
            head: world.head(sealing), payload: nil, from: world.sender.id)
        #expect(again.state == "receiving" && again.offset == 0)
        #expect(try await node.take(sealing).state == "delivered")
        try await expectDelivered(sealing)
        #expect(try await node.opened(sealing.core.id) == TestFederation.bytes(Self.size))
        #expect(try await node.entries("transfer.received") == 2)
    }

    @Test func anOverdueUploadIsEndedWhileItRuns() async throws {
        let sealing = try await begun(life: 60)
        let (taken, told) = AsyncStream<Void>.makeStream()
        let node = node
        let slow = Pieces(pieces: [Array(sealing.payload[..<100_000])], end: .wait, taken: told)
        let running = Task {
            await problem {
                _ = try await node.exchange.append(
                    sealing.upload, from: sealing.core.from, offset: 0, length: nil, complete: true,
                    body: UploadBody(slow))
            }
        }
        for await _ in taken {}
        world.clock.advance(seconds: 60)
        try await node.exchange.endOverdue()
        #expect(await running.value != nil)
        #expect(try node.parts == [])
        #expect(try await node.take(sealing).state == "lapsed")
    }

    /// An upload that has come some way; what is on its way behind that comes when it is cancelled.
    static func running(
        _ sealing: Sealing, upTo end: Int? = nil, at node: TestNode
    ) async throws -> Task<String?, Never> {
        try await running(sealing.upload, sealing.payload, upTo: end, at: node)
    }

    static func running(
        _ upload: UploadID, _ payload: [UInt8], upTo end: Int? = nil, at node: TestNode
    ) async throws -> Task<String?, Never> {
        let (taken, told) = AsyncStream<Void>.makeStream()
        let late = payload[1_500_000..<(end ?? payload.count)]
        let body = LateBody(pieces: [Array(payload[..<1_500_000]), Array(late)], waits: told)
        let running = Task {
            await problem {
                _ = try await node.exchange.append(
                    upload, from: upload.from, offset: 0, length: nil, complete: true,
                    body: UploadBody(body))
            }
        }
        for await _ in taken {}
        return running
    }

    /// What is on its way when a recall comes is fenced off first: it would bring the files back.
    @Test func whatIsRecalledWhileItArrivesIsNotWrittenAgain() async throws {
        let sealing = try await begun()
        let older = try await Self.running(sealing, upTo: 2_000_000, at: node)
        #expect(try node.parts.count == 2)
        let recall = try world.recall(sealing.core.id)
        #expect(try await node.exchange.take(recall: recall, from: world.sender.id) == .taken)
        #expect(try node.parts == [])
        #expect(await older.value == "upload-superseded")
        #expect(
            try await node.inbound(sealing.core.id, from: world.sender)?.state == "refused")
        #expect(try await node.entries("transfer.arrived") == 0)
        // Whoever goes on with it hears what became of it.
        #expect(try await node.take(sealing).state == "refused")
        #expect(try node.parts == [])
    }

    @Test func whatIsWholeBeforeTheFenceIsRecalledAsWhatWasDelivered() async throws {
        let sealing = try await begun()
        let older = try await Self.running(sealing, at: node)
        let recall = try world.recall(sealing.core.id)
        #expect(try await node.exchange.take(recall: recall, from: world.sender.id) == .taken)
        // It could not be stopped any more, and is told what is true.
        #expect(await older.value == nil)
        #expect(try await node.entries("transfer.arrived") == 1)
        #expect(try await node.take(sealing).state == "recalled")
        #expect(try node.parts.count == 2)
    }

    @Test func anOpenedDatasetThatWasTamperedWithGivesNoByteBehindTheTampering() async throws {
        let sealing = try await begun()
        _ = try await node.take(sealing)
        let path = node.spool.path(
            of: SpoolFolder.Name(inbound: sealing.core.id, from: sealing.core.from), .payload)
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.seek(toOffset: 1_500_000)
        try file.write(contentsOf: [sealing.payload[1_500_000] ^ 1])
        try file.close()
        let opening = try await node.exchange.open(sealing.core.id, by: 0)
        var bytes: [UInt8] = []
        var failures = 0
        for _ in 0..<10 where failures < 3 {
            do {
                guard let piece = try await opening.next() else { break }
                #expect(failures == 0)
                bytes += piece.readableBytesView
            } catch { failures += 1 }
        }
        #expect(failures > 0)
        #expect(bytes.count <= 1_500_000)
        #expect(bytes == Array(TestFederation.bytes(Self.size)[..<bytes.count]))
    }
}
