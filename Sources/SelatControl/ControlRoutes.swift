import HTTPTypes
package import Hummingbird
import NIOCore
import SelatCore
package import SelatHTTP

/// The routes of the control socket; `API.md` describes them.
package enum ControlRoutes {
    package static func router(_ service: some ControlService) -> Router<HTTPContext> {
        let router = Router(context: HTTPContext.self)
        let v1 = router.group("v1")
        v1.get("status") { _, _ in Response.json(try await service.status()) }
        addTransfers(to: v1.group("transfers"), service)
        v1.post("verdicts") { request, _ in
            Response.json(try await service.check(try await sendRequest(request)))
        }
        addAudit(to: v1.group("audit"), service)
        return router
    }

    private static func addTransfers(
        to group: RouterGroup<HTTPContext>, _ service: some ControlService
    ) {
        group.get { request, _ in
            let direction: Direction? = try word(request, "direction")
            let limit = try number(request, "limit", default: 100, 1...10_000)
            return Response.json(try await service.transfers(direction, limit: limit))
        }
        group.post { request, context in
            let caller = try caller(context)
            let asked = try await sendRequest(request)
            return Response.json(try await service.begin(asked, by: caller), status: .created)
        }
        group.put(":id/payload") { request, context in
            let (id, caller) = (try id(context), try caller(context))
            return Response.json(try await service.seal(id, request.body, by: caller))
        }
        group.get(":id") { request, context in
            let wait = try number(request, "wait_seconds", default: 0, 0...300)
            return Response.json(try await service.transfer(try id(context), waitSeconds: wait))
        }
        group.get(":id/manifest") { _, context in
            Response.json(try await service.manifest(try id(context)))
        }
        group.post(":id/opening") { _, context in
            let (id, caller) = (try id(context), try caller(context))
            return stream(try await service.open(id, by: caller))
        }
        group.get(":id/package") { _, context in
            let (id, caller) = (try id(context), try caller(context))
            return stream(try await service.package(id, by: caller))
        }
    }

    private static func addAudit(
        to group: RouterGroup<HTTPContext>, _ service: some ControlService
    ) {
        group.get("entries") { request, _ in
            let transfer = try request.uri.queryParameters["transfer"].map { text in
                try asked { try TransferID(String(text)) }
            }
            let after =
                try request.uri.queryParameters["after"] == nil
                ? nil : number(request, "after", default: 0, 0...Int.max)
            let query = EntryQuery(
                transfer: transfer, kind: request.uri.queryParameters["kind"].map { String($0) },
                after: after.map { UInt64($0) },
                limit: try number(request, "limit", default: 100, 1...10_000))
            return Response.json(try await service.entries(query))
        }
        group.get("checkpoint") { _, _ in
            Response.bytes(
                try await service.checkpoint(), mediaType: "text/plain; charset=utf-8")
        }
        group.post("verification") { _, _ in Response.json(try await service.verifyLog()) }
    }

    // MARK: Parsing at the edge

    private static func asked<Value>(_ parse: () throws -> Value) throws -> Value {
        do {
            return try parse()
        } catch let error as CoreError {
            throw Problem.badRequest(error.description)
        }
    }

    private static func sendRequest(_ request: Request) async throws -> SendRequest {
        let bytes = try await request.bytes(upTo: Limits.controlBodyBytesMax)
        return try asked { try SendRequest(json: try JSON(parsing: bytes)) }
    }

    private static func id(_ context: HTTPContext) throws -> TransferID {
        let text = try context.parameters.require("id")
        return try asked { try TransferID(text) }
    }

    private static func caller(_ context: HTTPContext) throws -> Caller {
        guard let process = context.peer.process else {
            throw Problem(
                type: "urn:selat:problem:unknown-caller", title: "the caller is not known",
                status: 403, remedy: "use the control socket on the node itself")
        }
        return Caller(user: process.user)
    }

    private static func number(
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

    private static func word<Value: RawRepresentable & CaseIterable>(
        _ request: Request, _ key: String
    ) throws -> Value? where Value.RawValue == String {
        guard let text = request.uri.queryParameters[key[...]] else { return nil }
        guard let value = Value(rawValue: String(text)) else {
            let words = Value.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
            throw Problem.badRequest("`\(key)` is `\(text.prefix(40))`, must be one of \(words)")
        }
        return value
    }

    private static func stream(_ bytes: ByteStream) -> Response {
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
    static func badRequest(_ detail: String) -> Problem {
        Problem(
            type: "urn:selat:problem:bad-request", title: "the request is not well-formed",
            status: 400, detail: detail)
    }
}
