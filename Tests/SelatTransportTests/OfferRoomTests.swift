import NIOCore
import NIOPosix
import SelatCore
import SelatHTTP
import Testing

@testable import SelatTransport

/// Large offers of one country take no more room than is its, and nobody else's.
@Suite struct OfferRoomTests {
    private static let large = Limits.envelopeHeadBytesMax

    private struct Stop: Error {}

    /// Takes room for each of `bytes` inside that of the one before it.
    private static func nested(
        _ bytes: ArraySlice<Int>, of node: NodeID, in room: OfferRoom,
        _ innermost: () async throws -> Void
    ) async throws {
        guard let first = bytes.first else { return try await innermost() }
        try await room.with(first, of: node) {
            try await nested(bytes.dropFirst(), of: node, in: room, innermost)
        }
    }

    @Test func aCountryHasRoomForAFewLargeHeads() async throws {
        let room = OfferRoom()
        let (one, other) = (try NodeID("MY/nacsa"), try NodeID("MY/mindef"))
        let foreign = try NodeID("VN/hub")
        try await Self.nested([Self.large, Self.large, Self.large, Self.large], of: one, in: room) {
            for node in [one, other] {
                let problem = await #expect(throws: Problem.self) {
                    try await room.with(OfferRoom.smallBytesMax + 1, of: node) {}
                }
                #expect(problem?.status == 429 && problem?.retryAfterSeconds == 1)
            }
            // Neither small ones nor another country's are in its way.
            try await room.with(OfferRoom.smallBytesMax, of: one) {}
            try await Self.nested([Self.large, Self.large], of: foreign, in: room) {}
        }
        // All of it has been given back.
        try await Self.nested(
            [Self.large, Self.large, Self.large, Self.large], of: other, in: room
        ) {}
    }

    /// As a sender meets it: with bodies that it has begun to send.
    @Test func aSenderIsToldToComeAgain() async throws {
        let service = HoldingService(length: 8)
        try await withNode(service: service, letters: service) { node in
            let upload = try ExamService.upload(from: try NodeID("MY/nacsa"))
            let head = [UInt8](repeating: 1, count: Self.large)
            let largeReceipt = [UInt8](repeating: 1, count: OfferRoom.smallBytesMax + 1)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    let client = try await node.connect()
                    group.addTask {
                        _ = try await client.offer(upload, head: head, payload: nil)
                        await client.close()
                    }
                }
                await service.hold(until: 4)
                for count in [OfferRoom.smallBytesMax + 1, Self.large] {
                    let client = try await node.connect()
                    let problem = await #expect(throws: Problem.self) {
                        _ = try await client.offer(
                            upload, head: Array(head.prefix(count)), payload: nil)
                    }
                    #expect(problem?.status == 429 && problem?.retryAfterSeconds == 1)
                    await client.close()
                }
                let client = try await node.connect()
                let problem = await #expect(throws: Problem.self) {
                    try await client.bring(receipt: largeReceipt)
                }
                #expect(problem?.status == 429 && problem?.retryAfterSeconds == 1)
                await client.close()
                let other = try await node.connect()
                let small = [UInt8](repeating: 1, count: OfferRoom.smallBytesMax)
                #expect(try await other.bring(receipt: small) == .taken)
                await other.close()
                await service.release()
                try await group.waitForAll()
            }
            let client = try await node.connect()
            _ = try await client.offer(upload, head: head, payload: nil)
            #expect(try await client.bring(receipt: largeReceipt) == .taken)
            await client.close()
        }
    }

    /// Whoever reads slowly has a share, and no more.
    @Test func anAnswerHasRoomUntilItIsRead() async throws {
        let room = OfferRoom()
        let (node, foreign) = (try NodeID("MY/nacsa"), try NodeID("VN/hub"))
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let (read, later) = (
            loop.makePromise(of: Void.self), loop.makePromise(of: Void.self)
        )
        defer { later.succeed() }
        for _ in 0..<4 { try room.hold(Self.large, of: node, until: read.futureResult) }
        let problem = #expect(throws: Problem.self) {
            try room.hold(OfferRoom.smallBytesMax + 1, of: node, until: later.futureResult)
        }
        #expect(problem?.status == 429)
        try room.hold(OfferRoom.smallBytesMax, of: node, until: later.futureResult)
        try room.hold(Self.large, of: foreign, until: later.futureResult)
        read.succeed()
        try await read.futureResult.get()
        try room.hold(Self.large, of: node, until: later.futureResult)
    }

    @Test func whatFailsGivesItsRoomBack() async throws {
        let room = OfferRoom()
        let node = try NodeID("MY/nacsa")
        for _ in 0..<8 {
            await #expect(throws: Stop.self) {
                try await room.with(Self.large, of: node) { throw Stop() }
            }
        }
        try await Self.nested([Self.large, Self.large, Self.large, Self.large], of: node, in: room)
        {}
    }
}

/// A service that judges no offer before it is told to, and takes every letter.
private actor HoldingService: EnvelopeService, LetterService {
    private let service: ExamService
    private var held: [CheckedContinuation<Void, Never>] = []
    private var holds: (count: Int, reached: CheckedContinuation<Void, Never>)?
    private var isReleased = false

    init(length: UInt64) { service = ExamService(length: length) }

    /// Returns once so many offers wait.
    func hold(until count: Int) async {
        guard held.count < count else { return }
        await withCheckedContinuation { holds = (count, $0) }
    }

    func release() {
        isReleased = true
        for offer in held { offer.resume() }
        held = []
    }

    func offer(head: [UInt8], payload: [UInt8]?, from peer: NodeID) async throws -> OfferAnswer {
        if !isReleased {
            await withCheckedContinuation { offer in
                held.append(offer)
                if let holds, held.count == holds.count {
                    self.holds = nil
                    holds.reached.resume()
                }
            }
        }
        return try await service.offer(head: head, payload: payload, from: peer)
    }

    func take(receipt: [UInt8], from peer: NodeID) async throws -> LetterAnswer { .taken }

    func take(recall message: [UInt8], from peer: NodeID) async throws -> LetterAnswer { .taken }

    func uploadState(_ upload: UploadID, from peer: NodeID) async throws -> UploadState {
        try await service.uploadState(upload, from: peer)
    }

    func append(
        _ upload: UploadID, from peer: NodeID, offset: UInt64, length: UInt64?, complete: Bool,
        body: UploadBody
    ) async throws -> UploadState {
        try await service.append(
            upload, from: peer, offset: offset, length: length, complete: complete, body: body)
    }
}
