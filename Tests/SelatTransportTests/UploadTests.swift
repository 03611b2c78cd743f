import Foundation
import HTTPTypes
import NIOCore
import SelatCore
import SelatCrypto
import SelatHTTP
import SelatTransport
import Testing

/// Offers and uploads between two nodes.
@Suite struct UploadTests {
    let upload: UploadID

    init() throws { upload = try ExamService.upload(from: try NodeID("MY/nacsa")) }

    @Test func offersThenUploadsThenHoldsTheReceipt() async throws {
        let payload = (0..<300_000).map { UInt8(truncatingIfNeeded: $0) }
        let service = ExamService(length: UInt64(payload.count))
        try await withNode(service: service) { node in
            let client = try await node.connect()
            let offered = try await client.offer(upload, head: [1, 2, 3], payload: nil)
            #expect(offered.created)
            #expect(offered.state == "offered")
            let state = try await client.upload(upload, payload)
            #expect(state.complete)
            #expect(state.receipt == ["kind": "delivered"])
            #expect(await service.payload == payload)
            #expect(try await client.uploadState(upload) == state)
            await client.close()
        }
    }

    @Test func sendsASmallPackageInOneRequest() async throws {
        let service = ExamService(length: 8)
        try await withNode(service: service) { node in
            let client = try await node.connect()
            let answer = try await client.offer(
                upload, head: [1, 2, 3], payload: [9, 9, 9, 9, 9, 9, 9, 9])
            #expect(answer.state == "delivered")
            #expect(answer.receipt != nil)
            #expect(await service.heads == [[1, 2, 3]])
            #expect(await service.payload == [9, 9, 9, 9, 9, 9, 9, 9])
            await client.close()
        }
    }

    @Test func refusesAPackageThatIsNotSmall() async throws {
        try await withNode { node in
            let client = try await node.connect()
            let problem = try await #require(throws: Problem.self) {
                try await client.offer(
                    upload, head: [1], payload: [UInt8](repeating: 0, count: 1 << 20))
            }
            #expect(problem.status == 413)
            await client.close()
        }
    }

    @Test func answersARepeatedOfferWithWhereItStands() async throws {
        try await withNode { node in
            let client = try await node.connect()
            let first = try await client.offer(upload, head: [1], payload: nil)
            let second = try await client.offer(upload, head: [1], payload: nil)
            #expect(first.created)
            #expect(!second.created)
            await client.close()
        }
    }

    @Test func carriesTheServicesRefusal() async throws {
        try await withNode { node in
            let client = try await node.connect()
            let problem = try await #require(throws: Problem.self) {
                try await client.offer(upload, head: [0xFF], payload: nil)
            }
            #expect(problem.type == "urn:selat:problem:refused")
            #expect(problem.detail == "the transit clause forbids it")
            #expect(client.isOpen)
            await client.close()
        }
    }

    @Test func goesOnAtTheDurableOffset() async throws {
        let service = ExamService(length: 8)
        try await withNode(service: service) { node in
            let client = try await node.connect()
            _ = try await client.offer(upload, head: [1], payload: nil)
            // The connection breaks after three bytes of eight.
            await #expect(throws: Interrupted.self) {
                var step = 0
                _ = try await client.upload(upload, from: 0, length: 8) {
                    step += 1
                    guard step == 1 else { throw Interrupted() }
                    return ByteBuffer(bytes: [1, 2, 3])
                }
            }
            let again = try await node.connect()
            var offset: UInt64 = 0
            while offset < 3 { offset = try await again.uploadState(upload).offset }
            let state = try await again.upload(upload, [1, 2, 3, 4, 5, 6, 7, 8], from: 3)
            #expect(state.complete)
            #expect(await service.payload == [1, 2, 3, 4, 5, 6, 7, 8])
            await again.close()
        }
    }

    @Test(arguments: [1, 7, 8] as [UInt64])
    func answersAWrongOffsetWithTheRightOne(_ offset: UInt64) async throws {
        try await withNode { node in
            let client = try await node.connect()
            _ = try await client.offer(upload, head: [1], payload: nil)
            let problem = try await #require(throws: Problem.self) {
                try await client.upload(upload, [UInt8](repeating: 0, count: 8), from: offset)
            }
            #expect(problem.status == 409)
            #expect(problem.expectedOffset == 0)
            await client.close()
        }
    }

    @Test func answersAnOffsetBehindWithTheRightOne() async throws {
        try await withNode { node in
            let client = try await node.connect()
            _ = try await client.offer(upload, head: [1], payload: nil)
            _ = try await client.upload(upload, [UInt8](repeating: 0, count: 8))
            let problem = try await #require(throws: Problem.self) {
                try await client.upload(upload, [UInt8](repeating: 0, count: 8), from: 4)
            }
            #expect(problem.expectedOffset == 8)
            await client.close()
        }
    }

    @Test func refusesALengthThatIsNotTheHeaders() async throws {
        try await withNode { node in
            let client = try await node.connect()
            _ = try await client.offer(upload, head: [1], payload: nil)
            let problem = try await #require(throws: Problem.self) {
                try await client.upload(upload, [UInt8](repeating: 0, count: 9))
            }
            #expect(problem.type == Problem.inconsistentLengthType)
            await client.close()
        }
    }

    @Test func tellsTheOlderOfTwoUploadsThatItIsOver() async throws {
        try await withNode { node in
            let upload = upload
            let older = try await node.connect()
            let newer = try await node.connect()
            _ = try await older.offer(upload, head: [1], payload: nil)
            var step = 0
            let problem = try await #require(throws: Problem.self) {
                _ = try await older.upload(upload, from: 0, length: 8) {
                    step += 1
                    guard step > 1 else { return ByteBuffer(bytes: [1, 2, 3]) }
                    guard step == 2 else { return step < 7 ? ByteBuffer(bytes: [4]) : nil }
                    var offset: UInt64 = 0
                    while offset < 3 { offset = try await newer.uploadState(upload).offset }
                    _ = try await newer.upload(upload, [1, 2, 3, 4, 5, 6, 7, 8], from: 3)
                    return ByteBuffer(bytes: [4])
                }
            }
            #expect(problem.type == Problem.uploadSupersededType)
            await older.close()
            await newer.close()
        }
    }

    @Test func refusesAnUploadThatWasNotOffered() async throws {
        try await withNode { node in
            let client = try await node.connect()
            let problem = try await #require(throws: Problem.self) {
                try await client.uploadState(upload)
            }
            #expect(problem.type == Problem.unknownUploadType)
            await client.close()
        }
    }
}

struct Interrupted: Error {}

extension PeerClient {
    /// Uploads `payload[offset...]` in pieces of 64 KiB.
    func upload(
        _ upload: UploadID, _ payload: [UInt8], from offset: UInt64 = 0
    ) async throws -> UploadState {
        var next = Int(offset)
        return try await self.upload(upload, from: offset, length: UInt64(payload.count)) {
            guard next < payload.count else { return nil }
            defer { next += 65_536 }
            return ByteBuffer(bytes: payload[next..<min(next + 65_536, payload.count)])
        }
    }
}
