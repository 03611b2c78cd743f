// The event-loop half of a message stream: it holds what arrived and was not consumed yet, one
// waiting reader, one waiting writer, and the clock that runs while the peer owes us something.

import Glibc
import NIOCore
import NIOHTTP1
import Synchronization

/// One end of an HTTP/1.1 connection as parts in and parts out, with back-pressure both ways.
///
/// Confined to its channel's event loop. There is at most one reader and one writer at a time.
final class MessageHandler<In: MessagePart, Out: MessagePart>: ChannelDuplexHandler {
    typealias InboundIn = In
    typealias OutboundIn = Out
    typealias OutboundOut = Out

    private let limits: HTTPLimits
    /// How long the peer may take for the running message, where that is longer than the limits say.
    private var patience: TimeAmount?
    /// A client stops writing when an answer comes early; a server does not stop for the next part.
    private let writerYieldsToInbound: Bool

    private var context: ChannelHandlerContext?
    private var arrived = CircularBuffer<In>()
    private var arrivedBytes = 0
    private var readIsHeld = false
    /// The last part that arrived was not an end: closing now would truncate a message.
    private var arrivalIsOpen = false
    /// Behind the message that arrived last comes no other.
    private var arrivalIsLast = false
    /// A message has been begun and not finished by the reader.
    private var consumptionIsOpen = false {
        didSet { marks.isInMessage.store(consumptionIsOpen, ordering: .releasing) }
    }
    let marks = MessageMarks()
    /// The reader has asked for more of it than its head.
    private var bodyIsAsked = false
    private var closesBetweenMessages = false
    private var hasEnded = false
    private var failure: (any Error)?

    private var reader: CheckedContinuation<In?, any Error>? {
        didSet {
            marks.isIdle.store(reader != nil && !consumptionIsOpen, ordering: .releasing)
        }
    }
    private var writer: CheckedContinuation<Bool, any Error>?
    private var readerIsCancelled = false
    private var readerClock = ProgressClock()
    private var writerAwaitsEnd = false
    private var writerTimer: Scheduled<Void>?

    init(limits: HTTPLimits, writerYieldsToInbound: Bool) {
        self.limits = limits
        self.writerYieldsToInbound = writerYieldsToInbound
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
        self.context = nil
    }

    // MARK: What the tasks ask for

    /// Gives the next part to `continuation`, now or when it arrives; nil at the end.
    func next(_ continuation: CheckedContinuation<In?, any Error>) {
        precondition(reader == nil, "a message stream has one reader")
        bodyIsAsked = consumptionIsOpen
        if readerIsCancelled {
            readerIsCancelled = false
            return continuation.resume(throwing: CancellationError())
        }
        if let part = takeArrived() {
            hand(part, to: continuation)
            resumeReading()
        } else if let failure {
            continuation.resume(throwing: failure)
        } else if hasEnded || (closesBetweenMessages && !consumptionIsOpen) {
            continuation.resume(returning: nil)
        } else {
            reader = continuation
            startReaderClock()
        }
    }

    /// Writes and flushes `parts` and resumes `continuation` when the channel takes more: true, or
    /// false when an answer has begun to arrive meanwhile. The end of an answer is waited for until
    /// the kernel has it, because closing the channel drops what is still in its buffer.
    func write(_ parts: [Out], _ continuation: CheckedContinuation<Bool, any Error>) {
        precondition(writer == nil, "a message stream has one writer")
        if writerShouldYield { return continuation.resume(returning: false) }
        guard let context, !hasEnded, context.channel.isActive else {
            return continuation.resume(throwing: failure ?? HTTPFault.closed)
        }
        if case .end? = parts.last?.step, !writerYieldsToInbound {
            return writeToTheEnd(parts, continuation, context)
        }
        for part in parts { context.write(wrapOutboundOut(part), promise: nil) }
        context.flush()
        if writerShouldYield {
            continuation.resume(returning: false)
        } else if hasEnded {
            continuation.resume(throwing: failure ?? HTTPFault.closed)
        } else if context.channel.isWritable {
            continuation.resume(returning: true)
        } else {
            writer = continuation
            startWriterTimer()
        }
    }

    private func writeToTheEnd(
        _ parts: [Out], _ continuation: CheckedContinuation<Bool, any Error>,
        _ context: ChannelHandlerContext
    ) {
        writer = continuation
        writerAwaitsEnd = true
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { [self] result in
            writerAwaitsEnd = false
            takeWriter()?.resume(with: result.map { true })
        }
        for part in parts.dropLast() { context.write(wrapOutboundOut(part), promise: nil) }
        for part in parts.suffix(1) { context.writeAndFlush(wrapOutboundOut(part), promise: sent) }
        // From now on, with all that the peer has to take.
        if writer != nil { startWriterTimer() }
    }

    /// Lets the peer take longer, until it is called with nil.
    func wait(upTo patience: TimeAmount?) { self.patience = patience }

    /// Lets a reader go that waits, or the one that is about to: its task was cancelled.
    func cancelReader() {
        if let reader = takeReader() {
            reader.resume(throwing: CancellationError())
        } else {
            readerIsCancelled = true
        }
    }

    /// Ends the connection now if it is between two messages, else after the running one.
    func closeBetweenMessages() {
        closesBetweenMessages = true
        guard !consumptionIsOpen, arrived.isEmpty, !arrivalIsOpen else { return }
        takeReader()?.resume(returning: nil)
    }

    /// Whether an answer has begun, which is read also where the connection has ended behind it.
    private var writerShouldYield: Bool { writerYieldsToInbound && !arrived.isEmpty }

