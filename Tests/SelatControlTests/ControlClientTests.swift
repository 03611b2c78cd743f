import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import SelatCore
import SelatHTTP
import SelatTestSupport
import Testing

@testable import SelatControl

/// Calls of a daemon that answers once it has looked at everything.
struct ControlClientTests {
    private let folder: MemoryFolder

    init() throws { folder = try MemoryFolder() }

    /// Answers after ten times as long as a connection may be silent.
    private static func router() -> Router<HTTPContext> {
        let router = Router(context: HTTPContext.self)
        router.get("/slow") { _, _ -> Response in
            try await Task.sleep(for: .milliseconds(300))
            return Response.json(["done": true])
        }
        router.post("/slow") { _, _ -> Response in
            try await Task.sleep(for: .milliseconds(300))
            return Response.json(["done": true])
        }
        return router
    }

    private func withClient(
        _ body: @Sendable (ControlClient) async throws -> Void
    ) async throws {
        let path = "\(folder.path)/c"
        let listener = try await HTTPListener.bind(
            .unix(path: path, mode: 0o600),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            responder: Self.router().buildResponder())
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await listener.run() }
            let outcome: Result<Void, any Error>
            do {
                var limits = HTTPLimits()
                limits.idle = .milliseconds(30)
                let client = try await ControlClient(socket: path, limits: limits)
                outcome = .success(try await body(client))
                await client.close()
            } catch {
                outcome = .failure(error)
            }
            listener.shutDown()
            try await group.waitForAll()
            try outcome.get()
        }
    }

    @Test func whatDoesSomethingIsWaitedForAsLongAsItTakes() async throws {
        let done: JSON = ["done": true]
        try await withClient { client in
            #expect(try await client.getJSON("/slow", patience: ControlClient.patience) == done)
            #expect(try await client.post("/slow") == done)
            let answer = try await client.post("/slow", length: 0) { nil }
            #expect(answer == done)
            var bytes: [UInt8] = []
            try await client.stream(.get, "/slow", take: { bytes += $0.readableBytesView })
            #expect(try JSON(parsing: bytes) == done)
        }
    }

    /// A daemon that hangs must not freeze what only shows how it stands.
    @Test func aLookIsNotWaitedForSoLong() async throws {
        try await withClient { client in
            await #expect(throws: HTTPFault.stalled) {
                try await client.getJSON("/slow")
            }
        }
    }
}
