// What the tests of this module share: a router, a listener that ends with its test, raw sockets.

import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import SelatCore
import SelatHTTP
import Testing

/// Runs a listener with `router` for as long as `body` takes, then shuts it down.
func withListener<Result: Sendable>(
    at point: ListenPoint = .tcp(host: "127.0.0.1", port: 0), limits: HTTPLimits = HTTPLimits(),
    security: ConnectionSecurity? = nil, router: Router<HTTPContext> = examRouter(),
    _ body: @Sendable (HTTPListener) async throws -> Result
) async throws -> Result {
    let listener = try await HTTPListener.bind(
        point, limits: limits, security: security,
        logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
        responder: router.buildResponder())
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await listener.run() }
        let outcome: Swift.Result<Result, any Error>
        do { outcome = .success(try await body(listener)) } catch { outcome = .failure(error) }
        listener.shutDown()
        try await group.waitForAll()
        return try outcome.get()
    }
}

/// Routes that show each part of the face.
func examRouter() -> Router<HTTPContext> {
    let router = Router(context: HTTPContext.self)
    router.get("/hello") { _, _ in Response.json(["greeting": "hello"]) }
    router.get("/who") { _, context in
        let words = context.peer.process.map {
            "process \($0.process) of \($0.user) in \($0.groups.sorted())"
        }
        return Response.bytes(
            Array((words ?? "\(context.peer)").utf8), mediaType: "text/plain")
    }
    router.post("/echo") { request, _ in
        Response.bytes(
            try await request.bytes(upTo: 1 << 20), mediaType: "application/octet-stream")
    }
    router.post("/count") { request, _ in
        var count = 0
        for try await buffer in request.body { count += buffer.readableBytes }
        return Response.json(["count": .integer(Int64(count))])
    }
    router.post("/refuse") { _, _ -> Response in
        throw Problem(
            type: "urn:selat:problem:exam", title: "refused", status: 409, detail: "by the exam",
            remedy: "ask otherwise", extensions: ["expected": 7])
    }
    router.get("/stream") { _, _ in
        Response(
            status: .ok,
            body: ResponseBody { writer in
                for _ in 0..<64 {
                    try await writer.write(ByteBuffer(repeating: 0x61, count: 65_536))
                }
                try await writer.finish(nil)
            })
    }
    router.get("/fail") { _, _ -> Response in throw SecretFault() }
    return router
}

struct SecretFault: Error { let secret = "the database password" }

func request(_ method: HTTPRequest.Method, _ path: String) -> HTTPRequest {
    HTTPRequest(method: method, scheme: "http", authority: "node", path: path)
}

/// Sends `text` as it is over a blocking socket and returns everything until the peer closes.
func raw(_ text: String, to address: HTTPAddress, halfClose: Bool = false) async throws -> String {
    try await raw(Array(text.utf8), to: address, halfClose: halfClose)
}

/// Sends `bytes` as they are over a blocking socket and returns everything until the peer closes.
func raw(_ bytes: [UInt8], to address: HTTPAddress, halfClose: Bool = false) async throws -> String
{
    try await raw(pieces: [bytes], to: address, halfClose: halfClose).answer
}

/// The same with `pieces`, one after the other.
/// - Returns: also how many bytes the socket took.
func raw(
    pieces: [[UInt8]], to address: HTTPAddress, halfClose: Bool = false
) async throws -> (sent: Int, answer: String) {
    try await NIOThreadPool.singleton.runIfActive {
        guard case .tcp(_, let port) = address else { return (0, "") }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = in_port_t(port).bigEndian
        target.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &target) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { return (0, "not connected") }
        var sent = 0
        upload: for piece in pieces {
            var rest = piece[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes {
                    send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { break upload }
                sent += count
                rest = rest.dropFirst(count)
            }
        }
        if halfClose { shutdown(descriptor, Int32(SHUT_WR)) }
        var answer: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while case let count = recv(descriptor, &piece, piece.count, 0), count > 0 {
            answer += piece.prefix(count)
        }
        return (sent, String(decoding: answer, as: UTF8.self))
    }
}

/// A folder that is removed with the value's owner.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path =
            FileManager.default.temporaryDirectory.appending(
                path: "selat-\(UInt64.random(in: 0...UInt64.max))"
            ).path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
