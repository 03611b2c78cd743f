import Hummingbird
import SelatCore
import SelatHTTP

extension ControlRoutes {
    static func addPolicies(
        to group: RouterGroup<HTTPContext>, _ service: some ControlService
    ) {
        group.get { _, _ in Response.json(try await service.policies()) }
        group.post { request, context in
            let bytes = try await request.bytes(upTo: Limits.controlBodyBytesMax)
            let asked = try asked { try ActivationRequest(json: try JSON(parsing: bytes)) }
            return Response.json(try await service.activate(asked, by: try caller(context)))
        }
    }
}
