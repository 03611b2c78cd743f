package import NIOCore
package import SelatCore
package import SelatCrypto
package import SelatHTTP

/// One connection to one node, used for request after request.
///
/// Refusals come back as thrown `Problem`s whose `type` says which; anything else that is thrown
/// means that the connection is of no more use.
package final class PeerClient: Sendable {
    private let client: HTTPClient

    /// The node at the other end, proved by its certificate.
    package let node: NodeID

    /// Dials `node` and no other: a valid certificate of another node is refused.
    package static func connect(
        to address: HTTPAddress, expecting node: NodeID, identity: TLSIdentity,
        verifyPeer: @escaping PeerVerification, membership: MembershipExchange,
        limits: HTTPLimits = HTTPLimits()
    ) async throws -> PeerClient {
        throw HTTPFault.closed
    }

    private init(client: HTTPClient, node: NodeID) {
        self.client = client
        self.node = node
    }

    /// Whether another request can be tried.
    package var isOpen: Bool { client.isOpen }

    /// Offers an envelope: its head alone, or with `payload` the whole of a small package (at most
    /// `Limits.inlinePackageBytesMax`).
    package func offer(
        _ upload: UploadID, head: [UInt8], payload: [UInt8]?
    ) async throws -> OfferAnswer {
        throw HTTPFault.closed
    }

    /// Asks where an upload stands.
    package func uploadState(_ upload: UploadID) async throws -> UploadState {
        throw HTTPFault.closed
    }

    /// Sends the payload from `offset` to its end.
    /// - Parameters:
    ///   - length: the size of the whole payload.
    ///   - next: the next piece after the previous one, nil at the end.
    package nonisolated(nonsending) func upload(
        _ upload: UploadID, from offset: UInt64, length: UInt64,
        next: nonisolated(nonsending) () async throws -> ByteBuffer?
    ) async throws -> UploadState {
        throw HTTPFault.closed
    }

    /// Closes the connection and waits for that.
    package func close() async { await client.close() }
}
