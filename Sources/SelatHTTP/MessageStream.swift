import NIOCore

/// The task-side half of a connection: asks the handler on its event loop and waits.
///
/// Cancelling a task that waits here closes the connection, since a message cut in half leaves
/// nothing to continue with.
struct MessageStream<In: MessagePart, Out: MessagePart>: Sendable {
    let channel: any Channel
    private let handler: NIOLoopBound<MessageHandler<In, Out>>

    /// Adds the handler at the end of the pipeline; call on the channel's event loop.
    init(
        on channel: any Channel, limits: HTTPLimits, writerYieldsToInbound: Bool
    ) throws {
        let handler = MessageHandler<In, Out>(
            limits: limits, writerYieldsToInbound: writerYieldsToInbound)
        try channel.pipeline.syncOperations.addHandler(handler)
        self.channel = channel
        self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
    }

    /// The next part; nil once the peer is done or the connection shall close between messages.
    func next() async throws -> In? {
        try await closingWhenCancelled {
            try await withCheckedThrowingContinuation { continuation in
                channel.eventLoop.execute { handler.value.next(continuation) }
            }
        }
    }

    /// The next part of the message whose head was taken; nil once its end was taken.
    /// - Throws: `HTTPFault.truncated` when the connection ends before the message does.
    func nextInMessage() async throws -> In? {
        try await closingWhenCancelled {
            try await withCheckedThrowingContinuation { continuation in
                channel.eventLoop.execute { handler.value.nextInMessage(continuation) }
            }
        }
    }

    /// Writes parts in one flush and waits until the channel takes more.
    /// - Returns: false when, on a client, an answer has begun before the request was complete.
    @discardableResult
    func write(_ parts: [Out]) async throws -> Bool {
        try await closingWhenCancelled {
            try await withCheckedThrowingContinuation { continuation in
                channel.eventLoop.execute { handler.value.write(parts, continuation) }
            }
        }
    }

    func wait(upTo patience: TimeAmount?) {
        channel.eventLoop.execute { handler.value.wait(upTo: patience) }
    }

    /// Whether the connection closes after the running message.
    var isClosing: Bool {
        get async throws { try await channel.eventLoop.submit { handler.value.isClosing }.get() }
    }

    func closeBetweenMessages() {
        channel.eventLoop.execute { handler.value.closeBetweenMessages() }
    }

    /// Closes the connection and waits for that.
    func close() async {
        channel.close(promise: nil)
        // A close future cannot fail in a way that leaves the channel open.
        try? await channel.closeFuture.get()
    }

    private func closingWhenCancelled<Value: Sendable>(
        _ operation: () async throws -> Value
    ) async throws -> Value {
        try await withTaskCancellationHandler {
            do {
                return try await operation()
            } catch {
                throw Task.isCancelled ? CancellationError() : error
            }
        } onCancel: {
            channel.close(promise: nil)
        }
    }
}
