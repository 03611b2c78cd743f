package import Hummingbird
package import Logging
package import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOPosix
import Synchronization

/// An HTTP/1.1 server on one socket, in front of a router's responder.
///
/// `bind` takes the address, `run` serves until `shutDown` and until the last running request has
/// been answered.
package final class HTTPListener: Sendable {
    private let channel: NIOAsyncChannel<ServerConnection?, Never>
    private let responder: any HTTPResponder<HTTPContext>
    private let limits: HTTPLimits
    private let logger: Logger
    let open: OpenConnections
    private let unixSocket: UnixSocket?

    /// The address in use; with the port that the system chose when 0 was asked for.
    package let address: HTTPAddress

    /// Binds and listens; connections wait in the kernel until `run`.
    /// - Parameters:
    ///   - security: what lies below HTTP; nil serves plain HTTP, where the peer of a unix socket
    ///     is its process and the peer of a TCP socket is nobody.
    ///   - responder: what answers, such as `router.buildResponder()` of a `Router` whose context
    ///     is `HTTPContext`. An error that it throws becomes a problem document.
    /// - Throws: `HTTPFault` for unix sockets, otherwise what binding throws.
    package static func bind(
        _ point: ListenPoint, limits: HTTPLimits = HTTPLimits(),
        security: ConnectionSecurity? = nil,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, logger: Logger,
        responder: some HTTPResponder<HTTPContext>
    ) async throws -> HTTPListener {
        let open = OpenConnections(limits)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptFaults(logger: logger))
                }
            }
            .childChannelOption(.recvAllocator, value: ConnectionOptions.receiveBuffers)
            // Read by read, so that a body that nobody has asked for is held after the first.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.writeBufferWaterMark, value: ConnectionOptions.writeWaterMarks)
        let setUp: @Sendable (any Channel) -> EventLoopFuture<ServerConnection?> = { channel in
            let connection = open.admit(channel) {
                try ServerConnection(
                    on: channel, limits: limits, security: security, logger: logger)
            }
            // A failed future here would end the listener, not just this connection.
            return channel.eventLoop.makeSucceededFuture(connection)
        }
        var unixSocket: UnixSocket?
        let channel: NIOAsyncChannel<ServerConnection?, Never>
        switch point {
        case .tcp(let host, let port):
            channel = try await bootstrap.bind(
                host: host, port: port, childChannelInitializer: setUp)
        case .unix(let path, let mode):
            let socket = try UnixSocket(path: path, mode: mode)
            unixSocket = socket
            channel = try await bootstrap.bind(
                socket.descriptor, childChannelInitializer: setUp)
        case .inherited(let descriptor):
            channel = try await bootstrap.bind(descriptor, childChannelInitializer: setUp)
        }
        return HTTPListener(
            channel: channel, responder: responder, limits: limits, logger: logger, open: open,
            unixSocket: unixSocket, address: Self.address(of: channel.channel, point))
    }

    private init(
        channel: NIOAsyncChannel<ServerConnection?, Never>,
        responder: any HTTPResponder<HTTPContext>, limits: HTTPLimits, logger: Logger,
        open: OpenConnections, unixSocket: UnixSocket?, address: HTTPAddress
    ) {
        self.channel = channel
        self.responder = responder
        self.limits = limits
        self.logger = logger
        self.open = open
        self.unixSocket = unixSocket
        self.address = address
    }

    /// Serves until `shutDown`, or until the task is cancelled, which cuts running requests off.
    package func run() async throws {
        defer { unixSocket?.unlink() }
        try await withThrowingDiscardingTaskGroup { group in
            try await channel.executeThenClose { connections in
                for try await case let connection? in connections {
                    open.track(connection)
                    group.addTask { [responder] in
                        await connection.serve(responder, in: self.open)
                        self.open.remove(connection.stream.channel)
                    }
                }
            }
        }
    }

    /// Stops accepting, closes idle connections, lets running requests finish within
    /// `HTTPLimits.shutdownPatience`, then closes whatever is left. `run` returns after that.
    package func shutDown() {
        channel.channel.close(promise: nil)
        open.closeBetweenMessages()
        let open = open
        channel.channel.eventLoop.scheduleTask(in: limits.shutdownPatience) { open.closeAll() }
    }

    /// Closes at once every connection whose peer `mustGo`, such as a node whose certificate a new
    /// list no longer admits.
    package func closeConnections(where mustGo: @escaping @Sendable (ConnectionPeer) -> Bool) {
        open.close(where: mustGo)
    }

    private static func address(of channel: any Channel, _ point: ListenPoint) -> HTTPAddress {
        switch point {
        case .unix(let path, _): .unix(path: path)
        case .tcp(let host, let port):
            .tcp(host: host, port: channel.localAddress?.port ?? port)
        case .inherited:
            if let local = channel.localAddress, let host = local.ipAddress, let port = local.port {
                .tcp(host: host, port: port)
            } else {
                .unix(path: channel.localAddress?.pathname ?? "")
            }
        }
    }
}

