import HTTPTypes
import Hummingbird
import Logging
import SelatHTTP
import SelatService
import Testing

/// What watches the daemon, over a real socket.
@Suite struct HealthRouteTests {
    private func answers(
        _ board: HealthBoard, _ path: String
    ) async throws -> (status: Int, type: String?, text: String) {
        let listener = try await HTTPListener.bind(
            .tcp(host: "127.0.0.1", port: 0),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            responder: HealthRoutes.router(board).buildResponder())
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await listener.run() }
            let client = try await HTTPClient.connect(to: listener.address)
            let response = try await client.send(
                HTTPRequest(method: .get, scheme: "http", authority: "selat", path: path))
            let body = try await response.body.collected(upTo: 1 << 16)
            await client.close()
            listener.shutDown()
            try await group.waitForAll()
            return (
                response.head.status.code, response.head.headerFields[.contentType],
                String(decoding: body, as: UTF8.self)
            )
        }
    }

    private func source(
        stalls: [String] = [], hindrances: [String] = [], metrics: [MetricFamily] = []
    ) -> HealthSource {
        HealthSource(stalls: { stalls }, hindrances: { hindrances }, metrics: { metrics })
    }

    @Test func aDaemonThatStartsIsAliveAndNotReady() async throws {
        let board = HealthBoard()
        #expect(try await answers(board, "/healthz").status == 200)
        let ready = try await answers(board, "/readyz")
        #expect(ready.status == 503 && ready.text == "starting\n")
        #expect(try await answers(board, "/metrics").text.isEmpty)
    }

    @Test func theSourceShownLastAnswers() async throws {
        let board = HealthBoard()
        board.show(source())
        for path in ["/healthz", "/readyz"] {
            let answer = try await answers(board, path)
            #expect(answer.status == 200 && answer.text == "ok\n")
        }
        board.show(source(stalls: ["no beat"], hindrances: ["no beat", "the list is over"]))
        let health = try await answers(board, "/healthz")
        #expect(health.status == 503 && health.text == "no beat\n")
        let ready = try await answers(board, "/readyz")
        #expect(ready.status == 503 && ready.text == "no beat\nthe list is over\n")
    }

    @Test func metricsHaveTheirMediaType() async throws {
        let board = HealthBoard(source(metrics: [MetricFamily("selat_up", .gauge, "Up.", 1)]))
        let answer = try await answers(board, "/metrics")
        #expect(answer.status == 200 && answer.type == Exposition.mediaType)
        #expect(answer.text.hasSuffix("selat_up 1\n"))
    }

    @Test func nothingElseIsAnswered() async throws {
        #expect(try await answers(HealthBoard(source()), "/v1/status").status == 404)
    }
}
