import HTTPTypes
import Hummingbird
import SelatCore
import SelatHTTP

/// The routes for witnesses and monitors: those of C2SP `tlog-witness` under `/v1/witness`, of
/// `tlog-tiles` under `/v1/log`, and two of our own. Any node of the federation may ask.
struct LogRoutes: Sendable {
    let service: any LogService

    /// Programs of others ask these too, and know no membership edition.
    static func isOpenToOthers(_ path: String) -> Bool {
        path.hasPrefix("/v1/witness/") || path.hasPrefix("/v1/log/")
    }

    func add(to router: Router<HTTPContext>) {
        router.post("/v1/witness/add-checkpoint") { request, context in
            let body = try await request.bytes(upTo: Limits.witnessRequestBytesMax)
            return answer(try await service.addCheckpoint(body, from: try node(context)))
        }
        router.get("/v1/witness/{origin}/checkpoint") { _, context in
            let origin = context.parameters.get("origin") ?? ""
            return try text(try await service.cosignedCheckpoint(origin: origin))
        }
        router.get("/v1/log/checkpoint") { _, _ in try text(try await service.checkpoint()) }
        router.get("/v1/log/consistency/{old}/{size}") { _, context in
            guard let old = UInt64(context.parameters.get("old") ?? ""),
                let size = UInt64(context.parameters.get("size") ?? "")
            else { throw Problem.malformed("a size is no number") }
            return try text(try await service.consistency(from: old, to: size))
        }
        router.get("/v1/log/tile/**") { request, _ in
            let path = Substring(request.uri.path).dropFirst("/v1/log/tile/".utf8.count)
            let elements = path.split(separator: "/", omittingEmptySubsequences: false)
            guard let tile = try await service.tile(elements) else { throw Self.absent }
            var response = Response.bytes(tile, mediaType: "application/octet-stream")
            response.headers[.cacheControl] = "max-age=31536000, immutable"
            return response
        }
        router.post("/v1/log/proofs") { request, _ in
            let body = try await request.bytes(upTo: Limits.proofRequestBytesMax)
            guard let json = try? JSON(parsing: body) else {
                throw Problem.malformed("the body is no JSON")
            }
            return Response.json(try await service.proofs(json))
        }
    }

    private func answer(_ answer: WitnessAnswer) -> Response {
        switch answer {
        case .cosigned(let lines): .bytes(lines, mediaType: "text/plain; charset=utf-8")
        case .conflict(let size):
            .bytes(
                Array("\(size)\n".utf8), status: .conflict, mediaType: MediaType.treeSize)
        }
    }

    /// A checkpoint changes; nobody is to keep it.
    private func text(_ bytes: [UInt8]?) throws -> Response {
        guard let bytes else { throw Self.absent }
        var response = Response.bytes(bytes, mediaType: "text/plain; charset=utf-8")
        response.headers[.cacheControl] = "no-store"
        return response
    }

    private static let absent = Problem(status: .notFound, detail: "there is none")

    private func node(_ context: HTTPContext) throws -> NodeID {
        guard let node = context.peer.node else {
            throw Problem(status: .forbidden, detail: "only nodes may ask this")
        }
        return node
    }
}
