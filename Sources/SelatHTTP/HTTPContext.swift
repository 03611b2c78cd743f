package import Hummingbird
package import Logging

/// What a route knows beside the request: who asked.
package struct HTTPContext: RequestContext {
    package typealias Source = HTTPContextSource

    package var coreContext: CoreRequestContextStorage
    /// Who is at the other end of the connection.
    package let peer: ConnectionPeer

    package init(source: HTTPContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        peer = source.peer
    }
}

/// What a connection gives each of its requests.
package struct HTTPContextSource: RequestContextSource {
    package let peer: ConnectionPeer
    package let logger: Logger

    package init(peer: ConnectionPeer, logger: Logger) {
        self.peer = peer
        self.logger = logger
    }
}
