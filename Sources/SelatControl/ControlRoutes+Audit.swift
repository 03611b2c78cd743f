import Hummingbird
import SelatCore
import SelatHTTP

extension ControlRoutes {
    static func addAudit(
        to group: RouterGroup<HTTPContext>, _ service: some ControlService
    ) {
        group.get("entries") { request, _ in
            Response.json(try await service.entries(try entryQuery(request)))
        }
        group.get("entries/:sequence") { _, context in
            let text = try context.parameters.require("sequence")
            guard let sequence = UInt64(text), sequence <= UInt64(JSON.integerMax) else {
                throw Problem.badRequest("`\(text.prefix(40))` is no sequence of an entry")
            }
            return Response.json(try await service.entry(sequence))
        }
        group.get("statistics") { request, _ in
            Response.json(try await service.statistics(try entryQuery(request)))
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
        group.post("exports") { request, context in
            let bytes = try await request.bytes(upTo: Limits.controlBodyBytesMax)
            let range = try asked { try EntryRange(json: try JSON(parsing: bytes)) }
            return Response.json(try await service.export(range, by: try caller(context)))
        }
        group.post("erasures") { request, context in
            let bytes = try await request.bytes(upTo: Limits.controlBodyBytesMax)
            let erasure = try asked { try ErasureRequest(json: try JSON(parsing: bytes)) }
            return Response.json(try await service.erase(erasure, by: try caller(context)))
        }
    }

    private static func entryQuery(_ request: Request) throws -> EntryQuery {
        let parameters = request.uri.queryParameters
        var query = EntryQuery(limit: try number(request, "limit", default: 100, 1...10_000))
        query.transfer = try parameters["transfer"].map { text in
            try asked { try TransferID(String(text)) }
        }
        query.kind = parameters["kind"].map { String($0) }
        query.actor = parameters["actor"].map { String($0) }
        query.country = try parameters["country"].map { text in
            try asked { try Country(String(text)) }
        }
        query.since = try parameters["since"].map { text in
            try asked { try Timestamp(String(text)) }
        }
        query.until = try parameters["until"].map { text in
            try asked { try Timestamp(String(text)) }
        }
        if parameters["after"] != nil {
            query.after = UInt64(
                try number(request, "after", default: 0, 0...Int(JSON.integerMax)))
        }
        let order: EntryOrder? = try word(request, "newest")
        query.newest = order == .yes
        return query
    }

    /// Whether the newest entries are taken.
    private enum EntryOrder: String, CaseIterable { case yes, no }
}
