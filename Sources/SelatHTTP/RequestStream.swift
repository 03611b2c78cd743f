import Hummingbird
import NIOCore
import NIOHTTPTypes

typealias ServerStream = MessageStream<HTTPRequestPart, HTTPResponsePart>

/// The body of the running request, pulled from the connection; it can be read once.
///
/// Unlike a stream that merely stops, it throws when the connection ends before the body does.
struct InboundBody: AsyncSequence, Sendable {
    let stream: ServerStream

    func makeAsyncIterator() -> Iterator { Iterator(stream: stream) }

    struct Iterator: AsyncIteratorProtocol {
        let stream: ServerStream

        func next() async throws -> ByteBuffer? {
            guard case .body(let buffer)? = try await stream.nextInMessage() else { return nil }
            return buffer
        }
    }
}

/// Writes one answer; the head travels with the first piece of the body, so that a small answer is
/// one segment and, under TLS, one record.
struct AnswerWriter: ResponseBodyWriter {
    private let stream: ServerStream
    private var pending: [HTTPResponsePart]
    /// Bytes still to come when the length is known: the last piece waits for the end.
    private var bytesLeft: Int?

    init(stream: ServerStream, head: HTTPResponse, contentLength: Int?) {
        self.stream = stream
        pending = [.head(head)]
        bytesLeft = contentLength
    }

    mutating func write(_ buffer: ByteBuffer) async throws {
        pending.append(.body(buffer))
        bytesLeft = bytesLeft.map { $0 - buffer.readableBytes }
        if bytesLeft == 0 { return }
        try await flush()
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {
        pending.append(.end(trailingHeaders))
        try await flush()
    }

    private mutating func flush() async throws {
        let parts = pending
        pending = []
        try await stream.write(parts)
    }
}
