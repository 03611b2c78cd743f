import Foundation
import NIOCore
import NIOPosix
import SelatCore
import SelatCrypto
import SelatHTTP
import SelatTestSupport
import SelatTransport
import Testing

/// Who gets through the handshake, and what the others learn.
@Suite struct PeerTests {
    @Test func admitsANodeOfAnotherMember() async throws {
        try await withNode { node in
            let client = try await node.connect()
            #expect(client.node.text == "SG/csa")
            let upload = try ExamService.upload(from: try NodeID("MY/nacsa"))
            _ = try await client.offer(upload, head: [1], payload: nil)
            #expect(node.heard.serials == [7, 9])
            await client.close()
        }
    }

    /// Connections are few, and a handshake may take its time: strangers who say nothing make room.
    @Test func silentStrangersKeepNobodyOut() async throws {
        var limits = HTTPLimits()
        limits.connectionsMax = 4
        try await withNode(limits: limits) { node in
            let upload = try ExamService.upload(from: try NodeID("MY/nacsa"))
            let known = try await node.connect()
            _ = try await known.offer(upload, head: [1], payload: nil)
            guard case .tcp(let host, let port) = node.server.address else {
                Issue.record("no address")
                return
            }
            let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            var strangers: [any Channel] = []
            for _ in 0..<12 {
                strangers.append(try await bootstrap.connect(host: host, port: port).get())
            }
            let late = try await node.connect()
            _ = try await late.offer(upload, head: [1], payload: nil)
            // Who has proven who it is stays.
            _ = try await known.offer(upload, head: [1], payload: nil)
            for stranger in strangers { try? await stranger.close() }
            await late.close()
            await known.close()
        }
    }

