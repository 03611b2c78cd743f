// The same stream as SelatTLSBenchmark's, through swift-nio-ssl (BoringSSL): two threads, one
// loopback connection, 256 KiB a write. Prints seconds.
//
// openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=loop \
//   -keyout key.pem -out cert.pem
// swift run -c release NIOSSLLoop cert.pem key.pem BYTES

import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

@main
struct Main {
    static func main() async throws {
        let arguments = CommandLine.arguments
        let bytes = arguments.count > 3 ? Int(arguments[3]) ?? 4 << 30 : 4 << 30
        let certificates = try NIOSSLCertificate.fromPEMFile(arguments[1])
        let key = try NIOSSLPrivateKey(file: arguments[2], format: .pem)
        var settings = TLSConfiguration.makeServerConfiguration(
            certificateChain: certificates.map { .certificate($0) }, privateKey: .privateKey(key))
        settings.minimumTLSVersion = .tlsv13
        let serverTLS = try NIOSSLContext(configuration: settings)
        var clientSettings = TLSConfiguration.makeClientConfiguration()
        clientSettings.minimumTLSVersion = .tlsv13
        clientSettings.certificateVerification = .none
        let clientTLS = try NIOSSLContext(configuration: clientSettings)

        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let done = group.next().makePromise(of: Void.self)
        let server = try await ServerBootstrap(group: group)
            .childChannelOption(.recvAllocator, value: receiveBuffers)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOSSLServerHandler(context: serverTLS))
                    try pipeline.addHandler(Counter(until: bytes, done))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let start = ContinuousClock.now
        let client = try await ClientBootstrap(group: group)
            .channelOption(.writeBufferWaterMark, value: .init(low: 256 << 10, high: 1 << 20))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(
                        NIOSSLClientHandler(context: clientTLS, serverHostname: nil))
                    try pipeline.addHandler(Pourer(bytes: bytes))
                }
            }
            .connect(host: "127.0.0.1", port: server.localAddress?.port ?? 0).get()
        try await done.futureResult.get()
        print((ContinuousClock.now - start) / .seconds(1))
        try await client.close()
        try await server.close()
        try await group.shutdownGracefully()
    }
}

private let receiveBuffers = AdaptiveRecvByteBufferAllocator(
    minimum: 4 << 10, initial: 64 << 10, maximum: 256 << 10)

private final class Counter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private var left: Int
    private let done: EventLoopPromise<Void>

    init(until bytes: Int, _ done: EventLoopPromise<Void>) {
        left = bytes
        self.done = done
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        left -= unwrapInboundIn(data).readableBytes
        if left <= 0 { done.succeed() }
    }
}

private final class Pourer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private var left: Int
    private let piece = ByteBuffer(repeating: 0, count: 256 << 10)
    private var hasBegun = false

    init(bytes: Int) { left = bytes }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted? = event as? TLSUserEvent {
            hasBegun = true
            pour(context)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) { pour(context) }

    private func pour(_ context: ChannelHandlerContext) {
        guard hasBegun else { return }
        while left > 0, context.channel.isWritable {
            left -= piece.readableBytes
            context.writeAndFlush(wrapOutboundOut(piece), promise: nil)
        }
    }
}
