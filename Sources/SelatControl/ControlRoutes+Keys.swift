import Hummingbird
import SelatCore
import SelatHTTP

extension ControlRoutes {
    static func addKeys(to group: RouterGroup<HTTPContext>, _ service: some ControlService) {
        group.get { _, _ in Response.json(try await service.keys()) }
        group.post(":purpose/rotation") { request, context in
            let purpose = try context.parameters.require("purpose")
            let kind = request.uri.queryParameters["kind"].map(String.init)
            return Response.json(
                try await service.rotate(purpose, kind: kind, by: try caller(context)))
        }
    }
}
