import Hummingbird
import SelatCore
import SelatHTTP

extension ControlRoutes {
    static func addKeys(to group: RouterGroup<HTTPContext>, _ service: some ControlService) {
        group.get { _, _ in Response.json(try await service.keys()) }
        group.post(":purpose/rotation") { _, context in
            let purpose = try context.parameters.require("purpose")
            return Response.json(try await service.rotate(purpose, by: try caller(context)))
        }
    }
}
