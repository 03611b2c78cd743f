package import Hummingbird
package import SelatCore
package import SelatHTTP

extension ControlRoutes {
    /// What a node answers while no record lists it: how it stands, and nothing else.
    package static func joining(
        roles register: RoleRegister, status: @escaping @Sendable () async throws -> JSON,
        refused: @escaping @Sendable (RefusedCall) -> Void = { _ in }
    ) -> Router<HTTPContext> {
        let router = Router(context: HTTPContext.self)
        router.add(middleware: RefusedCalls(register: register, refused: refused))
        router.add(middleware: OnlyStatus())
        router.add(middleware: RoleCheck(register: register))
        router.group("v1").get("status") { _, _ in Response.json(try await status()) }
        return router
    }
}

/// Says of every other route why it is not answered yet.
private struct OnlyStatus: RouterMiddleware {
    func handle(
        _ request: Request, context: HTTPContext,
        next: (Request, HTTPContext) async throws -> Response
    ) async throws -> Response {
        guard request.uri.path == "/v1/status" else {
            throw Problem(
                type: "urn:selat:problem:joining", title: "the node is not listed yet", status: 503,
                detail: "no member record in force lists this node, so it has no peers",
                remedy: "`selat status` says what it waits for; it serves by itself once listed")
        }
        return try await next(request, context)
    }
}
