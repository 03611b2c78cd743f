import Hummingbird
import SelatCore
import SelatHTTP

extension ControlRoutes {
    static func addTransfers(
        to group: RouterGroup<HTTPContext>, _ service: some ControlService, _ files: FileSocket?
    ) {
        group.get { request, _ in
            let direction: Direction? = try word(request, "direction")
            let limit = try number(request, "limit", default: 100, 1...10_000)
            let selection: TransferSelection? = try word(request, "selection")
            guard selection == .dead else {
                return Response.json(try await service.transfers(direction, limit: limit))
            }
            guard [nil, .outbound].contains(direction) else {
                throw Problem.badRequest("only outbound transfers are `dead`")
            }
            return Response.json(try await service.deadTransfers(limit: limit))
        }
        group.post { request, context in
            let caller = try caller(context)
            let wait = try number(request, "wait_seconds", default: 0, 0...300)
            let asked = try await sendRequest(request)
            return Response.json(
                try await service.begin(
                    asked, waitSeconds: wait, by: caller, unless: context.gone),
                status: .created)
        }
        group.put(":id/payload") { request, context in
            let (id, caller) = (try id(context), try caller(context))
            guard let handed = try handed(request, files, to: caller) else {
                return Response.json(
                    try await service.seal(id, request.body, by: caller, unless: context.gone))
            }
            return Response.json(
                try await service.seal(id, handed, by: caller, unless: context.gone))
        }
        group.get(":id") { request, context in
            let wait = try number(request, "wait_seconds", default: 0, 0...300)
            return Response.json(
                try await service.transfer(
                    try id(context), from: try sender(request), waitSeconds: wait,
                    unless: context.gone))
        }
        group.get(":id/state") { request, context in
            let wait = try number(request, "wait_seconds", default: 0, 0...300)
            return Response.json(
                try await service.state(
                    of: try id(context), waitSeconds: wait, unless: context.gone))
        }
        group.post(":id/cancellation") { request, context in
            let (id, caller) = (try id(context), try caller(context))
            let bytes = try await request.bytes(upTo: Limits.controlBodyBytesMax)
            let asked = try asked { try CancelRequest(json: try JSON(parsing: bytes)) }
            return Response.json(try await service.cancel(id, asked, by: caller))
        }
        group.post(":id/retry") { _, context in
            Response.json(try await service.retry(try id(context)))
        }
        group.get(":id/manifest") { request, context in
            Response.json(
                try await service.manifest(try id(context), from: try sender(request)))
        }
        group.post(":id/opening") { request, context in
            let (id, caller) = (try id(context), try caller(context))
            let from = try sender(request)
            guard let handed = try handed(request, files, to: caller) else {
                return stream(try await service.open(id, from: from, by: caller))
            }
            try await service.open(
                id, from: from, into: handed, by: caller, unless: context.gone)
            return stream(ByteStream(size: 0) { nil })
        }
        group.post(":id/destruction") { request, context in
            let (id, caller) = (try id(context), try caller(context))
            let bytes = try await request.bytes(upTo: Limits.controlBodyBytesMax)
            let asked = try asked { try DestroyRequest(json: try JSON(parsing: bytes)) }
            return Response.json(
                try await service.destroy(id, from: try sender(request), asked, by: caller))
        }
        group.get(":id/evidence") { request, context in
            Response.json(
                try await service.evidence(try id(context), from: try sender(request)))
        }
        group.get(":id/package") { request, context in
            let (id, caller) = (try id(context), try caller(context))
            return stream(
                try await service.package(id, from: try sender(request), by: caller))
        }
    }
}
