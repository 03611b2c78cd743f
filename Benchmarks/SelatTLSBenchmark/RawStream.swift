import NIOCore
import NIOPosix
import SelatCrypto
import SelatTransport

/// Seconds for `bytes` from one channel to another through Selat's TLS handler, nothing above it.
func rawStream(_ federation: BenchmarkFederation, _ bytes: UInt64) async throws -> Double {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    let (serverTLS, clientTLS) = (
        try TLSContext(federation.server), try TLSContext(federation.client)
    )
    let verify = federation.verifyPeer
    let done = group.next().makePromise(of: Void.self)
    let server = try await ServerBootstrap(group: group)
        .childChannelOption(.recvAllocator, value: receiveBuffers)
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                _ = try TLSHandler.install(
                    on: channel, serverTLS, role: .accepting, verifyPeer: verify)
                try channel.pipeline.syncOperations.addHandler(Counter(until: bytes, done))
            }
        }
        .bind(host: "127.0.0.1", port: 0).get()
    let start = ContinuousClock.now
    let client = try await ClientBootstrap(group: group)
        .channelOption(.writeBufferWaterMark, value: .init(low: 256 << 10, high: 1 << 20))
        .channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let peer = try TLSHandler.install(
                    on: channel, clientTLS, role: .dialling, verifyPeer: verify)
                let pourer = Pourer(bytes: bytes)
                try channel.pipeline.syncOperations.addHandler(pourer)
                // Until the handshake is over the channel looks writable without end.
                peer.assumeIsolated().whenSuccess { _ in pourer.begin() }
            }
        }
        .connect(host: "127.0.0.1", port: server.localAddress?.port ?? 0).get()
    try await done.futureResult.get()
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    try await client.close()
    try await server.close()
    try await group.shutdownGracefully()
    return seconds
}

private let receiveBuffers = AdaptiveRecvByteBufferAllocator(
    minimum: 4 << 10, initial: 64 << 10, maximum: 256 << 10)

/// Counts what arrives.
private final class Counter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private var left: Int
    private let done: EventLoopPromise<Void>

    init(until bytes: UInt64, _ done: EventLoopPromise<Void>) {
        left = Int(bytes)
        self.done = done
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        left -= unwrapInboundIn(data).readableBytes
        if left <= 0 { done.succeed() }
    }
}

/// Writes zeros for as long as the channel takes them.
private final class Pourer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private var left: Int
    private let piece = ByteBuffer(repeating: 0, count: 256 << 10)

    init(bytes: UInt64) { left = Int(bytes) }

    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }
    func begin() { if let context { pour(context) } }
    func channelWritabilityChanged(context: ChannelHandlerContext) { pour(context) }

    private func pour(_ context: ChannelHandlerContext) {
        while left > 0, context.channel.isWritable {
            left -= piece.readableBytes
            context.writeAndFlush(wrapOutboundOut(piece), promise: nil)
        }
    }
}
