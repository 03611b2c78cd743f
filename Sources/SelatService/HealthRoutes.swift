import HTTPTypes
package import Hummingbird
import NIOCore
package import SelatHTTP

/// What watches the daemon asks (Service.md, *Health* and *Metrics*): whoever reaches the listener.
package enum HealthRoutes {
    package static func router(_ board: HealthBoard) -> Router<HTTPContext> {
        let router = Router(context: HTTPContext.self)
        router.get("healthz") { _, _ in answer(await board.source.stalls()) }
        router.get("readyz") { _, _ in answer(await board.source.hindrances()) }
        router.get("metrics") { _, _ in
            text(Exposition.text(try await board.source.metrics()), .ok, Exposition.mediaType)
        }
        return router
    }

    private static func answer(_ faults: [String]) -> Response {
        faults.isEmpty
            ? text("ok\n", .ok)
            : text(faults.map { "\($0)\n" }.joined(), .serviceUnavailable)
    }

    private static func text(
        _ text: String, _ status: HTTPResponse.Status,
        _ type: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(
            status: status, headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
