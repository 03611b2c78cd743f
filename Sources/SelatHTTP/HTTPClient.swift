import Glibc
package import HTTPTypes
package import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOPosix
import Synchronization

typealias ClientStream = MessageStream<HTTPResponsePart, HTTPRequestPart>

/// One connection to an HTTP/1.1 server, used for request after request.
///
/// A task that is cancelled while it waits here closes the connection. After any thrown error
/// other than a `Problem` the connection is closed; `isOpen` tells.
package final class HTTPClient: Sendable {
    private let stream: ClientStream
    private let isBusy = Mutex(false)

    /// Who the connection proved the server to be.
    package let peer: ConnectionPeer

    /// Connects, and establishes the peer when there is something below HTTP. Cancelling the task ends the attempt
    /// at once, also where the other end says nothing.
    /// - Throws: `HTTPFault.unreachable` when nobody answers at a host and port, what connecting to a
    ///   path throws, and what `security` refuses.
    package static func connect(
        to address: HTTPAddress, limits: HTTPLimits = HTTPLimits(),
        security: ConnectionSecurity? = nil,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws -> HTTPClient {
        let dialled = Dialled<Connected>()
        let setUp: @Sendable (any Channel) -> EventLoopFuture<Connected> = { channel in
            channel.eventLoop.makeCompletedFuture {
                try dialled.begin(channel)
                return try Self.setUp(channel, limits: limits, security: security)
            }
        }
        return try await withTaskCancellationHandler {
            let connected = try await dialled.first {
                try await Self.connect(to: address, on: group, limits, setUp)
            }
            do {
                return HTTPClient(stream: connected.stream, peer: try await connected.peer.get())
            } catch {
                await connected.stream.close()
                throw Task.isCancelled ? CancellationError() : error
            }
        } onCancel: {
            dialled.cancel()
        }
    }

    private static func connect(
        to address: HTTPAddress, on group: any EventLoopGroup, _ limits: HTTPLimits,
        _ setUp: @escaping @Sendable (any Channel) -> EventLoopFuture<Connected>
    ) async throws -> Connected {
        let bootstrap = ClientBootstrap(group: group)
            .connectTimeout(limits.connectPatience)
            .channelOption(.recvAllocator, value: ConnectionOptions.receiveBuffers)
            .channelOption(.writeBufferWaterMark, value: ConnectionOptions.writeWaterMarks)
        do {
            return switch address {
            case .tcp(let host, let port):
                try await bootstrap.connect(host: host, port: port, channelInitializer: setUp)
            case .unix(let path):
                try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: setUp)
            }
        } catch let error as NIOConnectionError {
            throw HTTPFault.unreachable("\(address)", reason: error.reason)
        } catch ChannelError.connectTimeout {
            throw HTTPFault.unreachable("\(address)", reason: "no answer")
        }
    }

    private init(stream: ClientStream, peer: ConnectionPeer) {
        self.stream = stream
        self.peer = peer
    }

    /// Whether another request can be tried on this connection.
    package var isOpen: Bool { stream.channel.isActive }

    /// Sends a request whose body, if any, is at hand, and returns when the response's head is
    /// here.
    ///
    /// The response's body must be read to its end before the next request.
    /// - Parameter patience: how long the server may answer nothing, where that is longer than the limits say.
    package nonisolated(nonsending) func send(
        _ request: HTTPRequest, body: ByteBuffer? = nil, patience: TimeAmount? = nil
    ) async throws -> ClientResponse {
        try begin()
        if patience != nil { stream.wait(upTo: patience) }
        defer { if patience != nil { stream.wait(upTo: nil) } }
        var request = request
        var parts: [HTTPRequestPart] = []
        if let body {
            request.headerFields[.contentLength] = String(body.readableBytes)
            parts.append(.body(body))
        }
        do {
            _ = try await stream.write([.head(request)] + parts + [.end(nil)])
            return try await response(isWhole: true)
        } catch {
            await stream.close()
            throw error
        }
    }

    /// Sends a request whose body is pulled piece by piece as fast as the server takes it.
    ///
    /// An answer that begins before the body is complete stops the body (a refusal, usually); the
    /// connection then closes once the response has been read.
    /// - Parameters:
    ///   - length: the exact size of the body, or nil for chunked transfer.
    ///   - patience: how long the server may take nothing of it, or answer nothing, where that is longer
    ///     than the limits say.
    ///   - next: the next piece, nil at the end; what it throws is thrown here.
    package nonisolated(nonsending) func send(
        _ request: HTTPRequest, length: UInt64?, patience: TimeAmount? = nil,
        next: nonisolated(nonsending) () async throws -> ByteBuffer?
    ) async throws -> ClientResponse {
        try begin()
        var request = request
        if let length { request.headerFields[.contentLength] = String(length) }
        if patience != nil { stream.wait(upTo: patience) }
        defer { if patience != nil { stream.wait(upTo: nil) } }
        do {
            let isWhole = try await upload(request, next)
            return try await response(isWhole: isWhole)
        } catch {
            await stream.close()
            throw error
        }
    }

    /// Sends a request and collects the whole answer.
    /// - Parameter patience: how long the server may answer nothing, where that is longer than the limits say.
    /// - Throws: `Problem` when the answer is a problem document or an error without one;
    ///   `HTTPFault.bodyTooLarge` when the body exceeds `bytesMax`.
    package nonisolated(nonsending) func exchange(
        _ request: HTTPRequest, body: ByteBuffer? = nil, upTo bytesMax: Int = 1 << 20,
        patience: TimeAmount? = nil
    ) async throws -> (head: HTTPResponse, body: [UInt8]) {
        try await send(request, body: body, patience: patience).collected(upTo: bytesMax)
    }

    /// Closes the connection and waits for that.
    package func close() async { await stream.close() }

    // MARK: Steps

    /// - Returns: whether the request was sent to its end.
    private nonisolated(nonsending) func upload(
        _ request: HTTPRequest, _ next: nonisolated(nonsending) () async throws -> ByteBuffer?
    ) async throws -> Bool {
        guard try await stream.write([.head(request)]) else { return false }
        while let piece = try await next() {
            guard try await stream.write([.body(piece)]) else { return false }
        }
        _ = try await stream.write([.end(nil)])
        return true
    }

    private func begin() throws(HTTPFault) {
        // A connection that has ended meanwhile says why when the request is written.
        let wasBusy = isBusy.withLock { busy in
            defer { busy = true }
            return busy
        }
        if wasBusy { throw .responseUnread }
    }

    private nonisolated(nonsending) func response(isWhole: Bool) async throws -> ClientResponse {
        guard case .head(let head) = try await stream.next() else { throw HTTPFault.closed }
        guard head.status != .switchingProtocols else {
            throw HTTPFault.malformedMessage("an answer in a protocol that nobody asked for")
        }
        let closes = head.headerFields[.connection]?.lowercased() == "close"
        return ClientResponse(
            head: head,
            body: ClientResponseBody(client: self, keepsConnection: isWhole && !closes))
    }

    fileprivate func nextPiece(keepsConnection: Bool) async throws -> ByteBuffer? {
        do {
            if stream.isInMessage {
                switch try await stream.next() {
                case .body(let buffer): return buffer
                case .end: break
                case .head, nil: throw HTTPFault.truncated
                }
            }
            if !keepsConnection { await stream.close() }
            isBusy.withLock { $0 = false }
            return nil
        } catch {
            await stream.close()
            throw error
        }
    }

    private struct Connected {
        let stream: ClientStream
        let peer: EventLoopFuture<ConnectionPeer>
    }

    private static func setUp(
        _ channel: any Channel, limits: HTTPLimits, security: ConnectionSecurity?
    ) throws -> Connected {
        let peer = try security?(channel) ?? channel.eventLoop.makeSucceededFuture(.anyone)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHTTPClientHandlers(
            decoderLimitConfiguration: limits.decoder, withClientUpgrade: nil)
        try pipeline.addHandler(HTTP1ToHTTPClientCodec())
        let stream = try ClientStream(on: channel, limits: limits, writerYieldsToInbound: true)
        return Connected(stream: stream, peer: peer)
    }
}

