import HTTPTypes
import Hummingbird
import SelatControl
import SelatCore
import SelatHTTP

/// The console's pages by address.
struct ConsoleRoutes: Sendable {
    let source: ConsoleSource
    let entry: ConsoleEntry

    var responder: some HTTPResponder<HTTPContext> {
        let router = Router(context: HTTPContext.self)
        router.add(middleware: ConsoleGuard(entry: entry))
        router.get("enter") { [entry] request, _ in
            entry.enter(request) ?? ConsolePage.refusal(.noPass)
        }
        router.get("style.css") { _, _ in
            Response.bytes(Array(ConsoleStyle.sheet.utf8), mediaType: "text/css; charset=utf-8")
        }
        page(router, "") { try await OverviewPage(source) }
        page(router, "transfers") { try await TransfersPage(source, $0) }
        page(router, "approvals") { try await ApprovalsPage(source) }
        page(router, "holdings") { try await HoldingsPage(source) }
        page(router, "policies") { try await PoliciesPage(source) }
        page(router, "members") { try await MembersPage(source) }
        page(router, "audit") { try await AuditPage(source, $0) }
        router.get("transfers/:id") { [source] _, context in
            await Self.answer("transfers") {
                let id = try TransferID(try context.parameters.require("id"))
                return try await TransferPage(source, id)
            }
        }
        router.get("audit/:sequence") { [source] _, context in
            await Self.answer("audit") {
                let text = try context.parameters.require("sequence")
                guard let sequence = UInt64(text) else {
                    throw Problem(status: .notFound, detail: "`\(text.prefix(40))` is no entry")
                }
                return try await EntryPage(source, sequence)
            }
        }
        return router.buildResponder()
    }

    private func page(
        _ router: Router<HTTPContext>, _ path: String,
        _ make: @escaping @Sendable (Request) async throws -> any ConsolePageContent
    ) {
        router.get(RouterPath(path)) { request, _ in
            await Self.answer(path) { try await make(request) }
        }
    }

    private func page(
        _ router: Router<HTTPContext>, _ path: String,
        _ make: @escaping @Sendable () async throws -> any ConsolePageContent
    ) {
        page(router, path) { _ in try await make() }
    }

    /// A page, or one that says why there is none.
    private static func answer(
        _ place: String, _ make: () async throws -> any ConsolePageContent
    ) async -> Response {
        do {
            let content = try await make()
            return ConsolePage(place: place, title: content.title, body: content.body).response()
        } catch {
            let problem =
                (error as? Problem)
                ?? (error is CoreError
                    ? Problem(status: .notFound, detail: "\(error)")
                    : Problem(status: .badGateway, detail: Ending(explaining: error).message))
            return ConsolePage(
                place: place, title: problem.title,
                body: .element(.h1, [], Html(problem.title))
                    + (problem.detail.map { .paragraph(Html($0)) } ?? .nothing)
                    + (problem.remedy.map { .paragraph(Html($0)) } ?? .nothing)
            ).response(HTTPResponse.Status(code: problem.status))
        }
    }
}

/// Lets requests through that may look, and says to the browser what a page may do: nothing.
private struct ConsoleGuard: RouterMiddleware {
    let entry: ConsoleEntry

    func handle(
        _ request: Request, context: HTTPContext,
        next: (Request, HTTPContext) async throws -> Response
    ) async throws -> Response {
        if let refusal = entry.refusal(of: request, from: context.peer) {
            return Self.guarded(ConsolePage.refusal(refusal))
        }
        do {
            return Self.guarded(try await next(request, context))
        } catch let error as HTTPError {
            return Self.guarded(
                ConsolePage(
                    place: "none", title: "No such page",
                    body: .element(.h1, [], "No such page")
                ).response(error.status))
        }
    }

    private static func guarded(_ response: Response) -> Response {
        var response = response
        for (name, value) in headers { response.headers[name] = value }
        return response
    }

    private static let headers: [(HTTPField.Name, String)] = [
        (
            .contentSecurityPolicy,
            "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
                + "frame-ancestors 'none'"
        ),
        (.xContentTypeOptions, "nosniff"), (.cacheControl, "no-store"),
        (HTTPField.Name("Referrer-Policy")!, "no-referrer"),
        (HTTPField.Name("Cross-Origin-Opener-Policy")!, "same-origin"),
        (HTTPField.Name("Cross-Origin-Resource-Policy")!, "same-origin"),
        (HTTPField.Name("X-Frame-Options")!, "DENY"),
    ]
}
