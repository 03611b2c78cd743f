import HTTPTypes
import Hummingbird
import NIOCore
import SelatCore
import Synchronization
import Testing

@testable import SelatHTTP

/// Connections are few, and nobody has so many that others have none.
@Suite struct ShareTests {
    private let nodes = Nodes()

    @Test func aCountryHasOneShareHoweverManyNodesItHas() async throws {
        var limits = HTTPLimits()
        limits.connectionsPerCountryMax = 3
        try await withListener(limits: limits, security: nodes.security) { listener in
            var clients: [HTTPClient] = []
            for name in ["MY/a", "MY/b", "MY/c"] {
                clients.append(try await nodes.connect(name, to: listener))
            }
            await #expect(throws: HTTPFault.self) {
                try await nodes.connect("MY/d", to: listener)
            }
            clients.append(try await nodes.connect("VN/x", to: listener))
            await clients[0].close()
            clients.append(try await connectOnceThereIsRoom("MY/d", to: listener))
            for client in clients { await client.close() }
        }
    }

    @Test func whoeverHasMostMakesRoom() async throws {
        var limits = HTTPLimits()
        limits.knownConnectionsMax = 4
        try await withListener(limits: limits, security: nodes.security) { listener in
            var own: [HTTPClient] = []
            for name in ["MY/a", "MY/b", "MY/c", "MY/d"] {
                own.append(try await nodes.connect(name, to: listener))
            }
            var others: [HTTPClient] = []
            for name in ["VN/x", "TH/y"] {
                others.append(try await nodes.connect(name, to: listener))
            }
            // Malaysia has two now, the others one each, and nobody gains by taking one.
            for name in ["MY/e", "VN/z"] {
                await #expect(throws: HTTPFault.self) {
                    try await nodes.connect(name, to: listener)
                }
            }
            var left = 0
            for client in own {
                let answer = try? await client.exchange(request(.get, "/hello"))
                if answer != nil { left += 1 }
            }
            #expect(left == 2)
            for client in others {
                #expect(try await client.exchange(request(.get, "/hello")).head.status == .ok)
            }
            for client in own + others { await client.close() }
        }
    }

    @Test(arguments: [0, 1]) func whoeverIsBeingAnsweredStays(_ busy: Int) async throws {
        var limits = HTTPLimits()
        limits.knownConnectionsMax = 2
        let router = examRouter()
        let (begun, begin) = AsyncStream<Void>.makeStream()
        let (opened, open) = AsyncStream<Void>.makeStream()
        router.get("/slow") { _, _ in
            begin.finish()
            for await _ in opened {}
            return Response.json(["done": true])
        }
        try await withListener(limits: limits, security: nodes.security, router: router) {
            listener in
            let clients = [
                try await nodes.connect("MY/a", to: listener),
                try await nodes.connect("MY/b", to: listener),
            ]
            let answer = Task { try await clients[busy].exchange(request(.get, "/slow")) }
            for await _ in begun {}
            // The other one's task has answered, and comes back to wait for the next request.
            while listener.open.idleCount == 0 { await Task.yield() }
            let other = try await nodes.connect("VN/x", to: listener)
            open.finish()
            #expect(try await answer.value.head.status == .ok)
            await #expect(throws: HTTPFault.self) {
                try await clients[1 - busy].exchange(request(.get, "/hello"))
            }
            for client in clients + [other] { await client.close() }
        }
    }

    /// The listener hears a little later that a connection was closed.
    private func connectOnceThereIsRoom(
        _ name: String, to listener: HTTPListener
    ) async throws -> HTTPClient {
        for _ in 0..<500 {
            if let client = try? await nodes.connect(name, to: listener) { return client }
            try await Task.sleep(for: .milliseconds(10))
        }
        return try await nodes.connect(name, to: listener)
    }
}

/// Stands for TLS: says which node connects.
private final class Nodes: Sendable {
    private let next = Mutex("")

    var security: ConnectionSecurity {
        { channel in
            let node = try NodeID(self.next.withLock { $0 })
            return channel.eventLoop.makeSucceededFuture(.node(node, certificate: []))
        }
    }

    /// A connection that was answered; one at a time.
    func connect(_ name: String, to listener: HTTPListener) async throws -> HTTPClient {
        next.withLock { $0 = name }
        let client = try await HTTPClient.connect(to: listener.address)
        _ = try await client.exchange(request(.get, "/hello"))
        return client
    }
}
