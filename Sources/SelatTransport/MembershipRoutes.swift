import Hummingbird
import SelatCore
import SelatHTTP

/// The routes by which nodes obtain each other's lists, records and revocation lists.
struct MembershipRoutes: Sendable {
    let service: any MembershipService

    /// Whether a path leads to what is public and signed.
    static func isOne(_ path: String) -> Bool {
        path == "/v1/membership" || path.hasPrefix("/v1/membership/") || path.hasPrefix("/v1/crl/")
    }

    func add(to router: Router<HTTPContext>) {
        router.get("/v1/membership") { _, _ in
            Response.json(try await service.membershipIndex().json)
        }
        router.get("/v1/membership/lists/{serial}") { _, context in
            guard let serial = UInt64(context.parameters.get("serial") ?? "") else {
                throw Problem.malformed("a serial is no number")
            }
            return try document(try await service.membershipList(serial), MediaType.cms)
        }
        router.get("/v1/membership/records/{country}") { _, context in
            try document(try await service.memberRecord(try country(context)), MediaType.cms)
        }
        router.get("/v1/crl/{country}") { _, context in
            try document(try await service.revocationLists(try country(context)), MediaType.pem)
        }
    }

    private func country(_ context: HTTPContext) throws -> Country {
        do throws(CoreError) {
            return try Country(context.parameters.get("country") ?? "")
        } catch {
            throw Problem.malformed(error.description)
        }
    }

    private func document(_ bytes: [UInt8]?, _ mediaType: String) throws -> Response {
        guard let bytes else {
            throw Problem(
                type: "urn:selat:problem:unknown-document", title: "unknown document", status: 404,
                detail: "no such membership document is held here",
                remedy: "ask for the index first: GET /v1/membership")
        }
        var response = Response.bytes(bytes, mediaType: mediaType)
        response.headers[.cacheControl] = "no-store"
        return response
    }
}
