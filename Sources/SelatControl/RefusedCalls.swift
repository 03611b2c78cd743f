import Hummingbird
import SelatHTTP

/// A call that was malformed, or that its caller may not make.
package struct RefusedCall: Hashable, Sendable {
    package let user: UInt32
    /// What the caller may be here.
    package let roles: Set<Role>
    /// Method and path, as `API.md` lists them.
    package let route: String
    /// The problem's type, or its status.
    package let cause: String
}

/// Tells of refused calls. What the node's state alone forbids is an ordinary answer.
struct RefusedCalls: RouterMiddleware {
    let register: RoleRegister
    let refused: @Sendable (RefusedCall) -> Void

    func handle(
        _ request: Request, context: HTTPContext,
        next: (Request, HTTPContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let problem = Problem(from: error)
            if let process = context.peer.process, Self.statuses.contains(problem.status) {
                let isBare = problem.type == "about:blank"
                refused(
                    RefusedCall(
                        user: process.user, roles: register.book.roles(of: process),
                        route: Permissions.route(request, context),
                        cause: isBare ? "status \(problem.status)" : problem.type))
            }
            throw error
        }
    }

    private static let statuses: Set<Int> = [400, 401, 403, 405, 413, 415, 431]
}
