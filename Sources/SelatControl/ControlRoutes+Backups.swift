import Hummingbird
import SelatCore
import SelatHTTP

extension ControlRoutes {
    static func addBackups(
        to group: RouterGroup<HTTPContext>, _ service: some ControlService
    ) {
        group.post { request, context in
            let caller = try caller(context)
            let bytes = try await request.bytes(upTo: Limits.controlBodyBytesMax)
            let recipient = try asked { () throws(CoreError) in
                var reader = try ObjectReader(try JSON(parsing: bytes), "request")
                let recipient = try reader.optionalString("recipient")
                try reader.end()
                return recipient
            }
            return stream(try await service.backUp(to: recipient, by: caller))
        }
        group.post("confirmation") { request, context in
            let caller = try caller(context)
            let bytes = try await request.bytes(upTo: Limits.controlBodyBytesMax)
            let digest = try asked { () throws(CoreError) in
                var reader = try ObjectReader(try JSON(parsing: bytes), "request")
                let digest = try reader.digest("digest")
                try reader.end()
                return digest
            }
            return Response.json(try await service.confirmBackup(digest, by: caller))
        }
    }
}
