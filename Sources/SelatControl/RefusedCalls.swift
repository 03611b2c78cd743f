import Hummingbird
import SelatHTTP

/// Tells of calls that were malformed, or that the caller may not make. What the node's state alone
/// forbids is an ordinary answer.
struct RefusedCalls: RouterMiddleware {
    let refused: @Sendable (_ user: UInt32, _ cause: String) -> Void

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
                refused(process.user, isBare ? "status \(problem.status)" : problem.type)
            }
            throw error
        }
    }

    private static let statuses: Set<Int> = [400, 401, 403, 405, 413, 415, 431]
}
