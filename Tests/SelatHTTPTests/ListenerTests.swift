import HTTPTypes
import Hummingbird
import NIOCore
import SelatCore
import SelatHTTP
import Testing

@Suite struct ListenerTests {
    @Test func answersRequestAfterRequestOnOneConnection() async throws {
        try await withListener { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            for _ in 0..<3 {
                let (head, body) = try await client.exchange(request(.get, "/hello"))
                #expect(head.status == .ok)
                #expect(String(decoding: body, as: UTF8.self) == #"{"greeting":"hello"}"#)
            }
            #expect(client.isOpen)
            await client.close()
        }
    }

    /// A connection may live for weeks.
    @Test func nothingIsLeftOfARequestThatIsOver() async throws {
        let ended = Counter()
        let router = Router(context: HTTPContext.self)
        router.get("/ended") { _, context in
            let before = ended.count
            context.gone.whenComplete { _ in ended.raise() }
            return Response.json(["ended": .integer(Int64(before))])
        }
        try await withListener(router: router) { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            for count: Int64 in 0..<3 {
                let answer = try await client.exchange(request(.get, "/ended"))
                #expect(try JSON(parsing: answer.body) == ["ended": .integer(count)])
            }
            await client.close()
        }
    }

    @Test func echoesABodyOfEverySize() async throws {
        try await withListener { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            for size in [0, 1, 65_535, 1 << 20] {
                let body = ByteBuffer(repeating: 0x5A, count: size)
                let answer = try await client.exchange(request(.post, "/echo"), body: body)
                #expect(answer.body == Array(body.readableBytesView))
            }
            await client.close()
        }
    }

    @Test func streamsAnUploadWithBackPressure() async throws {
        try await withListener { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            var pieces = 256
            let response = try await client.send(request(.post, "/count"), length: 256 << 16) {
                pieces -= 1
                return pieces >= 0 ? ByteBuffer(repeating: 1, count: 1 << 16) : nil
            }
            let (_, body) = try await response.collected(upTo: 1024)
            #expect(try JSON(parsing: body) == ["count": 16_777_216])
            await client.close()
        }
    }

    @Test func streamsAnUploadOfUnknownLength() async throws {
        try await withListener { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            var pieces = 3
            let response = try await client.send(request(.post, "/count"), length: nil) {
                pieces -= 1
                return pieces >= 0 ? ByteBuffer(repeating: 1, count: 5) : nil
            }
            let (_, body) = try await response.collected(upTo: 1024)
            #expect(try JSON(parsing: body) == ["count": 15])
            await client.close()
        }
    }

    @Test func streamsAnAnswer() async throws {
        try await withListener { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            let response = try await client.send(request(.get, "/stream"))
            var count = 0
            for try await piece in response.body { count += piece.readableBytes }
            #expect(count == 64 << 16)
            let (head, _) = try await client.exchange(request(.get, "/hello"))
            #expect(head.status == .ok)
            await client.close()
        }
    }

