import SelatCore
import SelatCrypto
import SelatDelivery
import SelatFederation
import SelatHTTP
import SelatTransport

/// Connections to peers: kept between transfers, each used by one transfer at a time.
///
/// While a node is out of reach, one at a time tries it, after growing waits; all others are told so at once, and who waits
/// for it goes on when it is reached, a few at a time.
actor Peers {
    /// What is known of a node that could not be reached lately.
    struct Outage: Sendable {
        /// What the last try in vain threw; nil where the node was reached since, or is to be believed to be up.
        var cause: (any Error)?
        /// When that was.
        var last = ContinuousClock.now
        /// Tries in vain, of those that were made one after the other. That one was not in between ends nothing: a node that
        /// takes no more connections than it has lets one in now and then.
        var failures = 0
        /// Whether somebody tries now.
        var isTried = false
        /// Those who wait for the end of that try.
        var onlookers = WaitingLine()
        /// Whether the node has connected here since the last try began.
        var isHeard = false

        /// Whether somebody may try now.
        func isDue(
            for precedence: Precedence, at now: ContinuousClock.Instant = .now
        ) -> Bool {
            guard !isTried else { return false }
            let pause = Duration.milliseconds(Backoff.milliseconds(failures: failures, jitter: 0))
            let most = precedence == .flash || isHeard ? Peers.shortPause : Peers.longPause
            return now - last >= min(pause, most)
        }
    }

    /// The longest pause between two tries.
    private static let longPause = Duration.seconds(15)
    /// The same for a flash, and where the node has shown that it is up.
    private static let shortPause = Duration.seconds(1)

    private let membership: MembershipRegister
    private let clock: any WallClock
    private var idle: [NodeID: [PeerClient]] = [:]
    /// Connections that somebody uses now.
    private var used: [ObjectIdentifier: PeerClient] = [:]
    /// What both ends say about their logs.
    private var news = NewsExchange.silent
    nonisolated let traffic = Traffic()
    private(set) var outages: [NodeID: Outage] = [:]
    /// Those who wait until a node is reached.
    private var waiting: [NodeID: WaitingLine] = [:]
    private var numbers: UInt64 = 0

    /// Nodes that answered too many requests, until when nothing is asked of them.
    private var resting: [NodeID: ContinuousClock.Instant] = [:]

    init(membership: MembershipRegister, clock: any WallClock) {
        self.membership = membership
        self.clock = clock
    }

    func use(_ news: NewsExchange) { self.news = news }

    /// A connection for this use alone, kept or new: for what asks each node once in a while.
    /// - Throws: `OutOfReach` where the node cannot be reached.
    func take(_ node: NodeID) async throws -> PeerClient {
        try await waitForRest(of: node)
        if let kept = await takeKept(node) { return kept }
        return try await call(node)
    }

    /// A connection for this transfer alone, kept or new.
    /// - Throws: `OutOfReach` where the node cannot be reached: at once, where it is known to be out of reach and is not to be
    ///   tried now; where somebody tries it, when that try has ended. `Resting`, at once, where the node wants to be left
    ///   alone: whoever waits for that needs no lane.
    func take(_ node: NodeID, for precedence: Precedence) async throws -> PeerClient {
        guard !isResting(node) else { throw Resting() }
        if let kept = await takeKept(node) { return kept }
        // Another may have taken the connection that was given back, while the try lasts.
        while await waitForTry(of: node, precedence) {
            guard !Task.isCancelled else {
                // What this one may have been woken for is for the next.
                if idle[node]?.isEmpty == false { wakeNext(of: node) }
                throw CancellationError()
            }
            if let kept = await takeKept(node) { return kept }
        }
        if let outage = outage(of: node), let cause = outage.cause, !outage.isDue(for: precedence) {
            throw OutOfReach(cause: cause, isDialled: false)
        }
        return try await call(node)
    }

    /// A new connection for somebody's use. What comes of it is noted.
    private func call(_ node: NodeID) async throws -> PeerClient {
        // Beside a try what asks each node once in a while may dial, and what began before the outage.
        let isTry = remembered(node)?.isTried == false
        if isTry {
            outages[node]?.isTried = true
            outages[node]?.isHeard = false
        }
        defer { if isTry { endTry(of: node) } }
        do {
            let client = try await dial(node, membership.peerVerification(.tlsServer, clock))
            outages[node]?.cause = nil
            releaseOnlookers(of: node)
            used[ObjectIdentifier(client)] = client
            wake(node, atMost: Self.wokenAtOnce)
            return client
        } catch let error where Exchange.isOwnFault(error) {
            // Whoever gave up, or has no key or certificate at hand, has learnt nothing of the node.
            throw error
        } catch {
            var outage = outages[node] ?? Outage()
            outage.cause = error
            outage.last = .now
            if isTry || outage.failures == 0 { outage.failures += 1 }
            outages[node] = outage
            throw OutOfReach(cause: error, isDialled: true)
        }
    }

    private func endTry(of node: NodeID) {
        releaseOnlookers(of: node)
        outages[node]?.isTried = false
    }

    private func releaseOnlookers(of node: NodeID) {
        while let turn = outages[node]?.onlookers.popFirst() { turn.finish() }
    }

    /// Waits while somebody tries a node that is out of reach, until the try has ended or a connection to the node was given
    /// back; who is cancelled waits no longer. Told of the last one's failure again and again meanwhile, a transfer would
    /// change its route by one dial alone.
    /// - Returns: whether there was a try.
    private func waitForTry(of node: NodeID, _ precedence: Precedence) async -> Bool {
        guard outage(of: node)?.isTried == true else { return false }
        numbers += 1
        let number = numbers
        let (stream, turn) = AsyncStream<Void>.makeStream()
        outages[node]?.onlookers.append(turn, as: number, precedence)
        for await _ in stream {}
        // Who was cancelled stands there still.
        outages[node]?.onlookers.remove(number, precedence)
        return true
    }

    /// There is a connection: lets the most urgent of those go on that wait for the end of a try, else of those that wait
    /// until the node is reached.
    private func wakeNext(of node: NodeID) {
        guard let turn = outages[node]?.onlookers.popFirst() else {
            return wake(node, atMost: 1)
        }
        turn.finish()
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
        guard !isResting(node) else { return nil }
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

    /// Whether a node has asked to be left alone for now.
    func isResting(_ node: NodeID) -> Bool { rest(of: node) > .zero }

    /// For how long it has asked for that still.
    func rest(of node: NodeID) -> Duration {
        resting[node].map { max(.zero, $0 - .now) } ?? .zero
    }

    private static let restSecondsMax: Int64 = 60

    private func waitForRest(of node: NodeID) async throws {
        while let until = resting[node], until > .now {
            try await Task.sleep(until: until, clock: .continuous)
        }
        resting[node] = nil
    }

    // MARK: Out of reach

    /// Whether the last connection to a node failed, a short while ago.
    func isOutOfReach(_ node: NodeID) -> Bool { outage(of: node) != nil }

    /// Those to which the last connection failed, a short while ago.
    func nodesOutOfReach() -> Set<NodeID> {
        Set(outages.keys.filter { outage(of: $0) != nil })
    }

    /// Believes of no node any more that it is out of reach.
    func forgive() {
        for node in outages.keys {
            outages[node]?.cause = nil
            outages[node]?.failures = 0
        }
    }

    /// A node has connected here: it is up, and whoever waits for it need not for long.
    func hear(from node: NodeID) { outages[node]?.isHeard = true }

    private func outage(of node: NodeID) -> Outage? {
        remembered(node).flatMap { $0.cause == nil ? nil : $0 }
    }

    private func remembered(_ node: NodeID) -> Outage? {
        guard let outage = outages[node] else { return nil }
        if outage.isTried || ContinuousClock.now - outage.last <= Self.distrust { return outage }
        outages[node] = nil
        return nil
    }

    private static let distrust = Duration.seconds(60)

    /// Those of the waiting that go on when a node is reached; then one for each connection to it that is given back, and as
    /// many again each second. All at once, at a node that takes few connections, each would fail anew.
    private static let wokenAtOnce = 32

    /// How many wait.
    var waitingCount: Int { Set(waiting.values.flatMap(\.numbers)).count }

    /// Lets the most urgent go on, of those that are as urgent those that have waited for longest.
    private func wake(_ node: NodeID, atMost count: Int) {
        for _ in 0..<count {
            guard let turn = waiting[node]?.popFirst() else { break }
            turn.finish()
        }
        if waiting[node]?.isEmpty == true { waiting[node] = nil }
    }

    /// Returns when one of these nodes is reached: at once where that was out of reach and is not any more. A task that is
    /// cancelled waits no longer.
    /// - Parameter precedence: of what waits; the most urgent decides when a node is tried.
    nonisolated func waitForReach(of nodes: Set<NodeID>, _ precedence: Precedence) async {
        guard let (number, stream) = await beginWaiting(for: nodes, precedence) else { return }
        for await _ in stream {}
        await endWaiting(number, precedence, for: nodes)
    }

    private func beginWaiting(
        for nodes: Set<NodeID>, _ precedence: Precedence
    ) -> (UInt64, AsyncStream<Void>)? {
        for node in nodes where outage(of: node) == nil { return nil }
        numbers += 1
        let (stream, turn) = AsyncStream<Void>.makeStream()
        for node in nodes {
            waiting[node, default: WaitingLine()].append(turn, as: numbers, precedence)
        }
        return (numbers, stream)
    }

    private func endWaiting(_ number: UInt64, _ precedence: Precedence, for nodes: Set<NodeID>) {
        for node in nodes {
            waiting[node]?.remove(number, precedence)
            if waiting[node]?.isEmpty == true { waiting[node] = nil }
        }
    }

    /// Tries the nodes that are out of reach and waited for, until the task is cancelled: by themselves those who wait come
    /// back less and less often.
    nonisolated func run() async {
        await withDiscardingTaskGroup { group in
            while (try? await Task.sleep(for: .seconds(1))) != nil {
                for node in await nodesToTry { group.addTask { await self.tryAgain(node) } }
            }
        }
    }

    /// Nodes that are waited for, and are to be tried now: also those that nobody believes to be out of reach any more.
    var nodesToTry: [NodeID] { waiting.keys.filter { isToBeTried($0) } }

    private func isToBeTried(_ node: NodeID) -> Bool {
        guard let most = waiting[node]?.precedence, !isResting(node),
            remembered(node)?.isTried != true
        else { return false }
        // Whatever became of the last dial, there is a connection.
        if idle[node]?.isEmpty == false { return true }
        return outage(of: node)?.isDue(for: most) ?? true
    }

    private func tryAgain(_ node: NodeID) async {
        guard isToBeTried(node) else { return }
        if let kept = await takeKept(node) {
            // Who still waits for one that was reached since is one of many.
            if outage(of: node) == nil { wake(node, atMost: Self.wokenAtOnce) }
            return await keep(kept)
        }
        // Those that lay idle may all have been closed.
        guard isToBeTried(node) else { return }
        // Of one of which nothing is remembered too this is the one try.
        if remembered(node) == nil { outages[node] = Outage() }
        if let client = try? await call(node) { await keep(client) }
    }

    // MARK: Dialling

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
        wakeNext(of: client.node)
    }

    func closeAll() async {
        let clients = idle.values.joined()
        // Before waiting: what is given back meanwhile is closed by the next call, and not lost.
        idle = [:]
        for client in clients { await client.close() }
    }
}

/// A node cannot be reached, or could not when that was tried last.
struct OutOfReach: Error, CustomStringConvertible {
    /// What dialling it threw.
    let cause: any Error
    /// Whether that was done now; else the last one's failure is told.
    let isDialled: Bool
    var description: String { "\(cause)" }
}

/// A node has asked to be left alone for a while.
struct Resting: Error, CustomStringConvertible {
    var description: String { "it was asked too much, and wants to be left alone for a while" }
}

extension Exchange {
    /// Sleeps until the time is over, there is news, or one of the nodes that it waits for is reached.
    /// - Returns: whether there is news, so that what is durable must be read again.
    /// - Throws: `CancellationError`.
    func pause(
        _ pursuit: Pursuit, _ duration: Duration, for nodes: Set<NodeID>,
        _ precedence: Precedence
    ) async throws -> Bool {
        guard !nodes.isEmpty else { return try await pursuits.pause(pursuit, duration) }
        return try await pursuits.pause(pursuit, duration) { [peers] in
            await peers.waitForReach(of: nodes, precedence)
        }
    }
}
