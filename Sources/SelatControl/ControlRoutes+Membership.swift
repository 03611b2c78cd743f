import Hummingbird
import SelatCore
import SelatHTTP

extension ControlRoutes {
    static func addMembership(
        to group: RouterGroup<HTTPContext>, _ service: some ControlService
    ) {
        group.get { request, _ in
            let withDocuments = try number(request, "documents", default: 0, 0...1) == 1
            return Response.json(try await service.membership(withDocuments: withDocuments))
        }
        group.post { request, context in
            let bytes = try await request.bytes(upTo: Limits.controlBodyBytesMax)
            let asked = try asked { try MembershipRequest(json: try JSON(parsing: bytes)) }
            return Response.json(try await service.publish(asked, by: try caller(context)))
        }
    }
}
