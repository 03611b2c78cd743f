import Hummingbird
import SelatCore
import SelatHTTP

extension ControlRoutes {
    static func addPolicies(
        to group: RouterGroup<HTTPContext>, _ service: some ControlService
    ) {
        group.get { request, _ in
            let withDocuments = try number(request, "documents", default: 0, 0...1) == 1
            return Response.json(try await service.policies(withDocuments: withDocuments))
        }
        group.post { request, context in
            let bytes = try await request.bytes(upTo: Limits.controlBodyBytesMax)
            let asked = try asked { try ActivationRequest(json: try JSON(parsing: bytes)) }
            return Response.json(try await service.activate(asked, by: try caller(context)))
        }
    }
}
