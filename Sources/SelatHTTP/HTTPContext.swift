package import Hummingbird
package import Logging
package import NIOCore

/// What a route knows beside the request: who asked.
package struct HTTPContext: RequestContext {
    package typealias Source = HTTPContextSource

    package var coreContext: CoreRequestContextStorage
    /// Who is at the other end of the connection.
    package let peer: ConnectionPeer
    private let running: RunningRequest
    /// Completes when the connection is closed, and nobody waits for the answer any more; and with the request, when it
    /// has been answered.
    package var gone: EventLoopFuture<Void> { running.gone }

    package init(source: HTTPContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        peer = source.peer
        running = source.running
    }
}

/// What a connection gives each of its requests.
package struct HTTPContextSource: RequestContextSource {
    package let peer: ConnectionPeer
    package let logger: Logger
    let running: RunningRequest

    init(peer: ConnectionPeer, running: RunningRequest, logger: Logger) {
        self.peer = peer
        self.running = running
        self.logger = logger
    }
}
