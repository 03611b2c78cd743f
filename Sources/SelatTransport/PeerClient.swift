import HTTPTypes
package import NIOCore
package import SelatCore
package import SelatCrypto
package import SelatHTTP

/// One connection to one node, used for request after request.
///
/// Refusals come back as thrown `Problem`s whose `type` says which; anything else that is thrown
/// means that the connection is of no more use.
package final class PeerClient: Sendable {
    let client: HTTPClient
    private let membership: MembershipExchange
    private let news: NewsExchange
    private let traffic: Traffic?

    /// The node at the other end, proved by its certificate.
    package let node: NodeID

    /// Dials `node` and no other: a valid certificate of another node is refused.
    /// - Throws: `TLSFault` for a peer that is refused here. A peer that refuses us says so only at
    ///   the first request, which then throws `TLSFault.refusedByPeer`.
    package static func connect(
        to address: HTTPAddress, expecting node: NodeID, identity: TLSIdentity,
        verifyPeer: @escaping TLSPeerVerification, membership: MembershipExchange,
        news: NewsExchange = .silent, traffic: Traffic? = nil, limits: HTTPLimits = HTTPLimits()
    ) async throws -> PeerClient {
        let context = try TLSContext(identity)
        let client = try await HTTPClient.connect(
            to: address, limits: limits,
            security: { channel in
                try TLSHandler.install(on: channel, context, role: .dialling) { chain in
                    let peer = try verifyPeer(chain)
                    guard peer == node else {
                        throw TransportFault.anotherNode(expected: node, found: peer)
                    }
                    return peer
                }
            })
        return PeerClient(
            client: client, node: node, membership: membership, news: news, traffic: traffic)
    }

    private init(
        client: HTTPClient, node: NodeID, membership: MembershipExchange, news: NewsExchange,
        traffic: Traffic?
    ) {
        self.client = client
        self.node = node
        self.membership = membership
        self.news = news
        self.traffic = traffic
    }

    /// Whether the certificate of the node at the other end is still good.
    package func isGood(by verifyPeer: TLSPeerVerification) -> Bool {
        guard case .node(_, let certificate) = client.peer else { return false }
        return (try? verifyPeer([certificate])) == node
    }

    /// Whether another request can be tried.
    package var isOpen: Bool { client.isOpen }

    /// Offers an envelope: its head alone, or with `payload` the whole of a small package (at most
    /// `Limits.inlinePackageBytesMax` together).
    /// - Throws: `Problem` when the peer refuses.
    package func offer(
        _ upload: UploadID, head: [UInt8], payload: [UInt8]?
    ) async throws -> OfferAnswer {
        var request = request(.post, "/v1/envelopes")
        var body = ByteBuffer(bytes: head)
        request.headerFields[.uploadComplete] = payload == nil ? "?0" : "?1"
        request.headerFields[.contentType] = payload == nil ? MediaType.head : MediaType.package
        if let payload {
            request.headerFields[.headBytes] = String(head.count)
            body.writeBytes(payload)
            traffic?.sent(payload.count, to: node)
        }
        let answer = try await collect(try await client.send(request, body: body))
        return try OfferAnswer(
            parsing: answer.body, created: answer.head.status == .created, upload: upload)
    }

    /// Asks where an upload stands.
    /// - Throws: `Problem` when the peer does not know it.
    package func uploadState(_ upload: UploadID) async throws -> UploadState {
        let answer = try await collect(try await client.send(request(.get, upload.resource)))
        return try UploadState(parsing: answer.body)
    }

    /// Sends the payload from `offset` to its end.
    /// - Parameters:
    ///   - length: the size of the whole payload.
    ///   - next: the next piece after the previous one, nil at the end; `length - offset` bytes in
    ///     all. What it throws is thrown here, and the connection closes.
    /// - Throws: `Problem` when the peer refuses, perhaps before it has all; `expectedOffset` tells
    ///   where to go on.
    package nonisolated(nonsending) func upload(
        _ upload: UploadID, from offset: UInt64, length: UInt64,
        next: nonisolated(nonsending) () async throws -> ByteBuffer?
    ) async throws -> UploadState {
        precondition(offset <= length, "an upload ends at its length")
        var request = request(.patch, upload.path)
        request.headerFields[.contentType] = MediaType.partialUpload
        request.headerFields.set(offset: offset, complete: true)
        request.headerFields[.uploadLength] = String(length)
        let response = try await client.send(request, length: length - offset) {
            let piece = try await next()
            traffic?.sent(piece?.readableBytes ?? 0, to: node)
            return piece
        }
        let answer = try await collect(response)
        guard answer.head.status == .ok else {
            throw TransportFault.unexpectedAnswer("status \(answer.head.status.code)")
        }
        return try UploadState(parsing: answer.body)
    }

    /// Asks for a document of at most `bytesMax`.
    func document(_ path: String, upTo bytesMax: Int) async throws -> [UInt8] {
        try await collect(try await client.send(request(.get, path)), upTo: bytesMax).body
    }

    /// Closes the connection and waits for that.
    package func close() async { await client.close() }

    func request(_ method: HTTPRequest.Method, _ path: String) -> HTTPRequest {
        // Names play no part in who the peer is; the certificate's URI does.
        var request = HTTPRequest(
            method: method, scheme: "https", authority: node.name, path: path)
        request.headerFields.say(membership.ours())
        request.headerFields.news = news.ours()
        return request
    }

    /// The body of the answer to a request that is one document.
    func answer(to request: HTTPRequest, _ document: [UInt8]) async throws -> [UInt8] {
        try await collect(
            try await client.send(request, body: ByteBuffer(bytes: document))
        ).body
    }

    private func collect(
        _ response: ClientResponse, upTo bytesMax: Int = Limits.transportAnswerBytesMax
    ) async throws -> (head: HTTPResponse, body: [UInt8]) {
        try await hear(response.head)
        return try await response.collected(upTo: bytesMax)
    }

    /// What the head of an answer says about the node itself.
    func hear(_ head: HTTPResponse) async throws {
        do {
            membership.heard(try head.headerFields.membershipMark(), node)
        } catch {
            await client.close()
            throw TransportFault.unexpectedAnswer("without its membership edition")
        }
        news.heard(head.headerFields.news, node)
    }
}
