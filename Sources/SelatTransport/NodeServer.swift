package import Logging
import NIOCore
package import SelatCore
package import SelatCrypto
package import SelatHTTP
import Synchronization

/// What both ends say and hear about the membership list.
package struct MembershipExchange: Sendable {
    /// The edition that this node goes by now.
    package let ours: @Sendable () -> MembershipMark
    /// Hears the edition that a peer named.
    package let heard: @Sendable (MembershipMark, NodeID) -> Void

    package init(
        ours: @escaping @Sendable () -> MembershipMark,
        heard: @escaping @Sendable (MembershipMark, NodeID) -> Void
    ) {
        self.ours = ours
        self.heard = heard
    }
}

/// A peer that was turned away before it could ask for anything.
package struct RefusedPeer: Sendable {
    /// Its network address, as far as the socket tells.
    package let address: String
    /// Why, one line.
    package let cause: String

    package init(address: String, cause: String) {
        self.address = address
        self.cause = cause
    }
}

/// The listener that other nodes dial: TLS 1.3, mutual, and the routes of Protocol.md.
package final class NodeServer: Sendable {
    private let listener: HTTPListener
    private let context: CurrentContext

    /// The address in use; with the port that the system chose when 0 was asked for.
    package var address: HTTPAddress { listener.address }

    /// - Parameters:
    ///   - verifyPeer: any node of the federation passes; runs inside the handshake.
    ///   - letters: takes what peers bring beside envelopes; nil where the node takes none.
    ///   - policies: nil where the node serves none.
    ///   - log: answers witnesses and monitors; nil where the node shows no log.
    ///   - documents: nil where the node serves no membership documents.
    ///   - rates: how often each peer may ask; nil where that is not limited.
    ///   - cutOff: why a node that passes is answered nothing but membership documents; nil for others.
    ///   - refused: hears of every peer that did not get through the handshake.
    package static func bind(
        _ point: ListenPoint, identity: TLSIdentity, verifyPeer: @escaping TLSPeerVerification,
        membership: MembershipExchange, news: NewsExchange = .silent,
        service: any EnvelopeService, letters: (any LetterService)? = nil,
        policies: (any PolicyService)? = nil,
        log: (any LogService)? = nil, documents: (any MembershipService)? = nil,
        rates: RequestRates? = nil, cutOff: @escaping @Sendable (NodeID) -> String? = { _ in nil },
        refused: @escaping @Sendable (RefusedPeer) -> Void,
        limits: HTTPLimits = HTTPLimits(), logger: Logger
    ) async throws -> NodeServer {
        let context = CurrentContext(try TLSContext(identity))
        let security: ConnectionSecurity = { channel in
            let peer = try TLSHandler.install(
                on: channel, context.value, role: .accepting, verifyPeer: verifyPeer)
            let address = channel.remoteAddress?.description ?? "unknown"
            peer.whenFailure { refused(RefusedPeer(address: address, cause: "\($0)")) }
            return peer
        }
        let listener = try await HTTPListener.bind(
            point, limits: limits, security: security, logger: logger,
            responder: EnvelopeRoutes(
                service: service, letters: letters, policies: policies, log: log,
                documents: documents
            ).responder(membership: membership, news: news, rates: rates, cutOff: cutOff))
        return NodeServer(listener: listener, context: context)
    }

    private init(listener: HTTPListener, context: CurrentContext) {
        self.listener = listener
        self.context = context
    }

    /// Proves itself with `identity` to every peer that connects from now on, such as after a
    /// certificate was renewed.
    package func renew(_ identity: TLSIdentity) throws {
        context.replace(try TLSContext(identity))
    }

    /// Serves until `shutDown` and until the last running request has been answered.
    package func run() async throws { try await listener.run() }

    /// Stops accepting and lets running requests finish.
    package func shutDown() { listener.shutDown() }

    /// Judges every open connection again, by the certificate that was shown in its handshake: call
    /// after each change of list, record or CRL.
    package func judgeConnections(by verifyPeer: @escaping TLSPeerVerification) {
        listener.closeConnections { peer in
            guard case .node(let node, let certificate) = peer else { return true }
            return (try? verifyPeer([certificate])) != node
        }
    }
}

/// The TLS settings for the next connection.
private final class CurrentContext: Sendable {
    private let current: Mutex<TLSContext>

    init(_ context: TLSContext) { current = Mutex(context) }

    var value: TLSContext { current.withLock { $0 } }
    func replace(_ context: TLSContext) { current.withLock { $0 = context } }
}