    @Test func refusesARequestBeforeThePreviousAnswerIsRead() async throws {
        try await withListener { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            _ = try await client.send(request(.get, "/stream"))
            await #expect(throws: HTTPFault.responseUnread) {
                try await client.send(request(.get, "/hello"))
            }
            await client.close()
        }
    }

    @Test func carriesProblemsAsThrownValues() async throws {
        try await withListener { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            let problem = try await #require(throws: Problem.self) {
                try await client.exchange(request(.post, "/refuse"))
            }
            #expect(problem.type == "urn:selat:problem:exam")
            #expect(problem.status == 409)
            #expect(problem.remedy == "ask otherwise")
            #expect(problem.extensions == ["expected": 7])
            #expect(client.isOpen)
            await client.close()
        }
    }

    @Test func keepsInternalErrorsToItself() async throws {
        try await withListener { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            let problem = try await #require(throws: Problem.self) {
                try await client.exchange(request(.get, "/fail"))
            }
            #expect(problem.status == 500)
            #expect(problem.detail == nil)
            #expect(problem.extensions.isEmpty)
            await client.close()
        }
    }

    @Test func answersUnknownRoutesWithAProblem() async throws {
        try await withListener { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            let problem = try await #require(throws: Problem.self) {
                try await client.exchange(request(.get, "/nowhere"))
            }
            #expect(problem.status == 404)
            await client.close()
        }
    }

    @Test func stopsAnUploadThatIsRefusedOnTheWay() async throws {
        try await withListener { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            var pieces = 0
            let response = try await client.send(request(.post, "/refuse"), length: 1 << 40) {
                pieces += 1
                return ByteBuffer(repeating: 1, count: 1 << 16)
            }
            #expect(response.head.status == .conflict)
            #expect(pieces < 1 << 12)
            await #expect(throws: Problem.self) { try await response.collected(upTo: 1024) }
            #expect(!client.isOpen)
        }
    }

    /// It would be lost with a connection that is closed over bytes which nobody has read.
    @Test(arguments: ["", "Connection: close\r\n"])
    func anAnswerReachesWhoeverIsStillSending(_ fields: String) async throws {
        var limits = HTTPLimits()
        limits.idle = .milliseconds(50)
        try await withListener(limits: limits) { listener in
            let head = "POST /refuse HTTP/1.1\r\nHost: n\r\n\(fields)Content-Length: 8388608"
            let body = [UInt8](repeating: 1, count: 8 << 20)
            let answer = try await raw(
                Array("\(head)\r\n\r\n".utf8) + body, to: listener.address)
            #expect(answer.hasPrefix("HTTP/1.1 409 "))
            #expect(answer.hasSuffix("}"))
        }
    }

    /// Between two pieces of a body the server answered and closed.
    @Test func anAnswerIsReadThoughTheConnectionHasEnded() async throws {
        var limits = HTTPLimits()
        limits.lingering = .milliseconds(1)
        let router = Router(context: HTTPContext.self)
        router.post("/first") { request, _ -> Response in
            var pieces = request.body.makeAsyncIterator()
            _ = try await pieces.next()
            throw Problem(status: .badRequest)
        }
        try await withListener(limits: limits, router: router) { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            var head = request(.post, "/first")
            head.headerFields[.connection] = "close"
            var pieces = 0
            let response = try await client.send(head, length: 1 << 20) {
                pieces += 1
                while pieces == 2, client.isOpen { try await Task.sleep(for: .milliseconds(1)) }
                return ByteBuffer(repeating: 1, count: 1 << 12)
            }
            #expect(pieces == 2)
            let problem = try await #require(throws: Problem.self) {
                try await response.collected(upTo: 1_024)
            }
            #expect(problem.status == 400)
        }
    }

    /// Whoever cancelled the reader has an answer to give, such as that a newer upload came.
    @Test func aCancelledReaderOfABodyStillAnswers() async throws {
        let router = Router(context: HTTPContext.self)
        router.post("/fenced") { request, _ -> Response in
            let (began, told) = AsyncStream<Void>.makeStream()
            let reading = Task {
                var count = 0
                for try await piece in request.body {
                    count += piece.readableBytes
                    told.finish()
                }
                return count
            }
            for await _ in began {}
            try await Task.sleep(for: .milliseconds(20))
            reading.cancel()
            await #expect(throws: CancellationError.self) { try await reading.value }
            throw Problem(status: .conflict)
        }
        try await withListener(router: router) { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            var sent = 0
            let response = try await client.send(request(.post, "/fenced"), length: 1 << 20) {
                // The rest is long in coming.
                defer { sent += 1 }
                if sent > 0 { try await Task.sleep(for: .milliseconds(200)) }
                return ByteBuffer(repeating: 1, count: 1 << 10)
            }
            let problem = try await #require(throws: Problem.self) {
                try await response.collected(upTo: 1_024)
            }
            #expect(problem.status == 409)
        }
    }

    /// What was read away of an early refusal ends the message: the next request is answered too.
    @Test func aConnectionGoesOnBehindALargeBodyThatNobodyReads() async throws {
        try await withListener { listener in
            let refused = "POST /refuse HTTP/1.1\r\nHost: n\r\nContent-Length: 3145728\r\n\r\n"
            let next = "GET /hello HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n"
            let answer = try await raw(
                Array(refused.utf8) + [UInt8](repeating: 1, count: 3 << 20) + Array(next.utf8),
                to: listener.address)
            #expect(answer.hasPrefix("HTTP/1.1 409 "))
            #expect(answer.contains("HTTP/1.1 200 "))
        }
    }

    /// Time counts for each 16 KiB, and not for the answer as a whole.
    @Test func anAnswerThatTakesLongIsNotCutOffWhileItIsTaken() async throws {
        var limits = HTTPLimits()
        limits.patience = .milliseconds(200)
        let router = Router(context: HTTPContext.self)
        let size = 24 << 20
        router.get("/large") { _, _ in
            Response.bytes(
                [UInt8](repeating: 7, count: size), mediaType: "application/octet-stream")
        }
        try await withListener(limits: limits, router: router) { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            let response = try await client.send(request(.get, "/large"))
            var count = 0
            for try await piece in response.body {
                count += piece.readableBytes
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(count == size)
            await client.close()
        }
    }

    @Test func servesManyConnectionsAtOnce() async throws {
        try await withListener { listener in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<32 {
                    group.addTask {
                        let client = try await HTTPClient.connect(to: listener.address)
                        let (head, _) = try await client.exchange(request(.get, "/hello"))
                        await client.close()
                        return head.status.code
                    }
                }
                for try await code in group { #expect(code == 200) }
            }
        }
    }

    @Test func closesConnectionsBeyondTheLimit() async throws {
        var limits = HTTPLimits()
        limits.connectionsMax = 1
        try await withListener(limits: limits) { listener in
            let first = try await HTTPClient.connect(to: listener.address)
            _ = try await first.exchange(request(.get, "/hello"))
            await #expect(throws: (any Error).self) {
                let second = try await HTTPClient.connect(to: listener.address)
                _ = try await second.exchange(request(.get, "/hello"))
            }
            let (head, _) = try await first.exchange(request(.get, "/hello"))
            #expect(head.status == .ok)
            await first.close()
        }
    }

    @Test func closesTheConnectionsOfAPeerThatMustGo() async throws {
        try await withListener { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            _ = try await client.exchange(request(.get, "/hello"))
            listener.closeConnections { $0 == .anyone }
            await #expect(throws: (any Error).self) {
                while true { _ = try await client.exchange(request(.get, "/hello")) }
            }
        }
    }

    @Test func finishesTheRunningRequestWhenItShutsDown() async throws {
        let router = examRouter()
        let (arrived, arrival) = AsyncStream<Void>.makeStream()
        router.post("/slow") { request, _ in
            arrival.yield()
            return Response.bytes(try await request.bytes(upTo: 100), mediaType: "text/plain")
        }
        try await withListener(router: router) { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            var step = 0
            let response = try await client.send(request(.post, "/slow"), length: nil) {
                step += 1
                guard step == 1 else { return nil }
                for await _ in arrived { break }
                listener.shutDown()
                return ByteBuffer(string: "finished")
            }
            let (_, body) = try await response.collected(upTo: 100)
            #expect(String(decoding: body, as: UTF8.self) == "finished")
        }
    }
}