/// The channels of a connection that is being made: a name may lead to several at once, of which one is taken.
private final class Dialled<Connected: Sendable>: Sendable {
    private struct State {
        var channels: [any Channel] = []
        var waiting: CheckedContinuation<Connected, any Error>?
        var isCancelled = false
    }

    private let state = Mutex(State())

    /// What `connect` gives, or at once a `CancellationError` where nobody waits for it any more: looking a name up
    /// ends when it ends.
    func first(_ connect: @escaping @Sendable () async throws -> Connected) async throws
        -> Connected
    {
        try await withCheckedThrowingContinuation { continuation in
            let isCancelled = state.withLock { state in
                if !state.isCancelled { state.waiting = continuation }
                return state.isCancelled
            }
            if isCancelled { return continuation.resume(throwing: CancellationError()) }
            Task {
                do {
                    let connected = try await connect()
                    self.takeWaiting()?.resume(returning: connected)
                } catch {
                    self.takeWaiting()?.resume(throwing: error)
                }
            }
        }
    }

    /// - Throws: `CancellationError` where nobody waits for it any more.
    func begin(_ channel: any Channel) throws {
        let isCancelled = state.withLock { state in
            state.channels.append(channel)
            return state.isCancelled
        }
        if isCancelled { throw CancellationError() }
    }

