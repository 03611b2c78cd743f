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
    /// Connections that somebody uses now.
    private var used: [ObjectIdentifier: PeerClient] = [:]
    /// What both ends say about their logs.
    private var news = NewsExchange.silent
    nonisolated let traffic = Traffic()
    /// Nodes that could not be reached, until when that is believed.
    private var outOfReach: [NodeID: ContinuousClock.Instant] = [:]

    /// Nodes that answered too many requests, until when nothing is asked of them.
    private var resting: [NodeID: ContinuousClock.Instant] = [:]

    init(membership: MembershipRegister, clock: any WallClock) {
        self.membership = membership
        self.clock = clock
    }

    func use(_ news: NewsExchange) { self.news = news }

    /// A connection for this transfer alone, kept or new.
    func take(_ node: NodeID) async throws -> PeerClient {
        try await waitForRest(of: node)
        if let kept = await takeKept(node) { return kept }
        let client: PeerClient
        do {
            client = try await dial(node, membership.peerVerification(.tlsServer, clock))
        } catch is CancellationError {
            // Whoever gave up has learnt nothing of the node.
            throw CancellationError()
        } catch {
            outOfReach[node] = .now + Self.distrust
            throw error
        }
        outOfReach[node] = nil
        used[ObjectIdentifier(client)] = client
        return client
    }

    /// Runs `work` with a connection for it alone, kept or new, which is given up where it fails.
    nonisolated func connected<Value: Sendable>(
        to node: NodeID, _ work: @Sendable (PeerClient) async throws -> Value
    ) async throws -> Value {
        let client = try await take(node)
        do {
            let value = try await work(client)
            await keep(client)
            return value
        } catch {
            await drop(client)
            throw error
        }
    }

    /// A connection for this transfer alone, if one is kept and nothing forbids to use it now.
    func takeKept(_ node: NodeID) async -> PeerClient? {
        guard resting[node] == nil else { return nil }
        while let kept = idle[node]?.popLast() {
            if kept.isOpen {
                used[ObjectIdentifier(kept)] = kept
                return kept
            }
            await kept.close()
        }
        return nil
    }

    /// Takes a connection back after a refusal. Who was asked too much is left alone for as long as it
    /// wishes, by everything that wants something of it.
    func keep(_ client: PeerClient, after problem: Problem) async {
        if problem.type == Problem.tooManyRequestsType {
            let seconds = min(max(problem.retryAfterSeconds ?? 1, 1), Self.restSecondsMax)
            resting[client.node] = .now + .seconds(seconds)
        }
        await keep(client)
    }

    private static let restSecondsMax: Int64 = 60

    private func waitForRest(of node: NodeID) async throws {
        while let until = resting[node], until > .now {
            try await Task.sleep(until: until, clock: .continuous)
        }
        resting[node] = nil
    }

    /// Whether the last connection to a node failed, a short while ago.
    func isOutOfReach(_ node: NodeID) -> Bool {
        guard let until = outOfReach[node] else { return false }
        if until < .now { outOfReach[node] = nil }
        return until >= .now
    }

    /// Believes of no node any more that it is out of reach.
    func forgive() { outOfReach = [:] }

    private static let distrust = Duration.seconds(60)

    /// A connection to a node whose revocation is not judged; for its revocation list alone.
    func dialWithoutRevocation(_ node: NodeID) async throws -> PeerClient {
        let (membership, clock) = (membership, clock)
        return try await dial(node) { chain in
            try membership.federation.verifyPeer(
                certificateDER: chain.first ?? [], as: .tlsServer, judgesRevocation: false,
                at: clock.now())
        }
    }

    /// A new connection, which nobody keeps: the caller closes it.
    func dial(_ node: NodeID) async throws -> PeerClient {
        try await dial(node, membership.peerVerification(.tlsServer, clock))
    }

    private func dial(
        _ node: NodeID, _ verifyPeer: @escaping TLSPeerVerification
    ) async throws -> PeerClient {
        guard let tls = membership.tls else { throw IdentityError.noCertificate(membership.node) }
        let endpoint = try membership.federation.node(node, at: clock.now()).endpoint
        return try await PeerClient.connect(
            to: .tcp(host: endpoint.host, port: Int(endpoint.port)), expecting: node,
            identity: tls, verifyPeer: verifyPeer, membership: membership.link, news: news,
            traffic: traffic)
    }

    /// Judges every connection again; those of peers that are no longer admitted are closed, also in
    /// the middle of a transfer.
    func judge() async {
        let verifyPeer = membership.peerVerification(.tlsServer, clock)
        for client in Array(used.values) + idle.values.joined()
        where !client.isGood(by: verifyPeer) {
            await client.close()
        }
    }

    /// Gives a connection up.
    func drop(_ client: PeerClient) async {
        used[ObjectIdentifier(client)] = nil
        await client.close()
    }

    /// Takes a connection back that may be used again.
    func keep(_ client: PeerClient) async {
        used[ObjectIdentifier(client)] = nil
        guard client.isOpen, idle[client.node, default: []].count < Lanes.smallPerPeer else {
            return await client.close()
        }
        idle[client.node, default: []].append(client)
    }

    func closeAll() async {
        let clients = idle.values.joined()
        // Before waiting: what is given back meanwhile is closed by the next call, and not lost.
        idle = [:]
        for client in clients { await client.close() }
    }
}
