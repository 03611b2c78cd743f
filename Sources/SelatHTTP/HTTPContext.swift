package import Hummingbird
package import Logging
package import NIOCore

/// What a route knows beside the request: who asked.
package struct HTTPContext: RequestContext {
    package typealias Source = HTTPContextSource

    package var coreContext: CoreRequestContextStorage
    /// Who is at the other end of the connection.
    package let peer: ConnectionPeer
    /// Completes when the connection is closed: nobody waits for the answer any more.
    package let gone: EventLoopFuture<Void>

    package init(source: HTTPContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        peer = source.peer
        gone = source.gone
    }
}

/// What a connection gives each of its requests.
package struct HTTPContextSource: RequestContextSource {
    package let peer: ConnectionPeer
    package let gone: EventLoopFuture<Void>
    package let logger: Logger

    package init(peer: ConnectionPeer, gone: EventLoopFuture<Void>, logger: Logger) {
        self.peer = peer
        self.gone = gone
        self.logger = logger
    }
}
