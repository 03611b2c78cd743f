import SelatCore
import SelatCrypto
import SelatFederation
import SelatHTTP
import SelatTransport

/// Connections to peers: kept between transfers, each used by one transfer at a time.
actor Peers {
    private let membership: MembershipRegister
    private let clock: any WallClock
    private var idle: [NodeID: [PeerClient]] = [:]
    /// What both ends say about their logs.
    private var news = NewsExchange.silent

    init(membership: MembershipRegister, clock: any WallClock) {
        self.membership = membership
        self.clock = clock
    }

    func use(_ news: NewsExchange) { self.news = news }

    /// A connection for this transfer alone, kept or new.
    func take(_ node: NodeID) async throws -> PeerClient {
        while let kept = idle[node]?.popLast() {
            if kept.isOpen { return kept }
            await kept.close()
        }
        let (federation, identity) = (membership.federation, membership.identity)
        let endpoint = try federation.node(node, at: clock.now()).endpoint
        return try await PeerClient.connect(
            to: .tcp(host: endpoint.host, port: Int(endpoint.port)), expecting: node,
            identity: identity.tls, verifyPeer: federation.peerVerification(.tlsServer, clock),
            membership: federation.membershipExchange, news: news)
    }

    /// Takes a connection back that may be used again.
    func keep(_ client: PeerClient) async {
        guard client.isOpen, idle[client.node, default: []].count < Lanes.perPeer else {
            return await client.close()
        }
        idle[client.node, default: []].append(client)
    }

    func closeAll() async {
        for client in idle.values.joined() { await client.close() }
        idle = [:]
    }
}
