import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import NIOPosix
import SelatCore
import SelatHTTP
import SelatTestSupport
import Testing

/// What strangers send, over real sockets.
@Suite struct BadInputTests {
    @Test(arguments: [
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}",
        "GET\r\n\r\n",
        "GET /hello HTTP/9.9\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: n\r\nContent-Length: -1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: n\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST /echo HTTP/1.1\r\nHost: n\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET /hello HTTP/1.1\r\nBad Name: x\r\n\r\n",
    ])
    func answersGarbageWith400(_ text: String) async throws {
        try await withListener { listener in
            let answer = try await raw(text, to: listener.address)
            #expect(answer.hasPrefix("HTTP/1.1 400 "))
            #expect(answer.lowercased().contains("connection: close"))
        }
    }

    @Test func answersAnUnknownChunkSizeWith400() async throws {
        try await withListener { listener in
            let answer = try await raw(
                "POST /count HTTP/1.1\r\nHost: n\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                to: listener.address)
            #expect(answer.hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test func refusesAFieldThatIsTooLong() async throws {
        try await withListener { listener in
            let long = String(repeating: "x", count: 9 << 10)
            let answer = try await raw(
                "GET /hello HTTP/1.1\r\nHost: n\r\nLong: \(long)\r\n\r\n", to: listener.address)
            #expect(answer.hasPrefix("HTTP/1.1 431 "))
        }
    }

    @Test func refusesTooManyFields() async throws {
        try await withListener { listener in
            let fields = (0..<80).map { "F\($0): x\r\n" }.joined()
            let answer = try await raw(
                "GET /hello HTTP/1.1\r\nHost: n\r\n\(fields)\r\n", to: listener.address)
            #expect(answer.hasPrefix("HTTP/1.1 431 "))
        }
    }

    @Test func refusesABodyThatIsTooLarge() async throws {
        try await withListener { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            let body = ByteBuffer(repeating: 1, count: 1 << 20 + 1)
            let problem = try await #require(throws: Problem.self) {
                try await client.exchange(request(.post, "/echo"), body: body)
            }
            #expect(problem.status == 413)
            await client.close()
        }
    }

    /// Each takes many times its bytes, and they come thousands to a read.
    @Test func cutsOffWhoeverPipelinesThousands() async throws {
        try await withListener { listener in
            let body = String(repeating: "x", count: 1 << 20)
            let length = "Content-Length: \(body.utf8.count)"
            let first = "POST /count HTTP/1.1\r\nHost: n\r\n\(length)\r\n\r\n"
            let requests = String(
                repeating: "GET /hello HTTP/1.1\r\nHost: n\r\n\r\n", count: 100_000)
            let answer = try await raw(first + body + requests, to: listener.address)
            #expect(answer.components(separatedBy: "HTTP/1.1 200 ").count < 100_000)
            // Whoever sends some ahead is answered.
            let few = String(repeating: "GET /hello HTTP/1.1\r\nHost: n\r\n\r\n", count: 200)
            let answers = try await raw(
                few + "GET /hello HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n",
                to: listener.address)
            #expect(answers.components(separatedBy: "HTTP/1.1 200 ").count == 202)
        }
    }

    private static let hello = "GET /hello HTTP/1.1\r\nHost: n\r\n\r\n"
    /// What comes behind them may be of another protocol.
    private static let lastRequests = [
        "GET /hello HTTP/1.1\r\nHost: n\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: n\r\nConnection: Upgrade, HTTP2-Settings\r\n"
            + "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: n\r\nUpgrade: h2c\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: n\r\nConnection: upgrade\r\nUpgrade: x\r\n"
            + "Content-Length: 3\r\n\r\nabc",
        "CONNECT n:443 HTTP/1.1\r\nHost: n\r\n\r\n",
    ]

    @Test(arguments: lastRequests, ["", hello])
    func answersARequestForAnotherProtocolAndCloses(_ last: String, behind: String) async throws {
        try await withListener { listener in
            let text = try await raw(behind + last + Self.hello, to: listener.address)
            let answers = text.components(separatedBy: "HTTP/1.1 ").dropFirst()
            #expect(answers.count == (behind.isEmpty ? 1 : 2))
            let closing = answers.map { $0.lowercased().contains("connection: close") }
            #expect(closing == (behind.isEmpty ? [true] : [false, true]))
        }
    }

    @Test(arguments: lastRequests, ["", hello])
    func readsNoFloodBehindARequestForAnotherProtocol(
        _ last: String, behind: String
    ) async throws {
        var limits = HTTPLimits()
        limits.idle = .seconds(5)
        try await withListener(limits: limits) { listener in
            let piece = [UInt8](repeating: 0x78, count: 1 << 20)
            var pieces = [[UInt8]](repeating: piece, count: 64)
            pieces.insert(Array((behind + last).utf8), at: 0)
            let (sent, _) = try await raw(pieces: pieces, to: listener.address)
            // The system holds a few MiB of it, and nobody the rest.
            #expect(sent < 32 << 20)
        }
    }

    /// A server gets no more into its client's memory either.
    @Test func refusesAnAnswerInAnotherProtocol() async throws {
        let router = examRouter()
        router.get("/other") { _, _ in
            Response(
                status: .switchingProtocols, headers: [.connection: "upgrade", .upgrade: "x"])
        }
        try await withListener(router: router) { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            let fault = await #expect(throws: HTTPFault.self) {
                try await client.exchange(request(.get, "/other"))
            }
            guard case .malformedMessage = fault else {
                Issue.record("unexpected \(String(describing: fault))")
                return
            }
            #expect(!client.isOpen)
        }
    }

    @Test func cutsOffABodyThatDoesNotCome() async throws {
        var limits = HTTPLimits()
        limits.patience = .milliseconds(50)
        try await withListener(limits: limits) { listener in
            let answer = try await raw(
                "POST /count HTTP/1.1\r\nHost: n\r\nContent-Length: 10\r\n\r\nabc",
                to: listener.address)
            #expect(answer.hasPrefix("HTTP/1.1 408 "))
        }
    }

    @Test func cutsOffAReaderThatTakesNothing() async throws {
        var limits = HTTPLimits()
        limits.patience = .milliseconds(50)
        let router = examRouter()
        let (ends, end) = AsyncStream<String>.makeStream()
        router.get("/flood") { _, _ in
            Response(
                status: .ok,
                body: ResponseBody { writer in
                    do {
                        while true {
                            try await writer.write(ByteBuffer(repeating: 1, count: 1 << 20))
                        }
                    } catch {
                        end.yield("\(error)")
                        throw error
                    }
                })
        }
        try await withListener(limits: limits, router: router) { listener in
            guard case .tcp(let host, let port) = listener.address else { return }
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelOption(.autoRead, value: false).connect(host: host, port: port).get()
            let request = ByteBuffer(string: "GET /flood HTTP/1.1\r\nHost: n\r\n\r\n")
            try await channel.writeAndFlush(request)
            for await text in ends {
                #expect(text == HTTPFault.stalled.description)
                break
            }
            try? await channel.close()
        }
    }

    @Test func closesAConnectionThatAsksNothing() async throws {
        var limits = HTTPLimits()
        limits.idle = .milliseconds(50)
        try await withListener(limits: limits) { listener in
            let answer = try await raw("GET /hello HTTP/1.1\r\nHost", to: listener.address)
            #expect(answer.isEmpty)
        }
    }

    @Test func noticesABodyThatIsCutShort() async throws {
        let router = examRouter()
        let (ends, end) = AsyncStream<String>.makeStream()
        router.post("/watch") { request, _ in
            do {
                _ = try await request.bytes(upTo: 100)
                end.yield("whole")
            } catch {
                end.yield("\(error)")
            }
            return Response.json(["ok": true])
        }
        try await withListener(router: router) { listener in
            _ = try await raw(
                "POST /watch HTTP/1.1\r\nHost: n\r\nContent-Length: 10\r\n\r\nabc",
                to: listener.address, halfClose: true)
            for await text in ends {
                #expect(text == HTTPFault.truncated.description)
                break
            }
        }
    }

    @Test func answersPipelinedRequestsInOrder() async throws {
        try await withListener { listener in
            let answer = try await raw(
                "POST /echo HTTP/1.1\r\nHost: n\r\nContent-Length: 3\r\n\r\none"
                    + "POST /echo HTTP/1.1\r\nHost: n\r\nContent-Length: 3\r\n"
                    + "Connection: close\r\n\r\ntwo", to: listener.address)
            let first = try #require(answer.range(of: "one"))
            let second = try #require(answer.range(of: "two"))
            #expect(first.lowerBound < second.lowerBound)
        }
    }

    /// Whatever arrives, each connection ends, with well-formed answers or none, and the listener
    /// still serves.
    @Test(arguments: 0..<4 as Range<UInt64>)
    func survivesMutatedRequests(_ seed: UInt64) async throws {
        var limits = HTTPLimits()
        limits.patience = .milliseconds(20)
        limits.idle = .milliseconds(20)
        let valid = Array(
            ("POST /echo HTTP/1.1\r\nHost: n\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "3\r\nabc\r\n0\r\n\r\n").utf8)
        try await withListener(limits: limits) { listener in
            for bytes in Mutations.of(valid, count: 25, seed: seed) {
                let answer = try await raw(bytes, to: listener.address)
                #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 "))
            }
            let client = try await HTTPClient.connect(to: listener.address)
            #expect(try await client.exchange(request(.get, "/hello")).head.status == .ok)
            await client.close()
        }
    }
}
