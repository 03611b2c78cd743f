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
        var tracked: [ObjectIdentifier: ServerConnection] = [:]
        var byOwner: [Owner: Int] = [:]
        var isClosing = false
    }

    /// Who has a share of the connections.
    private enum Owner: Hashable {
        case user(UInt32)
        case node(NodeID)

        init?(_ peer: ConnectionPeer) {
            switch peer {
            case .anyone: return nil
            case .process(let process): self = .user(process.user)
            case .node(let node, _): self = .node(node)
            }
        }
    }

    init(_ limits: HTTPLimits) { self.limits = limits }

    /// Counts a connection as its peer's, once the peer is known.
    /// - Returns: whether the peer has not too many; then `leave` must follow.
    func enter(_ peer: ConnectionPeer, on channel: any Channel) -> Bool {
        state.withLock { state in
            state.unproven.removeAll { $0 === channel }
            guard let owner = Owner(peer) else { return true }
            let most =
                if case .user = owner { limits.connectionsPerUserMax } else {
                    limits.connectionsPerNodeMax
                }
            guard state.byOwner[owner, default: 0] < most else { return false }
            state.byOwner[owner, default: 0] += 1
            return true
        }
    }

    func leave(_ peer: ConnectionPeer) {
        guard let owner = Owner(peer) else { return }
        state.withLock { state in
            let left = state.byOwner[owner, default: 0] - 1
            state.byOwner[owner] = left > 0 ? left : nil
        }
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
