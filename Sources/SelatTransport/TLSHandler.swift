// OpenSSL under NIO: ciphertext below, plaintext above. The engine does the cryptography; this file
// decides when to read, to send, and to give up.

package import NIOCore
import SelatCore
package import SelatCrypto
package import SelatHTTP

/// TLS for one channel, at the head of its pipeline.
package final class TLSHandler: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private enum State {
        case handshaking
        case established
        /// The handshake failed: the alert is out, and the socket stays open for a moment so that
        /// the peer reads it. Closing with unread bytes would reset the connection and the alert
        /// would be lost.
        case lingering
        case closed
    }

    private let engine: TLSEngine
    private let promise: EventLoopPromise<ConnectionPeer>
    private let handshakeTimeout: TimeAmount
    private var state = State.handshaking
    private var timer: Scheduled<Void>?
    private var sealer = RecordSealer()
    private var closing: EventLoopPromise<Void>?

    /// - Parameter promise: hears who the peer is, or why there is none.
    init(engine: TLSEngine, handshakeTimeout: TimeAmount, promise: EventLoopPromise<ConnectionPeer>)
    {
        self.engine = engine
        self.handshakeTimeout = handshakeTimeout
        self.promise = promise
    }

    /// Puts TLS at the end of what `channel`'s pipeline holds now; call on its event loop.
    /// - Returns: who the peer is, within `Limits.handshakeSecondsMax`.
    package static func install(
        on channel: any Channel, _ context: TLSContext, role: TLSEngine.Role,
        verifyPeer: @escaping TLSPeerVerification,
        handshakeTimeout: TimeAmount = .seconds(Limits.handshakeSecondsMax)
    ) throws -> EventLoopFuture<ConnectionPeer> {
        let engine = try TLSEngine(context, role: role, verifyPeer: verifyPeer)
        let promise = channel.eventLoop.makePromise(of: ConnectionPeer.self)
        let handler = TLSHandler(
            engine: engine, handshakeTimeout: handshakeTimeout, promise: promise)
        try channel.pipeline.syncOperations.addHandler(handler)
        return promise.futureResult
    }

    // MARK: Life

    package func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: handshakeTimeout) {
            let (handler, context) = bound.value
            handler.timedOut(context)
        }
        if context.channel.isActive { advance(context) }
    }

    package func channelActive(context: ChannelHandlerContext) {
        advance(context)
        context.fireChannelActive()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        switch state {
        case .handshaking: promise.fail(TLSFault.closedInHandshake)
        case .established: context.fireErrorCaught(TLSFault.truncated)
        case .lingering, .closed: break
        }
        closing?.succeed()
        closing = nil
        end()
        sealer.failAll(ChannelError.ioOnClosedChannel)
        context.fireChannelInactive()
    }

    package func handlerRemoved(context: ChannelHandlerContext) { end() }

    private func end() {
        timer?.cancel()
        timer = nil
        if case .handshaking = state { promise.fail(TLSFault.closedInHandshake) }
        state = .closed
    }

    private func timedOut(_ context: ChannelHandlerContext) {
        switch state {
        case .handshaking:
            promise.fail(TLSFault.handshakeTimeout)
            state = .closed
            context.close(promise: nil)
        case .lingering:
            state = .closed
            context.close(promise: closing)
            closing = nil
        case .established, .closed: break
        }
    }

    // MARK: Inbound

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .handshaking, .established:
            engine.receive(unwrapInboundIn(data))
            advance(context)
        case .lingering, .closed: break
        }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        // The handshake is ours alone: whoever is above does not know yet that there is a peer and
        // may not ask to read.
        if case .handshaking = state { context.read() }
    }

    private func advance(_ context: ChannelHandlerContext) {
        do throws(TLSFault) {
            if case .handshaking = state { try shakeHands(context) }
            if case .established = state { try deliver(context) }
        } catch {
            fail(error, context)
        }
    }

    private func shakeHands(_ context: ChannelHandlerContext) throws(TLSFault) {
        let isComplete = try engine.handshake()
        send(context)
        guard isComplete, let peer = engine.peer else { return }
        timer?.cancel()
        state = .established
        promise.succeed(.node(peer, certificate: engine.peerCertificate))
        flush(context: context)
    }

    private func deliver(_ context: ChannelHandlerContext) throws(TLSFault) {
        guard engine.inboundBytes > 0 else { return }
        var plaintext = context.channel.allocator.buffer(
            capacity: engine.inboundBytes + TLSEngine.recordBytesMax)
        let end: TLSEngine.ReadEnd
        do throws(TLSFault) {
            end = try engine.read(into: &plaintext)
        } catch {
            // What was authentic before the fault was sent, and is delivered.
            if plaintext.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(plaintext)) }
            throw error
        }
        if plaintext.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(plaintext)) }
        send(context)
        if end == .closed { peerClosed(context) }
    }

    /// HTTP/1.1 has no use for half a connection: the peer's end is ours.
    private func peerClosed(_ context: ChannelHandlerContext) {
        guard case .established = state else { return }
        state = .closed
        engine.close()
        send(context)
        context.close(promise: nil)
    }

    private func fail(_ fault: TLSFault, _ context: ChannelHandlerContext) {
        let wasEstablished = if case .established = state { true } else { false }
        send(context)
        timer?.cancel()
        state = .lingering
        sealer.failAll(fault)
        // Told before the channel closes, which would look like a mere end of the connection.
        if wasEstablished { context.fireErrorCaught(fault) } else { promise.fail(fault) }
        if case .refusedByPeer = fault {
            // The peer knows; nothing of ours is on its way to it.
            state = .closed
            context.close(promise: nil)
        } else {
            linger(context)
        }
    }

    private func linger(_ context: ChannelHandlerContext) {
        context.close(mode: .output, promise: nil)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: Self.lingering) {
            let (handler, context) = bound.value
            handler.timedOut(context)
        }
    }

    /// How long a refused peer may take to read why.
    private static let lingering = TimeAmount.seconds(1)

    // MARK: Outbound

    package func write(
        context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?
    ) {
        switch state {
        case .handshaking, .established: sealer.append(unwrapOutboundIn(data), promise)
        case .lingering, .closed: promise?.fail(ChannelError.ioOnClosedChannel)
        }
    }

    package func flush(context: ChannelHandlerContext) {
        guard case .established = state else { return }
        do throws(TLSFault) {
            try sealer.seal(with: engine) { ciphertext, promise in
                context.write(wrapOutboundOut(ciphertext), promise: promise)
            }
            context.flush()
        } catch {
            fail(error, context)
        }
    }

    package func close(
        context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?
    ) {
        switch state {
        case .lingering where mode == .all:
            // The timer closes.
            if let closing { closing.futureResult.cascade(to: promise) } else { closing = promise }
        case .established where mode != .input:
            flush(context: context)
            engine.close()
            send(context)
            if mode == .all { state = .closed }
            context.close(mode: mode, promise: promise)
        case .handshaking, .established, .lingering, .closed:
            if case .handshaking = state, mode == .all { end() }
            context.close(mode: mode, promise: promise)
        }
    }

    /// Sends what any call left in the engine: a read may have answered a key update or an alert.
    private func send(_ context: ChannelHandlerContext) {
        guard let ciphertext = engine.takeOutbound() else { return }
        context.writeAndFlush(wrapOutboundOut(ciphertext), promise: nil)
    }
}
