import HTTPTypes
import Hummingbird
import NIOCore
import NIOPosix
import SelatCore
import SelatHTTP
import Synchronization
import Testing

/// A body whose turn has not come stays at its sender, for as long as the sender likes.
@Suite struct WaitingBodyTests {
    let folder: TemporaryFolder
    private var point: ListenPoint { .unix(path: folder.path + "/control.sock", mode: 0o600) }

    init() throws { folder = try TemporaryFolder() }

    /// Where a handler stands, and what lets it go on.
    private final class Gate: Sendable {
        let begun = Signal()
        let opened = Signal()
        let gone = Signal()
    }

    /// Something that happens once.
    private final class Signal: Sendable {
        private let stream: AsyncStream<Void>
        private let continuation: AsyncStream<Void>.Continuation

        init() { (stream, continuation) = AsyncStream.makeStream() }

        func happen() { continuation.finish() }
        func wait() async { for await _ in stream {} }
    }

    private static func router(_ gate: Gate) -> Router<HTTPContext> {
        let router = Router(context: HTTPContext.self)
        router.put("/body") { request, context in
            context.gone.whenComplete { _ in gate.gone.happen() }
            gate.begun.happen()
            await gate.opened.wait()
            var count = 0
            for try await piece in request.body { count += piece.readableBytes }
            return Response.json(["count": .integer(Int64(count))])
        }
        router.get("/answer") { _, _ in
            gate.begun.happen()
            await gate.opened.wait()
            return Response.json(["done": true])
        }
        return router
    }

    private static let pieceBytes = 64 << 10
    private static let pieces = 256

    /// Sends 16 MiB in pieces; counts those that the connection took.
    private static func put(
        _ taken: Counter, _ client: HTTPClient, patience: TimeAmount? = nil
    ) async throws -> JSON {
        var left = pieces
        let response = try await client.send(
            request(.put, "/body"), length: UInt64(pieces * pieceBytes), patience: patience
        ) {
            taken.raise()
            left -= 1
            return left >= 0 ? ByteBuffer(repeating: 1, count: pieceBytes) : nil
        }
        return try JSON(parsing: try await response.collected(upTo: 1_024).body)
    }

    /// The counts of a body of which the handler reads nothing yet, and of the same body when it has.
    @Test func staysAtTheSenderUntilItIsRead() async throws {
        let gate = Gate()
        try await withListener(at: point, router: Self.router(gate)) { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            let taken = Counter()
            let answer = Task { try await Self.put(taken, client) }
            await gate.begun.wait()
            // The client's own buffer holds a megabyte, sockets less than half of one.
            var before = -1
            while taken.count != before {
                before = taken.count
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(before < 3 << 20 / Self.pieceBytes)
            gate.opened.happen()
            let size = Int64(Self.pieces * Self.pieceBytes)
            #expect(try await answer.value == ["count": .integer(size)])
            await client.close()
        }
    }

    /// So do the heads of requests whose turn has not come.
    @Test(.timeLimit(.minutes(1))) func headsStayAtTheSenderToo() async throws {
        let gate = Gate()
        try await withListener(at: point, router: Self.router(gate)) { listener in
            guard case .unix(let path) = listener.address else { return }
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(unixDomainSocketPath: path).get()
            let begin = "GET /answer HTTP/1.1\r\nHost: n\r\n"
            try await channel.writeAndFlush(ByteBuffer(string: begin + "\r\n"))
            await gate.begun.wait()
            let field = "F: \(String(repeating: "x", count: 7 << 10))\r\n"
            let fields = String(repeating: field, count: 4)
            let head = ByteBuffer(string: begin + fields + "\r\n")
            let taken = Counter()
            for _ in 0..<100 {
                let written = channel.eventLoop.makePromise(of: Void.self)
                written.futureResult.whenSuccess { _ in taken.raise() }
                channel.writeAndFlush(head, promise: written)
            }
            var before = -1
            while taken.count != before {
                before = taken.count
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(before < 1 << 20 / head.readableBytes)
            gate.opened.happen()
            while taken.count < 100 { try await Task.sleep(for: .milliseconds(1)) }
            try await channel.close()
        }
    }

    @Test func whoHangsUpIsNoticedThoughNothingIsRead() async throws {
        let gate = Gate()
        try await withListener(at: point, router: Self.router(gate)) { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            let taken = Counter()
            let answer = Task { try await Self.put(taken, client) }
            await gate.begun.wait()
            await client.close()
            await gate.gone.wait()
            await #expect(throws: (any Error).self) { try await answer.value }
            gate.opened.happen()
        }
    }

    /// Whoever knows that it waits for its turn is more patient than the limits are.
    @Test(arguments: [nil, TimeAmount.seconds(60)])
    func waitsAsLongAsItsPatience(_ patience: TimeAmount?) async throws {
        let gate = Gate()
        var limits = HTTPLimits()
        limits.patience = .milliseconds(30)
        let short = limits
        try await withListener(at: point, router: Self.router(gate)) { listener in
            let client = try await HTTPClient.connect(to: listener.address, limits: short)
            let taken = Counter()
            let answer = Task { try await Self.put(taken, client, patience: patience) }
            await gate.begun.wait()
            try await Task.sleep(for: .milliseconds(patience == nil ? 0 : 150))
            if patience == nil {
                await #expect(throws: HTTPFault.stalled) { try await answer.value }
                gate.opened.happen()
            } else {
                gate.opened.happen()
                #expect(try await answer.value["count"] != nil)
                // What follows on the connection is waited for as before.
                #expect(client.isOpen)
            }
            await client.close()
        }
    }

    /// So is whoever knows that the answer takes its time.
    @Test(arguments: [nil, TimeAmount.seconds(60)])
    func waitsForTheAnswerAsLongAsItsPatience(_ patience: TimeAmount?) async throws {
        let gate = Gate()
        var limits = HTTPLimits()
        limits.idle = .milliseconds(30)
        let short = limits
        try await withListener(at: point, router: Self.router(gate)) { listener in
            let client = try await HTTPClient.connect(to: listener.address, limits: short)
            let answer = Task {
                try await client.exchange(request(.get, "/answer"), patience: patience).body
            }
            if patience == nil {
                await #expect(throws: HTTPFault.stalled) { try await answer.value }
                gate.opened.happen()
            } else {
                await gate.begun.wait()
                try await Task.sleep(for: .milliseconds(150))
                gate.opened.happen()
                let bytes = try await answer.value
                #expect(try JSON(parsing: bytes) == ["done": true])
            }
            await client.close()
        }
    }
}

/// A number that tasks raise.
final class Counter: Sendable {
    private let value = Atomic(0)
    var count: Int { value.load(ordering: .relaxed) }

    func raise() { value.add(1, ordering: .relaxed) }
}