/// Keeps a failed accept, such as one for want of descriptors, from ending the listener.
private final class AcceptFaults: ChannelInboundHandler, Sendable {
    typealias InboundIn = Any

    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        logger.error("accepting a connection failed", metadata: ["error": "\(error)"])
        // What comes behind waits a while before it accepts again, and goes no further with it.
        if error is IOError { context.fireErrorCaught(error) }
    }
}

/// Socket settings of both ends.
enum ConnectionOptions {
    static let receiveBuffers: any RecvByteBufferAllocator = ReceiveBuffers()
    static let writeWaterMarks = ChannelOptions.Types.WriteBufferWaterMark(
        low: 256 << 10, high: 512 << 10)
}

/// Buffers for reads from a socket: they grow to pieces in which the costs per read vanish beside the bytes.
///
/// A channel keeps a buffer for its next read only where the allocator says how large that will be. This one does
/// not: a connection that has sent much and waits now would hold a large one for nothing.
private struct ReceiveBuffers: RecvByteBufferAllocator {
    // The first buffer is the one that the channel holds as long as it lives.
    private var sizes = AdaptiveRecvByteBufferAllocator(
        minimum: 4 << 10, initial: 4 << 10, maximum: 256 << 10)

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { sizes.buffer(allocator: allocator) }

    /// - Returns: always true; else the channel reads into the buffer before, and copies it first where somebody
    ///   holds it.
    mutating func record(actualReadBytes: Int) -> Bool {
        _ = sizes.record(actualReadBytes: actualReadBytes)
        return true
    }
}

extension ServerConnection {
    /// Builds the pipeline; call on the channel's event loop.
    fileprivate init(
        on channel: any Channel, limits: HTTPLimits, security: ConnectionSecurity?, logger: Logger
    ) throws {
        let pipeline = channel.pipeline.syncOperations
        if let security {
            peer = try security(channel)
        } else if channel.localAddress?.protocol == .unix {
            peer = ProcessCredentials.ofPeer(channel).map { .process($0) }
        } else {
            peer = channel.eventLoop.makeSucceededFuture(.anyone)
        }
        try pipeline.configureHTTPServerPipeline(
            withPipeliningAssistance: false, withErrorHandling: false,
            withEncoderConfiguration: .init(),
            withDecoderLimitConfiguration: limits.decoder)
        try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: security != nil))
        stream = try ServerStream(on: channel, limits: limits, writerYieldsToInbound: false)
        self.limits = limits
        self.logger = logger
    }
}

extension HTTPLimits {
    /// The part of the limits that NIO's decoder enforces.
    var decoder: NIOHTTPDecoderLimitConfiguration {
        var decoder = NIOHTTPDecoderLimitConfiguration()
        decoder.maxHeaderFieldSize = fieldBytesMax
        decoder.maxHeaderListSize = fieldsBytesMax
        decoder.maxHeaderFieldCount = fieldsMax
        return decoder
    }
}