    // MARK: What the channel tells

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        guard !arrivalIsOver else { return }
        // One read may hold thousands of the smallest, each of which takes many times its bytes.
        guard arrived.count < Self.partsHeldMax else {
            if failure == nil {
                fail(HTTPFault.malformedMessage("too many small parts at once"))
                context.close(promise: nil)
            }
            return
        }
        arrivalIsOpen = if case .end = part.step { false } else { true }
        if case .head(let isLast) = part.step { arrivalIsLast = isLast }
        // A head waits for what the same read brings after it: where that is the whole message, the reader has
        // it without asking again for each part.
        let isHead = if case .head = part.step { true } else { false }
        if !isHead, arrived.isEmpty, let reader = takeReader() {
            hand(part, to: reader)
        } else {
            arrivedBytes += part.bytes
            arrived.append(part)
        }
        if writerYieldsToInbound { takeWriter()?.resume(returning: false) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        serveReader()
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if !arrivalIsOver, arrivedBytes < unreadBytesMax, arrived.count < Self.partsMax {
            context.read()
        } else {
            readIsHeld = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, !writerAwaitsEnd {
            takeWriter()?.resume(returning: !writerShouldYield)
        }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(Self.fault(error))
    }

    func channelInactive(context: ChannelHandlerContext) {
        if arrivalIsOpen, failure == nil { failure = HTTPFault.truncated }
        end()
        context.fireChannelInactive()
    }

    // MARK: Steps

    /// Gives a reader that waits what has arrived.
    private func serveReader() {
        guard reader != nil, let part = takeArrived(), let reader = takeReader() else { return }
        hand(part, to: reader)
        resumeReading()
    }

    private func takeArrived() -> In? {
        guard let part = arrived.popFirst() else { return nil }
        arrivedBytes -= part.bytes
        return part
    }

    /// With the last part goes the end, where it is here: it holds nothing that a reader wants.
    private func hand(_ part: In, to reader: CheckedContinuation<In?, any Error>) {
        switch part.step {
        case .head:
            consumptionIsOpen = true
            readerClock.restart()
        case .body:
            readerClock.advance(bytes: part.bytes, of: limits.progressBytes)
        case .end:
            finishMessage()
        }
        if consumptionIsOpen, case .end? = arrived.first?.step {
            _ = takeArrived()
            finishMessage()
        }
        reader.resume(returning: part)
    }

    private func finishMessage() {
        consumptionIsOpen = false
        readerClock.restart()
    }

    private func resumeReading() {
        guard readIsHeld, !arrivalIsOver, arrivedBytes < unreadBytesMax / 2,
            arrived.count < Self.partsMax / 2
        else { return }
        readIsHeld = false
        context?.read()
    }

    /// Nothing more is read: nobody would take it, and the decoder would keep it.
    private var arrivalIsOver: Bool { arrivalIsLast && !arrivalIsOpen }

    private var unreadBytesMax: Int {
        bodyIsAsked ? limits.unreadBytesMax : limits.unaskedBytesMax
    }

    private func startReaderClock() {
        guard let context else { return }
        let allowed = patience ?? (consumptionIsOpen ? limits.patience : limits.idle)
        readerClock.start(on: context.eventLoop, allowed: allowed) { [weak self] in
            self?.readerTimedOut()
        }
    }

    private func readerTimedOut() {
        guard consumptionIsOpen || writerYieldsToInbound else {
            // Between two requests silence is no fault.
            hasEnded = true
            takeReader()?.resume(returning: nil)
            return
        }
        fail(HTTPFault.stalled)
    }

    private func startWriterTimer() {
        guard let context else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let waiting = bytesToSend
        writerTimer = context.eventLoop.scheduleTask(in: patience ?? limits.patience) {
            bound.value.writerTimedOut(waiting: waiting)
        }
    }

    /// A slow link is no fault as long as the peer takes `progressBytes` in the time allowed.
    private func writerTimedOut(waiting: Int) {
        guard waiting - bytesToSend < limits.progressBytes else { return startWriterTimer() }
        fail(HTTPFault.stalled)
        context?.close(promise: nil)
    }

    /// Bytes in the channel that the kernel has not taken yet.
    private var bytesToSend: Int {
        // Every socket channel has the option; without it silence counts as no progress.
        (try? context?.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    private func fail(_ error: any Error) {
        if failure == nil { failure = error }
        serveReader()
        takeReader()?.resume(throwing: error)
        takeWriter()?.resume(throwing: error)
    }

    private func end() {
        hasEnded = true
        serveReader()
        if let failure {
            takeReader()?.resume(throwing: failure)
        } else {
            takeReader()?.resume(returning: nil)
        }
        takeWriter()?.resume(throwing: failure ?? HTTPFault.closed)
    }

    private func takeReader() -> CheckedContinuation<In?, any Error>? {
        readerClock.stop()
        defer { reader = nil }
        return reader
    }

    private func takeWriter() -> CheckedContinuation<Bool, any Error>? {
        writerTimer?.cancel()
        writerTimer = nil
        defer { writer = nil }
        return writer
    }

    private static func fault(_ error: any Error) -> any Error {
        switch error {
        case HTTPParserError.headerOverflow: HTTPFault.headerTooLarge
        case HTTPParserError.invalidEOFState: HTTPFault.truncated
        case let error as HTTPParserError: HTTPFault.malformedMessage("\(error)")
        case let error as IOError:
            HTTPFault.connectionLost(String(cString: strerror(error.errnoCode)).lowercased())
        case let error as ChannelError: HTTPFault.connectionLost("\(error)")
        default: error
        }
    }

    /// Parts, however small, that wait for a reader before reading pauses.
    private static var partsMax: Int { 256 }
    /// Parts, however small, that may come with one read beside those.
    private static var partsHeldMax: Int { 4 * partsMax }
}