    /// Whoever has not said yet who it is holds no stop up.
    @Test func silentStrangersHoldNoStopUp() async throws {
        let begun = try await withNode { node in
            guard case .tcp(let host, let port) = node.server.address else {
                throw HTTPFault.closed
            }
            _ = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: host, port: port).get()
            // Accepted after it, so it has been accepted.
            await (try await node.connect()).close()
            return ContinuousClock.now
        }
        #expect(.now - begun < .seconds(Limits.handshakeSecondsMax))
    }

    /// A daemon that stops must not wait for a peer that hangs.
    @Test func whoeverDialsAPeerThatHangsCanGiveUp() async throws {
        let port = try SilentPort(backlog: 8)
        let federation = try ExamFederation()
        let identity = try federation.my.identity(ExamNode.client)
        let exchange = try Heard().exchange(serial: 7)
        let begun = ContinuousClock.now
        let dialling = Task {
            try await PeerClient.connect(
                to: .tcp(host: "127.0.0.1", port: port.number),
                expecting: try NodeID(uri: ExamNode.server), identity: identity,
                verifyPeer: federation.verifyPeer, membership: exchange)
        }
        try await Task.sleep(for: .milliseconds(50))
        dialling.cancel()
        await #expect(throws: CancellationError.self) { try await dialling.value }
        #expect(.now - begun < .seconds(Limits.handshakeSecondsMax))
    }

    @Test func oneNodeTakesNotAllConnections() async throws {
        var limits = HTTPLimits()
        limits.connectionsPerNodeMax = 2
        try await withNode(limits: limits) { node in
            let upload = try ExamService.upload(from: try NodeID("MY/nacsa"))
            let clients = [try await node.connect(), try await node.connect()]
            for client in clients { _ = try await client.offer(upload, head: [1], payload: nil) }
            let third = try await node.connect()
            await #expect(throws: (any Error).self) {
                _ = try await third.offer(upload, head: [1], payload: nil)
            }
            await third.close()
            for client in clients { await client.close() }
        }
    }

    /// Under TLS 1.3 the client's handshake ends before the server has judged it.
    @Test func tellsARefusedClientAtItsFirstRequest() async throws {
        try await withNode { node in
            // Malaysia's authority has no say about Singapore's nodes.
            let identity = try node.federation.my.identity("selat://SG/mindef")
            try await expectRefusal(of: identity, by: node)
            var refusals = node.refusals.makeAsyncIterator()
            let refusal = try #require(await refusals.next())
            #expect(refusal.cause.contains("refused"))
            #expect(refusal.address.contains("127.0.0.1"))
        }
    }

    @Test func refusesAnExpiredCertificate() async throws {
        try await withNode { node in
            let identity = try node.federation.my.identity(
                ExamNode.client, until: ExamFederation.now + -60)
            try await expectRefusal(of: identity, by: node)
        }
    }

    @Test(arguments: ["selat://MY/nacsa/lee", "https://MY/nacsa", "selat://VN/mps"])
    func refusesACertificateThatNamesNoNode(_ uri: String) async throws {
        try await withNode { node in
            try await expectRefusal(of: try node.federation.my.identity(uri), by: node)
        }
    }

    @Test func refusesACertificateForAnotherPurpose() async throws {
        try await withNode { node in
            let identity = try node.federation.my.identity(ExamNode.client, purpose: .signing)
            try await expectRefusal(of: identity, by: node)
        }
    }

    @Test func refusesAnotherNodeThanTheOneDialled() async throws {
        try await withNode { node in
            let fault = try await #require(throws: TLSFault.self) {
                try await node.connect(expecting: "selat://SG/mindef")
            }
            guard case .peerRefused(let reason) = fault else {
                Issue.record("unexpected \(fault)")
                return
            }
            #expect(reason == "dialled `SG/mindef`, found `SG/csa`")
        }
    }

    @Test func refusesAServerOfAnotherCountrysAuthority() async throws {
        let impostor: (ExamFederation) throws -> TLSIdentity = {
            try $0.my.identity("selat://SG/csa")
        }
        try await withNode(identity: impostor) { node in
            let fault = try await #require(throws: TLSFault.self) { try await node.connect() }
            guard case .peerRefused = fault else {
                Issue.record("unexpected \(fault)")
                return
            }
        }
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func refusesStrangersWithoutCertificate(_ version: String) async throws {
        try await withNode { node in
            guard case .tcp(_, let port) = node.server.address else { return }
            let (_, output) = try await run(
                "/usr/bin/openssl",
                ["s_client", version, "-connect", "127.0.0.1:\(port)", "-ign_eof"])
            #expect(output.contains("alert"))
            var refusals = node.refusals.makeAsyncIterator()
            let refusal = try #require(await refusals.next())
            #expect(refusal.cause.hasPrefix("TLS"))
        }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}garbage", "\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}",
    ])
    func refusesGarbage(_ text: String) async throws {
        try await withNode { node in
            guard case .tcp(let host, let port) = node.server.address else { return }
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: host, port: port).get()
            try await channel.writeAndFlush(ByteBuffer(string: text))
            var refusals = node.refusals.makeAsyncIterator()
            let refusal = try #require(await refusals.next())
            #expect(refusal.cause.hasPrefix("TLS"))
            try? await channel.close()
        }
    }

    @Test func provesItselfWithARenewedCertificate() async throws {
        try await withNode { node in
            try node.server.renew(try node.federation.sg.identity("selat://SG/mindef"))
            let client = try await node.connect(expecting: "selat://SG/mindef")
            #expect(client.node.text == "SG/mindef")
            await client.close()
        }
    }

    @Test func closesThePeersThatAreNoLongerAdmitted() async throws {
        try await withNode { node in
            let client = try await node.connect()
            let upload = try ExamService.upload(from: try NodeID("MY/nacsa"))
            _ = try await client.offer(upload, head: [1], payload: nil)
            node.server.judgeConnections(by: node.federation.verifyPeer)
            #expect(try await client.uploadState(upload).offset >= 0)
            node.server.judgeConnections { _ in throw TransportFault.unexpectedAnswer("cut") }
            await #expect(throws: (any Error).self) {
                while true { _ = try await client.uploadState(upload) }
            }
        }
    }

    private func expectRefusal(of identity: TLSIdentity, by node: ExamNode) async throws {
        let client = try await node.connect(as: identity)
        let upload = try ExamService.upload(from: try NodeID("MY/nacsa"))
        let fault = try await #require(throws: TLSFault.self) {
            try await client.offer(upload, head: [1], payload: nil)
        }
        guard case .refusedByPeer = fault else {
            Issue.record("unexpected \(fault)")
            return
        }
    }
}
