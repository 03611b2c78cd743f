import Hummingbird
import SelatCore
import SelatHTTP

extension ControlRoutes {
    static func addAudit(
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
        group.post("epoch") { request, context in
            let caller = try caller(context)
            let bytes = try await request.bytes(upTo: Limits.controlBodyBytesMax)
            let reason = try asked { () throws(CoreError) in
                var reader = try ObjectReader(try JSON(parsing: bytes), "request")
                let reason = try reader.string("reason")
                try reader.end()
                guard (1...1_000).contains(reason.utf8.count) else {
                    throw .malformed("reason", "", expected: "1 to 1000 bytes")
                }
                return reason
            }
            return Response.json(try await service.beginEpoch(reason: reason, by: caller))
        }
        group.post("verification") { _, _ in Response.json(try await service.verifyLog()) }
    }
}
