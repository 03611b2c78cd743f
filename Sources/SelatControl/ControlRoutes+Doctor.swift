import Hummingbird
import SelatCore
import SelatHTTP

extension ControlRoutes {
    static func addPings(to group: RouterGroup<HTTPContext>, _ service: some ControlService) {
        group.post { request, _ in
            let bytes = try await request.bytes(upTo: Limits.controlBodyBytesMax)
            let node = try asked {
                var reader = try ObjectReader(try JSON(parsing: bytes), "request")
                let node = try NodeID(try reader.string("node"))
                try reader.end()
                return node
            }
            return Response.json(try await service.ping(node))
        }
    }
}
