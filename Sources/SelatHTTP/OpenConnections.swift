import NIOCore
import Synchronization

/// The connections of one listener: counts them, and closes them when asked.
final class OpenConnections: Sendable {
    private let limit: Int
    private let perUserLimit: Int
    private let state = Mutex(State())

    private struct State {
        var admitted = 0
        var tracked: [ObjectIdentifier: ServerConnection] = [:]
        var byUser: [UInt32: Int] = [:]
        var isClosing = false
    }

    init(_ limits: HTTPLimits) {
        (limit, perUserLimit) = (limits.connectionsMax, limits.connectionsPerUserMax)
    }

    /// Counts a connection as its user's, once the user is known.
    /// - Returns: whether the user has not too many; then `leave` must follow.
    func enter(_ peer: ConnectionPeer) -> Bool {
        guard let user = peer.process?.user else { return true }
        return state.withLock { state in
            guard state.byUser[user, default: 0] < perUserLimit else { return false }
            state.byUser[user, default: 0] += 1
            return true
        }
    }

    func leave(_ peer: ConnectionPeer) {
        guard let user = peer.process?.user else { return }
        state.withLock { state in
            let left = state.byUser[user, default: 0] - 1
            state.byUser[user] = left > 0 ? left : nil
        }
    }

    /// Counts a new channel until it closes and sets it up.
    /// - Returns: nil, with the channel closed, when there are too many, the listener is going away
    ///   or the setup fails.
    func admit(
        _ channel: any Channel, _ setUp: () throws -> ServerConnection
    ) -> ServerConnection? {
        let admitted = state.withLock { state in
            guard state.admitted < limit, !state.isClosing else { return false }
            state.admitted += 1
            return true
        }
        guard admitted else {
            channel.close(promise: nil)
            return nil
        }
        channel.closeFuture.whenComplete { _ in self.state.withLock { $0.admitted -= 1 } }
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

    func closeBetweenMessages() {
        let connections = state.withLock { state in
            state.isClosing = true
            return Array(state.tracked.values)
        }
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
