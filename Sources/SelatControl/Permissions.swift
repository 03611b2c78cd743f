import HTTPTypes
import Hummingbird
import SelatHTTP

/// Which roles may call which route: the one place that says so (API.md, *Roles*). A route that does
/// not stand here is nobody's.
enum Permissions {
    static let roles: [String: Set<Role>] = [
        "GET /v1/openapi.json": everyone,
        "GET /v1/status": everyone,
        "GET /v1/doctor": [.operator, .administrator],
        "POST /v1/pings": [.operator, .administrator],
        "POST /v1/verdicts": [.operator],
        "POST /v1/routes": [.operator, .officer],
        "POST /v1/transfers": [.operator],
        "PUT /v1/transfers/:id/payload": [.operator],
        "GET /v1/transfers": everyone,
        "GET /v1/transfers/:id": [.operator, .officer, .auditor],
        "GET /v1/transfers/:id/state": everyone,
        "POST /v1/transfers/:id/cancellation": [.operator],
        "POST /v1/transfers/:id/retry": [.operator],
        "GET /v1/transfers/:id/manifest": [.operator, .officer, .auditor],
        "POST /v1/transfers/:id/opening": [.operator],
        "POST /v1/transfers/:id/destruction": [.operator],
        "GET /v1/transfers/:id/evidence": [.operator, .auditor],
        "GET /v1/transfers/:id/package": [.operator],
        "GET /v1/holdings": everyone,
        "POST /v1/packages": [.operator],
        "POST /v1/receipts": [.operator],
        "GET /v1/recalls": everyone,
        "POST /v1/recalls": [.officer],
        "GET /v1/approvals": everyone,
        "GET /v1/transfers/:id/approval": [.operator, .officer],
        "POST /v1/transfers/:id/review": [.officer],
        "POST /v1/transfers/:id/approvals": [.officer],
        "POST /v1/transfers/:id/report": [.officer],
        "GET /v1/policies": everyone,
        "POST /v1/policies": [.administrator],
        "GET /v1/statements": everyone,
        "POST /v1/statements": [.officer],
        "GET /v1/keys": everyone,
        "POST /v1/keys/:purpose/rotation": [.administrator],
        "POST /v1/backups": [.administrator],
        "POST /v1/backups/confirmation": [.administrator],
        "GET /v1/membership": everyone,
        "POST /v1/membership": [.administrator],
        "GET /v1/audit/entries": [.operator, .auditor],
        "GET /v1/audit/entries/:sequence": [.operator, .auditor],
        "GET /v1/audit/statistics": [.operator, .auditor, .administrator],
        "GET /v1/audit/checkpoint": everyone,
        "POST /v1/audit/epoch": [.administrator],
        "POST /v1/audit/verification": [.operator, .auditor, .administrator],
        "POST /v1/audit/exports": [.auditor],
        "POST /v1/audit/erasures": [.administrator],
    ]

    private static let everyone = Set(Role.allCases)

    /// The route as the table writes it: the router's own words have `{id}` for `:id`.
    static func route(_ request: Request, _ context: HTTPContext) -> String {
        let path = (context.endpointPath ?? "").split(separator: "/").map { part in
            part.hasPrefix("{") ? ":\(part.dropFirst().dropLast())" : String(part)
        }
        return "\(request.method) /\(path.joined(separator: "/"))"
    }

    /// The methods of the routes that a path fits; empty for a path of no route.
    static func methods(at path: String) -> [String] {
        let parts = path.split(separator: "/")
        return roles.keys.map { $0.split(separator: " ") }.filter { route in
            let names = route[1].split(separator: "/")
            return names.count == parts.count
                && zip(names, parts).allSatisfy { $0.hasPrefix(":") || $0 == $1 }
        }.map { String($0[0]) }.sorted()
    }
}

/// Lets a call through where one of its caller's roles may make it.
struct RoleCheck: RouterMiddleware {
    let register: RoleRegister

    func handle(
        _ request: Request, context: HTTPContext,
        next: (Request, HTTPContext) async throws -> Response
    ) async throws -> Response {
        // What the router does not know is answered as such, to whomever.
        guard context.endpointPath != nil else {
            let methods = Permissions.methods(at: request.uri.path)
            guard !methods.isEmpty else { return try await next(request, context) }
            return Self.methodNotAllowed(methods)
        }
        let process = try ControlRoutes.process(context)
        let route = Permissions.route(request, context)
        let allowed = Permissions.roles[route] ?? []
        let book = register.book
        let held = book.roles(of: process)
        guard !held.isDisjoint(with: allowed) else {
            throw Problem.roleMissing(route, allowed, held, user: process.user, book)
        }
        return try await next(request, context)
    }

    /// RFC 9110, 15.5.6: which methods the path has.
    private static func methodNotAllowed(_ methods: [String]) -> Response {
        let list = methods.joined(separator: ", ")
        let problem = Problem(status: .methodNotAllowed, detail: "this path has \(list)")
        var response = problem.response
        response.headers[.allow] = list
        return response
    }
}

extension Problem {
    static func roleMissing(
        _ route: String, _ allowed: Set<Role>, _ held: Set<Role>, user: UInt32, _ book: RoleBook
    ) -> Problem {
        func list(_ roles: Set<Role>, none: String) -> String {
            roles.isEmpty ? none : roles.sorted().map(\.rawValue).joined(separator: ", ")
        }
        let groups = allowed.sorted().flatMap(book.names(of:)).map { "`\($0)`" }
        return Problem(
            type: "urn:selat:problem:role-missing",
            title: "the caller's role does not allow this", status: 403,
            detail: "`\(route)` is for \(list(allowed, none: "nobody")); uid \(user) is "
                + list(held, none: "in no group of a role"),
            remedy: groups.isEmpty
                ? "see `roles` in the configuration"
                : "ask the node's administrator for the group \(groups.joined(separator: " or "))"
                    + ", then log in again")
    }
}
