import NIOCore
import Synchronization

/// The task-side half of a connection: asks the handler on its event loop and waits.
///
/// Cancelling a task that waits here closes the connection, since a message cut in half leaves
/// nothing to continue with.
struct MessageStream<In: MessagePart, Out: MessagePart>: Sendable {
    let channel: any Channel
    private let handler: NIOLoopBound<MessageHandler<In, Out>>
    private let marks: MessageMarks

    /// Adds the handler at the end of the pipeline; call on the channel's event loop.
    init(
        on channel: any Channel, limits: HTTPLimits, writerYieldsToInbound: Bool
    ) throws {
        let handler = MessageHandler<In, Out>(
            limits: limits, writerYieldsToInbound: writerYieldsToInbound)
        try channel.pipeline.syncOperations.addHandler(handler)
        self.channel = channel
        self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
        marks = handler.marks
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
    ///
    /// Cancelling a task that waits here leaves the connection open: whoever cancelled it may have an answer
    /// to give.
    /// - Throws: `HTTPFault.truncated` when the connection ends before the message does.
    func nextInMessage() async throws -> In? {
        guard isInMessage else { return nil }
        return try await withTaskCancellationHandler {
            try Task.checkCancellation()
            return try await withCheckedThrowingContinuation { continuation in
                channel.eventLoop.execute { handler.value.next(continuation) }
            }
        } onCancel: {
            channel.eventLoop.execute { handler.value.cancelReader() }
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

    /// Whether more of the message whose head was taken is to come; false once its end was taken, alone or with
    /// what came before it.
    var isInMessage: Bool { marks.isInMessage.load(ordering: .acquiring) }

    /// Whether the reader waits for a message to begin.
    var isIdle: Bool { marks.isIdle.load(ordering: .acquiring) }

    /// Whether the connection closes after the running message.
    var isClosing: Bool { marks.isClosing.load(ordering: .acquiring) }

    func closeBetweenMessages() {
        marks.isClosing.store(true, ordering: .releasing)
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

/// What the task may know without going to the event loop, which costs more than reading a small message.
final class MessageMarks: Sendable {
    /// Set by the handler, before it hands out the part after which it holds.
    let isInMessage = Atomic(false)
    let isIdle = Atomic(false)
    let isClosing = Atomic(false)
}