    /// Closes what was begun, also where it is being used already.
    func cancel() {
        let (channels, waiting) = state.withLock { state in
            state.isCancelled = true
            defer { state.waiting = nil }
            return (state.channels, state.waiting)
        }
        // Before anything closes: whoever waits would hear of the closed channel instead.
        waiting?.resume(throwing: CancellationError())
        for channel in channels { channel.close(promise: nil) }
    }

    private func takeWaiting() -> CheckedContinuation<Connected, any Error>? {
        state.withLock { state in
            defer { state.waiting = nil }
            return state.waiting
        }
    }
}

/// An answer: its head, and its body still on the way.
package struct ClientResponse: Sendable {
    package let head: HTTPResponse
    package let body: ClientResponseBody

    /// The head and the whole body.
    /// - Throws: `Problem` for every status from 400 on; `HTTPFault.bodyTooLarge`.
    package func collected(upTo bytesMax: Int) async throws -> (head: HTTPResponse, body: [UInt8]) {
        guard head.status.code >= 400 else {
            return (head, try await body.collected(upTo: bytesMax))
        }
        let document = try await body.collected(upTo: Problem.bytesMax)
        let isProblem = head.headerFields[.contentType] == Problem.mediaType
        var problem =
            (isProblem ? try? Problem(parsing: document, status: head.status.code) : nil)
            ?? Problem(status: head.status)
        if let text = head.headerFields[.retryAfter], let seconds = Int64(text), seconds >= 0 {
            problem.retryAfterSeconds = seconds
        }
        throw problem
    }
}

/// The body of an answer, to be read once and to its end.
package struct ClientResponseBody: AsyncSequence, Sendable {
    fileprivate let client: HTTPClient
    fileprivate let keepsConnection: Bool

    package func makeAsyncIterator() -> Iterator { Iterator(body: self) }

    /// The whole body.
    /// - Throws: `HTTPFault.bodyTooLarge`, which closes the connection.
    package func collected(upTo bytesMax: Int) async throws -> [UInt8] {
        var collected: [UInt8] = []
        for try await piece in self {
            guard piece.readableBytes <= bytesMax - collected.count else {
                await client.close()
                throw HTTPFault.bodyTooLarge(bytesMax: bytesMax)
            }
            collected += piece.readableBytesView
        }
        return collected
    }

    package struct Iterator: AsyncIteratorProtocol {
        fileprivate let body: ClientResponseBody
        private var isDone = false

        fileprivate init(body: ClientResponseBody) { self.body = body }

        package mutating func next() async throws -> ByteBuffer? {
            guard !isDone else { return nil }
            let piece = try await body.client.nextPiece(keepsConnection: body.keepsConnection)
            isDone = piece == nil
            return piece
        }
    }
}

extension NIOConnectionError {
    /// The last of the addresses' failures, in words.
    fileprivate var reason: String {
        switch connectionErrors.last?.error {
        case let error as IOError: String(cString: strerror(error.errnoCode)).lowercased()
        case ChannelError.connectTimeout?: "no answer"
        case let error?: "\(error)"
        case nil: "the name `\(host)` does not resolve"
        }
    }
}
