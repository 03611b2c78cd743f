import HTTPTypes
import Logging
import NIOCore
import SelatCore
import SelatCrypto
import SelatHTTP
import SelatTransport

/// Seconds for one upload of `bytes` from node to node, into a service that only counts.
func upload(_ federation: BenchmarkFederation, _ bytes: UInt64) async throws -> Double {
    let mark = MembershipMark(
        serial: 1, digest: try Digest(bytes: [UInt8](repeating: 0, count: 32)))
    let membership = MembershipExchange(ours: { mark }, heard: { _, _ in })
    let server = try await NodeServer.bind(
        .tcp(host: "127.0.0.1", port: 0), identity: federation.server,
        verifyPeer: federation.verifyPeer, membership: membership,
        service: CountingService(length: bytes), refused: { _ in },
        logger: Logger(label: "benchmark"))
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.run() }
        let client = try await PeerClient.connect(
            to: server.address, expecting: try NodeID("SG/server"), identity: federation.client,
            verifyPeer: federation.verifyPeer, membership: membership)
        let upload = UploadID(
            from: try NodeID("SG/client"),
            transfer: TransferID(milliseconds: 0, entropy: [UInt8](repeating: 0, count: 10)))
        let piece = ByteBuffer(repeating: 0, count: 256 << 10)
        var left = bytes
        let start = ContinuousClock.now
        let state = try await client.upload(upload, from: 0, length: bytes) {
            guard left > 0 else { return nil }
            left -= UInt64(piece.readableBytes)
            return piece
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        precondition(state.complete, "the upload did not end")
        await client.close()
        server.shutDown()
        try await group.waitForAll()
        return seconds
    }
}

private struct CountingService: EnvelopeService {
    let length: UInt64

    func offer(head: [UInt8], payload: [UInt8]?, from peer: NodeID) async throws -> OfferAnswer {
        throw Problem(status: .notImplemented)
    }

    func uploadState(_ upload: UploadID, from peer: NodeID) async throws -> UploadState {
        throw Problem.unknownUpload(upload)
    }

    func append(
        _ upload: UploadID, from peer: NodeID, offset: UInt64, length: UInt64?, complete: Bool,
        body: UploadBody
    ) async throws -> UploadState {
        var received = offset
        for try await buffer in body { received += UInt64(buffer.readableBytes) }
        return UploadState(
            offset: received, length: self.length, complete: received == self.length,
            state: "counted", receipt: nil)
    }
}
