import Hummingbird
import SelatCore
import SelatHTTP

extension ControlRoutes {
    static func addApprovals(
        to group: RouterGroup<HTTPContext>, _ service: some ControlService
    ) {
        group.get { request, _ in
            let limit = try number(request, "limit", default: 100, 1...10_000)
            return Response.json(try await service.approvals(limit: limit))
        }
    }

    /// What an officer asks and says about one transfer.
    static func addTransfers(
        awaitedIn group: RouterGroup<HTTPContext>, _ service: some ControlService
    ) {
        group.get(":id/approval") { _, context in
            Response.json(try await service.approvalRequest(try id(context)))
        }
        group.post(":id/review") { _, context in
            let (id, caller) = (try id(context), try caller(context))
            return stream(try await service.review(id, by: caller))
        }
        group.post(":id/approvals") { request, context in
            let (id, caller) = (try id(context), try caller(context))
            let message = try await statement(request)
            return Response.json(
                try await service.take(approval: message, of: id, by: caller), status: .created)
        }
        group.post(":id/report") { request, context in
            let (id, caller) = (try id(context), try caller(context))
            let bytes = try await request.bytes(upTo: Limits.controlBodyBytesMax)
            let digest = try asked {
                var reader = try ObjectReader(try JSON(parsing: bytes), "request")
                let digest = try reader.digest("report")
                try reader.end()
                return digest
            }
            return Response.json(
                try await service.enterReport(digest, on: id, by: caller), status: .created)
        }
    }
}
