import NIOCore
import SelatCore
import SelatCrypto
import SelatTestSupport
import Testing

/// Two engines that exchange bytes without any socket.
@Suite struct TLSEngineTests {
    let pair: TLSPair

    init() throws { pair = try TLSPair() }

    @Test func agreesOnBothPeers() throws {
        let (dialling, accepting) = try pair.engines()
        try TLSPair.shakeHands(dialling, accepting)
        #expect(dialling.peer?.text == "SG/csa")
        #expect(accepting.peer?.text == "MY/nacsa")
    }

    @Test(arguments: [1, 16_383, 16_384, 16_385, 100_000])
    func carriesBytesOfEverySize(_ count: Int) throws {
        let (dialling, accepting) = try pair.engines()
        try TLSPair.shakeHands(dialling, accepting)
        let sent = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try sent.withUnsafeBytes { try dialling.write($0) }
        accepting.receive(try #require(dialling.takeOutbound()))
        var received = ByteBuffer()
        #expect(try accepting.read(into: &received) == .needsMore)
        #expect(Array(received.readableBytesView) == sent)
    }

    @Test func readsBytesThatComeOneByOne() throws {
        let (dialling, accepting) = try pair.engines()
        try TLSPair.shakeHands(dialling, accepting)
        try Array("hello".utf8).withUnsafeBytes { try dialling.write($0) }
        var received = ByteBuffer()
        let ciphertext = try #require(dialling.takeOutbound())
        for byte in ciphertext.readableBytesView {
            accepting.receive(ByteBuffer(bytes: [byte]))
            #expect(try accepting.read(into: &received) == .needsMore)
        }
        #expect(String(buffer: received) == "hello")
    }

    @Test func tellsThatThePeerClosed() throws {
        let (dialling, accepting) = try pair.engines()
        try TLSPair.shakeHands(dialling, accepting)
        try [7].withUnsafeBytes { try dialling.write($0) }
        dialling.close()
        accepting.receive(try #require(dialling.takeOutbound()))
        var received = ByteBuffer()
        #expect(try accepting.read(into: &received) == .closed)
        #expect(received.readableBytes > 0)
    }

    @Test func refusesWhoIsNotWanted() throws {
        let (dialling, accepting) = try pair.engines { _ in throw Unwanted() }
        let fault = #expect(throws: TLSFault.self) {
            try TLSPair.shakeHands(dialling, accepting)
        }
        #expect(fault == .peerRefused("Unwanted()"))
        // The client thought that it was done, and learns better at its first read.
        let alert = try #require(accepting.takeOutbound())
        dialling.receive(alert)
        var nothing = ByteBuffer()
        let learned = #expect(throws: TLSFault.self) { try dialling.read(into: &nothing) }
        guard case .refusedByPeer = learned else {
            Issue.record("unexpected \(String(describing: learned))")
            return
        }
    }

    @Test func refusesAnotherKeysCertificate() throws {
        let identity = TLSIdentity(
            certificate: try pair.certificate("selat://SG/csa", .generate(.p256)),
            key: try .generate(.p256))
        #expect(throws: CryptoError.self) { try TLSContext(identity) }
    }

    @Test func staysFailedOnceItFailed() throws {
        let (dialling, accepting) = try pair.engines()
        try TLSPair.shakeHands(dialling, accepting)
        accepting.receive(ByteBuffer(repeating: 0xA5, count: 64))
        var nothing = ByteBuffer()
        let first = #expect(throws: TLSFault.self) { try accepting.read(into: &nothing) }
        let second = #expect(throws: TLSFault.self) { try accepting.read(into: &nothing) }
        #expect(first == second)
        #expect(throws: TLSFault.self) { try [1].withUnsafeBytes { try accepting.write($0) } }
    }

    /// Each asks for one in return, which the peer need not read.
    @Test func endsWithAPeerThatOnlyChangesItsKeys() throws {
        let (dialling, accepting) = try pair.engines()
        try TLSPair.shakeHands(dialling, accepting)
        var received = ByteBuffer()
        for _ in 0..<32 { try dialling.updateKeys() }
        accepting.receive(try #require(dialling.takeOutbound()))
        #expect(try accepting.read(into: &received) == .needsMore)
        #expect(received.readableBytes == 0 && accepting.outboundBytes > 0)
        try dialling.updateKeys()
        accepting.receive(try #require(dialling.takeOutbound()))
        #expect(throws: TLSFault.tooManyKeyUpdates) { try accepting.read(into: &received) }
        #expect(throws: TLSFault.tooManyKeyUpdates) {
            try [1].withUnsafeBytes { try accepting.write($0) }
        }
    }

    /// All at once, and behind a little data.
    @Test func aLittleDataIsNoExcuse() throws {
        let (dialling, accepting) = try pair.engines()
        try TLSPair.shakeHands(dialling, accepting)
        for _ in 0..<33 {
            try dialling.updateKeys()
            try Array("hello".utf8).withUnsafeBytes { try dialling.write($0) }
        }
        accepting.receive(try #require(dialling.takeOutbound()))
        var received = ByteBuffer()
        #expect(throws: TLSFault.tooManyKeyUpdates) { try accepting.read(into: &received) }
        #expect(received.readableBytes >= 32 * 5)
    }

    @Test func takesKeyUpdatesAmongData() throws {
        let (dialling, accepting) = try pair.engines()
        try TLSPair.shakeHands(dialling, accepting)
        let data = [UInt8](repeating: 7, count: 1 << 20)
        for round in 1...3 {
            for _ in 0..<32 { try dialling.updateKeys() }
            try data.withUnsafeBytes { try dialling.write($0) }
            accepting.receive(try #require(dialling.takeOutbound()))
            var received = ByteBuffer()
            #expect(try accepting.read(into: &received) == .needsMore, "round \(round)")
            #expect(received.readableBytes == data.count)
            // The answers change the other end's keys, and count as well.
            try data.withUnsafeBytes { try accepting.write($0) }
            dialling.receive(try #require(accepting.takeOutbound()))
            var answered = ByteBuffer()
            #expect(try dialling.read(into: &answered) == .needsMore)
            #expect(answered.readableBytes == data.count)
        }
    }

    /// Whatever a stranger sends first, the outcome is "more, please" or a typed fault.
    @Test(arguments: 0..<8 as Range<UInt64>)
    func answersMutatedGreetingsWithATypedFault(_ seed: UInt64) throws {
        let (dialling, _) = try pair.engines()
        _ = try dialling.handshake()
        let greeting = Array(try #require(dialling.takeOutbound()).readableBytesView)
        var outcomes = 0
        for bytes in Mutations.of(greeting, count: 100, seed: seed) {
            let (_, accepting) = try pair.engines()
            accepting.receive(ByteBuffer(bytes: bytes))
            do throws(TLSFault) {
                _ = try accepting.handshake()
            } catch {
                #expect(accepting.peer == nil)
            }
            outcomes += 1
        }
        #expect(outcomes == 100)
    }

    /// Every flipped record is refused, and nothing of it is delivered.
    @Test(arguments: 0..<8 as Range<UInt64>)
    func refusesMutatedRecords(_ seed: UInt64) throws {
        for bytes in try Self.mutatedRecords(pair, seed: seed) {
            let (dialling, accepting) = try pair.engines()
            try TLSPair.shakeHands(dialling, accepting)
            accepting.receive(ByteBuffer(bytes: bytes))
            var received = ByteBuffer()
            do throws(TLSFault) { _ = try accepting.read(into: &received) } catch {}
            #expect(received.readableBytes == 0)
        }
    }

    /// Records of another connection, mutated: they are authentic nowhere.
    private static func mutatedRecords(_ pair: TLSPair, seed: UInt64) throws -> [[UInt8]] {
        let (dialling, accepting) = try pair.engines()
        try TLSPair.shakeHands(dialling, accepting)
        try [UInt8](repeating: 7, count: 100).withUnsafeBytes { try dialling.write($0) }
        let record = Array(try #require(dialling.takeOutbound()).readableBytesView)
        return Mutations.of(record, count: 20, seed: seed)
    }
}

struct Unwanted: Error {}

/// Two nodes' contexts under one authority; the certificates' URIs alone tell them apart.
struct TLSPair: Sendable {
    private let issuer: CertificateIssuer
    private let dialling: TLSContext
    private let accepting: TLSContext
    private static let begin = Timestamp(seconds: 1_800_000_000)

    /// - Parameter accepting: the accepting end's key; nil makes one.
    init(accepting key: PrivateKey? = nil) throws {
        issuer = try CertificateIssuer(
            root: "exam", country: try Country("SG"), key: try .generate(.p256), from: Self.begin,
            until: Self.begin + 86_400)
        let keys = [try PrivateKey.generate(.p256), try key ?? PrivateKey.generate(.p256)]
        dialling = try TLSContext(
            TLSIdentity(
                certificate: try Self.certificate("selat://MY/nacsa", keys[0], issuer),
                key: keys[0]))
        accepting = try TLSContext(
            TLSIdentity(
                certificate: try Self.certificate("selat://SG/csa", keys[1], issuer), key: keys[1]))
    }

    func certificate(_ uri: String, _ key: PrivateKey) throws -> Certificate {
        try Self.certificate(uri, key, issuer)
    }

    private static func certificate(
        _ uri: String, _ key: PrivateKey, _ issuer: CertificateIssuer
    ) throws -> Certificate {
        try issuer.issue(
            for: .tlsServer, uri: uri, to: key.publicKey, from: begin, until: begin + 86_400)
    }

    /// A fresh connection; `verifyClient` judges what the accepting end sees.
    func engines(
        verifyClient: @escaping TLSPeerVerification = TLSPair.anyNode
    ) throws -> (dialling: TLSEngine, accepting: TLSEngine) {
        (
            try TLSEngine(dialling, role: .dialling, verifyPeer: TLSPair.anyNode),
            try TLSEngine(accepting, role: .accepting, verifyPeer: verifyClient)
        )
    }

    static let anyNode: TLSPeerVerification = { chain in
        let leaf = try #require(chain.first)
        return try #require(try Certificate(der: leaf).node)
    }

    static func shakeHands(_ dialling: TLSEngine, _ accepting: TLSEngine) throws {
        for _ in 0..<10 {
            let isDone = try dialling.handshake()
            if let flight = dialling.takeOutbound() { accepting.receive(flight) }
            let isAccepted = try accepting.handshake()
            if let flight = accepting.takeOutbound() { dialling.receive(flight) }
            if isDone, isAccepted { return }
        }
        Issue.record("the handshake does not end")
    }
}
