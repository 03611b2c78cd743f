package import HTTPTypes
package import Hummingbird
package import Logging
import NIOCore
package import SelatCore

extension Problem {
    /// The answer that carries this problem.
    package var response: Response {
        var response = Response.json(
            json, status: HTTPResponse.Status(code: status), mediaType: Self.mediaType)
        response.headers[.retryAfter] = retryAfterSeconds.map { String($0) }
        return response
    }

    /// The problem that an error becomes at the border: a `Problem` as it is, what the router says
    /// about routes and methods, what a peer did to its own connection, and for everything else a
    /// bare 500, because an internal error's words are not for strangers.
    package init(from error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let error as HTTPError: self.init(status: error.status, detail: error.body)
        case HTTPFault.bodyTooLarge(let bytesMax):
            self.init(status: .contentTooLarge, detail: "the body exceeds \(bytesMax) bytes")
        case HTTPFault.headerTooLarge: self.init(status: .requestHeaderFieldsTooLarge)
        case HTTPFault.malformedMessage(let reason): self.init(status: .badRequest, detail: reason)
        case HTTPFault.truncated:
            self.init(status: .badRequest, detail: HTTPFault.truncated.description)
        case HTTPFault.stalled: self.init(status: .requestTimeout)
        default: self.init(status: .internalServerError)
        }
    }

    /// The answer to a request that failed with `error`; what is nobody else's business is logged.
    package static func answer(
        _ error: any Error, to request: Request, logger: Logger
    ) -> Response {
        let problem = Problem(from: error)
        if problem.status >= 500, !(error is Problem) {
            logger.error(
                "request failed",
                metadata: [
                    "method": "\(request.method)", "path": "\(request.uri.path)",
                    "error": "\(error)",
                ])
        }
        return problem.response
    }

    /// A problem that says no more than its status does.
    package init(status: HTTPResponse.Status, detail: String? = nil) {
        self.init(
            type: "about:blank", title: status.reasonPhrase.lowercased(), status: status.code,
            detail: detail)
    }
}

extension Response {
    /// An answer that is one JSON document, in canonical form.
    package static func json(
        _ json: JSON, status: HTTPResponse.Status = .ok, mediaType: String = "application/json"
    ) -> Response {
        .bytes(json.canonical, status: status, mediaType: mediaType)
    }

    /// An answer that is a few bytes.
    package static func bytes(
        _ bytes: [UInt8], status: HTTPResponse.Status = .ok, mediaType: String
    ) -> Response {
        Response(
            status: status,
            headers: [.contentType: mediaType, .contentLength: String(bytes.count)],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}

extension Request {
    /// The whole body, for requests that are one document.
    /// - Throws: `Problem` 413 when it exceeds `bytesMax`.
    package func bytes(upTo bytesMax: Int) async throws -> [UInt8] {
        var collected: [UInt8] = []
        for try await buffer in body {
            guard buffer.readableBytes <= bytesMax - collected.count else {
                throw Problem(
                    status: .contentTooLarge, detail: "the body exceeds \(bytesMax) bytes")
            }
            collected += buffer.readableBytesView
        }
        return collected
    }
}
