import NIOCore
import SelatCore
import Synchronization

/// The connections of one listener: counts them, and closes them when asked.
final class OpenConnections: Sendable {
    private let limits: HTTPLimits
    private let state = Mutex(State())

    private struct State {
        var admitted = 0
        /// Those of which the peer is not known yet, oldest first.
        var unproven: [any Channel] = []
        /// The others, in the order in which they were entered.
        var known: [Known] = []
        var tracked: [ObjectIdentifier: ServerConnection] = [:]
        var isClosing = false

        /// Takes one out of whoever has most, for somebody who has `count`: the oldest that is idle, else the newest,
        /// in which least has been done.
        /// - Returns: nil where the two would only change places.
        mutating func giveUp(for count: Int) -> ServerStream? {
            let counts = Dictionary(grouping: known, by: \.party).mapValues(\.count)
            guard let most = counts.max(by: { $0.value < $1.value }), most.value > count + 1 else {
                return nil
            }
            let places = known.indices.filter { known[$0].party == most.key }
            let place = places.first { known[$0].stream.isIdle } ?? places.last
            return place.map { known.remove(at: $0).stream }
        }
    }

    /// A connection that counts as its peer's.
    private struct Known {
        let party: Party
        let node: NodeID?
        let stream: ServerStream
    }

    /// Who has a share of the connections: a user of this machine, or a country with all its nodes.
    private enum Party: Hashable {
        case user(UInt32)
        case country(Country)

        init?(_ peer: ConnectionPeer) {
            switch peer {
            case .anyone: return nil
            case .process(let process): self = .user(process.user)
            case .node(let node, _): self = .country(node.country)
            }
        }
    }

    init(_ limits: HTTPLimits) { self.limits = limits }

    /// How many, of those whose peer is known, wait for a request to begin.
    var idleCount: Int { state.withLock { $0.known.count(where: { $0.stream.isIdle }) } }

    /// Counts a connection as its peer's, once the peer is known. Where there are too many of them, one of whoever
    /// has most is closed for it.
    /// - Returns: whether there is room; then `leave` must follow.
    func enter(_ peer: ConnectionPeer, on stream: ServerStream) -> Bool {
        let (isEntered, givenUp) = state.withLock { state -> (Bool, ServerStream?) in
            state.unproven.removeAll { $0 === stream.channel }
            guard let party = Party(peer) else { return (true, nil) }
            let own = state.known.filter { $0.party == party }
            guard hasShareLeft(peer, of: own) else { return (false, nil) }
            var givenUp: ServerStream?
            if state.known.count >= limits.knownConnectionsMax {
                givenUp = state.giveUp(for: own.count)
                guard givenUp != nil else { return (false, nil) }
            }
            state.known.append(Known(party: party, node: peer.node, stream: stream))
            return (true, givenUp)
        }
        givenUp?.channel.close(promise: nil)
        return isEntered
    }

    /// - Parameter own: what its party has.
    private func hasShareLeft(_ peer: ConnectionPeer, of own: [Known]) -> Bool {
        guard let node = peer.node else { return own.count < limits.connectionsPerUserMax }
        return own.count < limits.connectionsPerCountryMax
            && own.count(where: { $0.node == node }) < limits.connectionsPerNodeMax
    }

    func leave(_ stream: ServerStream) {
        state.withLock { $0.known.removeAll { $0.stream.channel === stream.channel } }
    }

    /// Counts a new channel until it closes and sets it up. Where there are too many, it takes the place of
    /// the oldest whose peer is not known yet: strangers who say nothing keep nobody out.
    /// - Returns: nil, with the channel closed, when all peers are known, the listener is going away or the
    ///   setup fails.
    func admit(
        _ channel: any Channel, _ setUp: () throws -> ServerConnection
    ) -> ServerConnection? {
        let (isAdmitted, silent) = state.withLock { state -> (Bool, (any Channel)?) in
            guard !state.isClosing else { return (false, nil) }
            var silent: (any Channel)?
            if state.admitted >= limits.connectionsMax {
                guard !state.unproven.isEmpty else { return (false, nil) }
                silent = state.unproven.removeFirst()
            }
            state.admitted += 1
            state.unproven.append(channel)
            return (true, silent)
        }
        silent?.close(promise: nil)
        guard isAdmitted else {
            channel.close(promise: nil)
            return nil
        }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { state in
                state.admitted -= 1
                state.unproven.removeAll { $0 === channel }
            }
        }
        do {
            return try setUp()
        } catch {
            channel.close(promise: nil)
            return nil
        }
    }

    func track(_ connection: ServerConnection) {
        let isClosing = state.withLock { state in
            state.tracked[ObjectIdentifier(connection.stream.channel)] = connection
            return state.isClosing
        }
        if isClosing { connection.stream.closeBetweenMessages() }
    }

    func remove(_ channel: any Channel) {
        state.withLock { _ = $0.tracked.removeValue(forKey: ObjectIdentifier(channel)) }
    }

    /// Whoever is not known yet asks for nothing, and may not hold a stop up.
    func closeBetweenMessages() {
        let (connections, unproven) = state.withLock { state in
            state.isClosing = true
            return (Array(state.tracked.values), state.unproven)
        }
        for channel in unproven { channel.close(promise: nil) }
        for connection in connections { connection.stream.closeBetweenMessages() }
    }

    func closeAll() {
        let connections = state.withLock { Array($0.tracked.values) }
        for connection in connections { connection.stream.channel.close(promise: nil) }
    }

    func close(where mustGo: @escaping @Sendable (ConnectionPeer) -> Bool) {
        let connections = state.withLock { Array($0.tracked.values) }
        for connection in connections {
            connection.peer.whenSuccess { peer in
                if mustGo(peer) { connection.stream.channel.close(promise: nil) }
            }
        }
    }
}
