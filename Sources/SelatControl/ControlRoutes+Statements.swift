import Hummingbird
import SelatCore
import SelatHTTP

extension ControlRoutes {
    static func addStatements(
        to group: RouterGroup<HTTPContext>, _ service: some ControlService
    ) {
        group.get { request, _ in
            let limit = try number(request, "limit", default: 100, 1...4_096)
            return Response.json(try await service.statements(limit: limit))
        }
        group.post { request, context in
            let caller = try caller(context)
            let message = try await statement(request)
            return Response.json(
                try await service.take(statement: message, by: caller), status: .created)
        }
    }
}
