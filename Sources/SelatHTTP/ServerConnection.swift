import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTPTypes

/// One accepted connection: request after request until either side has had enough.
struct ServerConnection: Sendable {
    let stream: ServerStream
    /// Fails when the peer could not be established, such as a refused certificate.
    let peer: EventLoopFuture<ConnectionPeer>
    let limits: HTTPLimits
    let logger: Logger

    /// Serves until the connection is closed. Never throws: what a peer does to its own connection
    /// is that peer's affair.
    func serve(_ responder: some HTTPResponder<HTTPContext>, in open: OpenConnections) async {
        do {
            // Awaited here and not while the channel is set up, where one silent peer would keep
            // every later one waiting.
            let peer = try await peer.get()
            if open.enter(peer, on: stream) {
                defer { open.leave(stream) }
                let running = RunningRequest(on: stream.channel)
                while try await serveRequest(from: peer, running, responder) {}
            }
        } catch {
            logger.debug("connection ended", metadata: ["error": "\(error)"])
        }
        await stream.close()
    }

    /// - Returns: whether another request may follow.
    private func serveRequest(
        from peer: ConnectionPeer, _ running: RunningRequest,
        _ responder: some HTTPResponder<HTTPContext>
    ) async throws -> Bool {
        let part: HTTPRequestPart?
        do {
            part = try await stream.next()
        } catch let fault as HTTPFault {
            // The decoder gave up; the peer is told why, then the connection ends.
            try await send(Problem(from: fault).response, to: nil, closing: true)
            return false
        }
        guard case .head(let head) = part else { return false }
        let request = Request(
            head: head, body: RequestBody(asyncSequence: InboundBody(stream: stream)))
        defer { running.end() }
        let response = await answer(request, from: peer, running, responder)
        let closing = closes(after: head)
        try await send(response, to: head, closing: closing)
        try await readAway()
        return !closing
    }

    private func answer(
        _ request: Request, from peer: ConnectionPeer, _ running: RunningRequest,
        _ responder: some HTTPResponder<HTTPContext>
    ) async -> Response {
        let context = HTTPContext(
            source: HTTPContextSource(
                peer: peer, running: running, logger: logger))
        do {
            let response = try await responder.respond(to: request, context: context)
            // The router answers an unknown route or method itself, with a bare status.
            let isBare = response.headers[.contentType] == nil
            guard response.status.code >= 400, isBare else { return response }
            return Problem(status: response.status).response
        } catch {
            return Problem.answer(error, to: request, logger: logger)
        }
    }

    private func closes(after head: HTTPRequest) -> Bool {
        head.headerFields[.connection]?.lowercased() == "close" || head.asksForAnotherProtocol
            || stream.isClosing
    }

    private func send(_ response: Response, to head: HTTPRequest?, closing: Bool) async throws {
        var answer = response.head
        if closing { answer.headerFields[.connection] = "close" }
        let length = response.body.contentLength
        if let length, answer.headerFields[.contentLength] == nil, answer.status != .noContent {
            answer.headerFields[.contentLength] = String(length)
        }
        let writer = AnswerWriter(stream: stream, head: answer, contentLength: length)
        if head?.method == .head {
            try await writer.finish(nil)
        } else {
            try await response.body.write(writer)
        }
    }

    /// Reads away what the answer left unread of the request, for some time in which the peer, who may still
    /// be sending, can read the answer: closing with bytes unread resets the connection, and the answer is lost
    /// with it (RFC 9112, 9.6).
    /// - Throws: where the request does not end in that time.
    private func readAway() async throws {
        guard stream.isInMessage else { return }
        let timer = stream.channel.eventLoop.scheduleTask(in: limits.lingering) {
            stream.channel.close(promise: nil)
        }
        defer { timer.cancel() }
        while try await stream.nextInMessage() != nil {}
    }
}
