import Hummingbird
import SelatCore
import SelatHTTP

/// The routes by which nodes obtain each other's policy editions.
struct PolicyRoutes: Sendable {
    let service: any PolicyService

    func add(to router: Router<HTTPContext>) {
        router.get("/v1/policies") { _, _ in
            Response.json(PolicyIndex.json(try await service.offeredEditions()))
        }
        router.get("/v1/policies/{digest}") { _, context in
            let digest: Digest
            do throws(CoreError) {
                digest = try Digest(context.parameters.get("digest") ?? "")
            } catch {
                throw Problem.malformed(error.description)
            }
            guard let file = try await service.signedFile(digest) else {
                throw Problem.unknownEdition(digest)
            }
            return Response.json(file.json)
        }
    }
}

extension Problem {
    /// This node never took such an edition (404).
    static func unknownEdition(_ digest: Digest) -> Problem {
        Problem(
            type: "urn:selat:problem:unknown-edition", title: "unknown edition", status: 404,
            detail: "no policy edition \(digest) is held here",
            remedy: "ask for the index first: GET /v1/policies")
    }
}
