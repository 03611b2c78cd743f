import Hummingbird
import SelatCore
import SelatHTTP

extension ControlRoutes {
    static func addRecalls(
        to group: RouterGroup<HTTPContext>, _ service: some ControlService
    ) {
        group.get { request, _ in
            let limit = try number(request, "limit", default: 100, 1...10_000)
            return Response.json(try await service.recalls(limit: limit))
        }
        group.post { request, context in
            let caller = try caller(context)
            let message = try await statement(request)
            return Response.json(
                try await service.take(recallWord: message, by: caller), status: .created)
        }
    }
}
