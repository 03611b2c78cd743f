import HTTPTypes
import Hummingbird
import SelatCore
package import SelatHTTP

// What callers send is parsed here, and nowhere behind it.

extension ControlRoutes {
    static func asked<Value>(_ parse: () throws -> Value) throws -> Value {
        do {
            return try parse()
        } catch let error as CoreError {
            throw Problem.badRequest(error.description)
        }
    }

    static func sendRequest(_ request: Request) async throws -> SendRequest {
        let bytes = try await request.bytes(upTo: Limits.controlBodyBytesMax)
        return try asked { try SendRequest(json: try JSON(parsing: bytes)) }
    }

    static func routeRequest(_ request: Request) async throws -> RouteRequest {
        let bytes = try await request.bytes(upTo: Limits.controlBodyBytesMax)
        return try asked { try RouteRequest(json: try JSON(parsing: bytes)) }
    }

    /// What a person has signed, in `{"statement": base64}`.
    static func statement(_ request: Request) async throws -> [UInt8] {
        let bytes = try await request.bytes(upTo: Limits.controlBodyBytesMax)
        return try asked {
            var reader = try ObjectReader(try JSON(parsing: bytes), "request")
            let message = try reader.base64("statement")
            try reader.end()
            return message
        }
    }

    static func id(_ context: HTTPContext) throws -> TransferID {
        let text = try context.parameters.require("id")
        return try asked { try TransferID(text) }
    }

    /// The sender whose transfer is meant, where several have used the id.
    static func sender(_ request: Request) throws -> NodeID? {
        guard let text = request.uri.queryParameters["from"] else { return nil }
        return try asked { try NodeID(String(text)) }
    }

    static func caller(_ context: HTTPContext) throws -> Caller {
        Caller(user: try process(context).user)
    }

    /// The process that calls, as the kernel vouches.
    static func process(_ context: HTTPContext) throws -> ProcessCredentials {
        guard let process = context.peer.process else {
            throw Problem(
                type: "urn:selat:problem:unknown-caller", title: "the caller is not known",
                status: 403, remedy: "use the control socket on the node itself")
        }
        return process
    }

    /// The files that a call names by their ticket; nil where it names none.
    static func handed(
        _ request: Request, _ files: FileSocket?, to caller: Caller
    ) throws -> HandedFiles? {
        guard let ticket = request.uri.queryParameters["files"] else { return nil }
        guard let handed = files?.take(String(ticket), of: caller.user) else {
            throw Problem.badFiles(
                "none were handed over under this ticket, or they were used",
                remedy: "hand them over anew (Files.md)")
        }
        return handed
    }

    static func number(
        _ request: Request, _ key: String, default value: Int, _ range: ClosedRange<Int>
    ) throws -> Int {
        guard let text = request.uri.queryParameters[key[...]] else { return value }
        guard let number = Int(text), range.contains(number) else {
            throw Problem.badRequest(
                "`\(key)` is `\(text.prefix(40))`, must be a number from \(range.lowerBound)"
                    + (range.upperBound == .max ? "" : " to \(range.upperBound)"))
        }
        return number
    }

    static func word<Value: RawRepresentable & CaseIterable>(
        _ request: Request, _ key: String
    ) throws -> Value? where Value.RawValue == String {
        guard let text = request.uri.queryParameters[key[...]] else { return nil }
        guard let value = Value(rawValue: String(text)) else {
            let words = Value.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
            throw Problem.badRequest("`\(key)` is `\(text.prefix(40))`, must be one of \(words)")
        }
        return value
    }

    static func stream(_ bytes: ByteStream) -> Response {
        let body = ResponseBody(contentLength: Int(clamping: bytes.size)) { writer in
            do {
                while let piece = try await bytes.next() { try await writer.write(piece) }
                await bytes.close()
            } catch {
                await bytes.close()
                throw error
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok, headers: [.contentType: "application/octet-stream"], body: body)
    }
}

extension Problem {
    /// Files that were handed over cannot be used.
    package static func badFiles(_ detail: String, remedy: String) -> Problem {
        Problem(
            type: "urn:selat:problem:bad-files",
            title: "the files that were handed over are no use", status: 422, detail: detail,
            remedy: remedy)
    }

    static func badRequest(_ detail: String) -> Problem {
        Problem(
            type: "urn:selat:problem:bad-request", title: "the request is not well-formed",
            status: 400, detail: detail)
    }
}
