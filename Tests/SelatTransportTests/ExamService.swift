import NIOCore
import SelatCore
import SelatHTTP
import SelatTransport

/// A service that keeps payloads in memory and states nothing but offsets.
actor ExamService: EnvelopeService {
    private(set) var heads: [[UInt8]] = []
    private(set) var payload: [UInt8] = []
    private(set) var peers: Set<NodeID> = []
    private(set) var received: UInt64 = 0
    private var appends = 0
    private let length: UInt64
    private let keepsPayload: Bool

    static let transfer = "01890a5d-ac96-774b-bcce-b302099a8057"

    init(length: UInt64, keepsPayload: Bool = true) {
        self.length = length
        self.keepsPayload = keepsPayload
    }

    static func upload(from peer: NodeID) throws -> UploadID {
        UploadID(from: peer, transfer: try TransferID(transfer))
    }

    func offer(head: [UInt8], payload: [UInt8]?, from peer: NodeID) async throws -> OfferAnswer {
        guard head.first != 0xFF else {
            throw Problem(
                type: "urn:selat:problem:refused", title: "refused", status: 403,
                detail: "the transit clause forbids it")
        }
        peers.insert(peer)
        let isNew = !heads.contains(head)
        if isNew { heads.append(head) }
        if let payload {
            self.payload = payload
            received = UInt64(payload.count)
        }
        return OfferAnswer(
            created: isNew, upload: try Self.upload(from: peer),
            state: received == length ? "delivered" : "offered", offset: received,
            receipt: received == length ? ["kind": "delivered"] : nil)
    }

    func uploadState(_ upload: UploadID, from peer: NodeID) async throws -> UploadState {
        guard peers.contains(peer), upload.from == peer, upload.transfer.text == Self.transfer
        else { throw Problem.unknownUpload(upload) }
        return state
    }

    func append(
        _ upload: UploadID, from peer: NodeID, offset: UInt64, length stated: UInt64?,
        complete: Bool, body: UploadBody
    ) async throws -> UploadState {
        _ = try await uploadState(upload, from: peer)
        guard offset == received else {
            throw Problem.mismatchingOffset(expected: received, provided: offset)
        }
        if let stated, stated != length {
            throw Problem.inconsistentLength(stated: stated, expected: length)
        }
        appends += 1
        let mine = appends
        for try await buffer in body {
            guard mine == appends else { throw Problem.uploadSuperseded(upload) }
            if keepsPayload { payload += buffer.readableBytesView }
            received += UInt64(buffer.readableBytes)
        }
        return state
    }

    private var state: UploadState {
        UploadState(
            offset: received, length: length, complete: received == length,
            state: received == length ? "delivered" : "accepted",
            receipt: received == length ? ["kind": "delivered"] : nil)
    }
}
