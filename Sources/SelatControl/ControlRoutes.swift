package import Hummingbird
package import SelatHTTP

/// The routes of the control socket; `API.md` describes them.
package enum ControlRoutes {
    /// - Parameters:
    ///   - register: who may be what.
    ///   - files: where callers hand files over; nil where they cannot.
    ///   - refused: hears of each call that was malformed, or that its caller may not make.
    package static func router(
        _ service: some ControlService, roles register: RoleRegister, files: FileSocket? = nil,
        refused: @escaping @Sendable (RefusedCall) -> Void = { _ in }
    ) -> Router<HTTPContext> {
        let router = Router(context: HTTPContext.self)
        router.add(middleware: RefusedCalls(register: register, refused: refused))
        router.add(middleware: RoleCheck(register: register))
        let v1 = router.group("v1")
        v1.get("openapi.json") { _, _ in Response.json(OpenAPI.document) }
        v1.get("status") { _, _ in Response.json(try await service.status()) }
        v1.get("doctor") { _, _ in Response.json(try await service.doctor()) }
        addPings(to: v1.group("pings"), service)
        addTransfers(to: v1.group("transfers"), service, files)
        addTransfers(awaitedIn: v1.group("transfers"), service)
        v1.get("holdings") { request, _ in
            let limit = try number(request, "limit", default: 1_000, 1...10_000)
            return Response.json(try await service.holdings(limit: limit))
        }
        addReceipts(to: v1.group("receipts"), service)
        addPackages(to: v1.group("packages"), service)
        addRecalls(to: v1.group("recalls"), service)
        addApprovals(to: v1.group("approvals"), service)
        v1.post("verdicts") { request, _ in
            let asked = try await sendRequest(request)
            guard asked.payload == nil, asked.id == nil else {
                throw Problem.badRequest("neither `payload` nor `id` is judged: leave them out")
            }
            return Response.json(try await service.check(asked))
        }
        v1.post("routes") { request, _ in
            Response.json(try await service.routes(try await routeRequest(request)))
        }
        addPolicies(to: v1.group("policies"), service)
        addStatements(to: v1.group("statements"), service)
        addMembership(to: v1.group("membership"), service)
        addAudit(to: v1.group("audit"), service)
        addKeys(to: v1.group("keys"), service)
        addBackups(to: v1.group("backups"), service)
        return router
    }
}
