import NIOCore
import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatHTTP
import SelatPolicy
import SelatStore

/// What a dataset is sealed from.
protocol Plaintext: Sendable {
    /// All of a small dataset.
    /// - Parameter turn: waits until the next piece may be taken.
    func whole(
        _ request: OutboundRequest, turn: @escaping @Sendable () async throws -> Void
    ) async throws -> [UInt8]

    func seal(
        _ request: OutboundRequest, permit: Permit, core: EnvelopeCore, contentKey: ContentKey,
        sink: SpoolFile, turn: @escaping @Sendable () async throws -> Void
    ) async throws -> SealedPayload
}

/// The files one after the other, as they arrive.
struct ArrivingPlaintext<Body: AsyncSequence & Sendable>: Plaintext
where Body.Element == ByteBuffer {
    let body: Body

    func whole(
        _ request: OutboundRequest, turn: @escaping @Sendable () async throws -> Void
    ) async throws -> [UInt8] {
        let size = request.dataset.totalBytes
        var message: [UInt8] = []
        message.reserveCapacity(Int(size))
        for try await piece in body {
            try await turn()
            let count = UInt64(message.count + piece.readableBytes)
            guard count <= size else {
                throw EnvelopeError.sizeDiffers(expected: size, actual: count)
            }
            message += piece.readableBytesView
        }
        guard message.count == size else {
            throw EnvelopeError.sizeDiffers(expected: size, actual: UInt64(message.count))
        }
        return message
    }

    func seal(
        _ request: OutboundRequest, permit: Permit, core: EnvelopeCore, contentKey: ContentKey,
        sink: SpoolFile, turn: @escaping @Sendable () async throws -> Void
    ) async throws -> SealedPayload {
        let sealer = try PayloadSealer(
            permit: permit, core: core, contentKey: contentKey,
            messageSize: request.dataset.totalBytes, sink: sink)
        do {
            for try await piece in body {
                try await turn()
                try await sealer.append(piece.readableBytesView)
                FreedMemory.passed(piece.readableBytes)
            }
            return try await sealer.finish()
        } catch {
            await sealer.cancel()
            throw error
        }
    }
}

/// Files that the caller has opened and handed over (Control.docc, *Files*): their bytes pass no socket.
struct HandedPlaintext: Plaintext {
    let handed: HandedFiles
    /// Completes when the caller hangs up, who then wants nothing sent.
    let gone: EventLoopFuture<Void>?

    func whole(
        _ request: OutboundRequest, turn: @escaping @Sendable () async throws -> Void
    ) async throws -> [UInt8] {
        let files = try PlainFiles(handed, as: request.dataset.files, isWritten: false)
        let size = request.dataset.totalBytes
        do {
            try files.requireSizes()
            var message = [UInt8](repeating: 0, count: Int(size))
            var span = message.mutableSpan
            var bytes = span.mutableBytes
            _ = try files.read(0..<size, into: &bytes)
            return message
        } catch {
            throw files.unusable ?? error
        }
    }

    func seal(
        _ request: OutboundRequest, permit: Permit, core: EnvelopeCore, contentKey: ContentKey,
        sink: SpoolFile, turn: @escaping @Sendable () async throws -> Void
    ) async throws -> SealedPayload {
        let files = try PlainFiles(handed, as: request.dataset.files, isWritten: false)
        do {
            let payload = try await cancelled(by: gone) {
                try await PayloadSealer.seal(
                    files, permit: permit, core: core, contentKey: contentKey,
                    messageSize: request.dataset.totalBytes, sink: sink, turn: turn)
            }
            // As long as it was when it was announced, also at the end.
            try files.requireSizes()
            return payload
        } catch EnvelopeError.cancelled {
            throw HTTPFault.closed
        } catch {
            throw files.unusable ?? error
        }
    }
}

extension DatasetDescription {
    /// Name and bytes of each file, in the payload's order.
    var files: [(name: String, size: UInt64)] {
        resources.map { (name: $0.path.text, size: $0.bytes) }
    }
}

/// Runs `body`, which is cancelled when whoever asked for it hangs up.
nonisolated func cancelled<Value: Sendable>(
    by gone: EventLoopFuture<Void>?, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let task = Task { try await body() }
    gone?.whenComplete { _ in task.cancel() }
    return try await withTaskCancellationHandler {
        try await task.value
    } onCancel: {
        task.cancel()
    }
}
