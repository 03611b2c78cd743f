import Foundation
import Logging
import NIOCore
import NIOPosix
import SelatCore
import SelatCrypto
import SelatHTTP
import SelatTransport
import Synchronization
import Testing

/// A node of Singapore that serves, and what it heard.
struct ExamNode: Sendable {
    let federation: ExamFederation
    let server: NodeServer
    let refusals: AsyncStream<RefusedPeer>
    let heard: Heard

    static let server = "selat://SG/csa"
    static let client = "selat://MY/nacsa"

    /// Connects as `identity`, by default Malaysia's node.
    func connect(
        as identity: TLSIdentity? = nil, expecting uri: String = Self.server
    ) async throws -> PeerClient {
        try await PeerClient.connect(
            to: server.address, expecting: try NodeID(uri: uri),
            identity: try identity ?? federation.my.identity(Self.client),
            verifyPeer: federation.verifyPeer, membership: try heard.exchange(serial: 7))
    }
}

/// The membership editions that one side heard.
final class Heard: Sendable {
    private let marks = Mutex<[MembershipMark]>([])
    var serials: Set<UInt64> { marks.withLock { Set($0.map(\.serial)) } }

    func exchange(serial: UInt64) throws -> MembershipExchange {
        let mark = MembershipMark(
            serial: serial, digest: try Digest(bytes: [UInt8](repeating: 1, count: 32)))
        return MembershipExchange(
            ours: { mark },
            heard: { mark, _ in
                self.marks.withLock { $0.append(mark) }
            })
    }
}

/// Runs a node for as long as `body` takes.
func withNode<Result: Sendable>(
    service: any EnvelopeService = ExamService(length: 8),
    letters: (any LetterService)? = nil, limits: HTTPLimits = HTTPLimits(),
    identity: ((ExamFederation) throws -> TLSIdentity)? = nil, rates: RequestRates? = nil,
    _ body: @Sendable (ExamNode) async throws -> Result
) async throws -> Result {
    let federation = try ExamFederation()
    let (refusals, refused) = AsyncStream<RefusedPeer>.makeStream()
    let heard = Heard()
    let server = try await NodeServer.bind(
        .tcp(host: "127.0.0.1", port: 0),
        identity: try identity?(federation) ?? federation.sg.identity(ExamNode.server),
        verifyPeer: federation.verifyPeer, membership: try heard.exchange(serial: 9),
        service: service, letters: letters, rates: rates, refused: { refused.yield($0) },
        limits: limits,
        logger: Logger(label: "exam", factory: { _ in SwiftLogNoOpLogHandler() }))
    let node = ExamNode(federation: federation, server: server, refusals: refusals, heard: heard)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.run() }
        let outcome: Swift.Result<Result, any Error>
        do { outcome = .success(try await body(node)) } catch { outcome = .failure(error) }
        server.shutDown()
        try await group.waitForAll()
        return try outcome.get()
    }
}

/// Runs a program to its end with nothing on its standard input.
func run(_ program: String, _ arguments: [String]) async throws -> (status: Int32, output: String) {
    try await NIOThreadPool.singleton.runIfActive {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: text, as: UTF8.self))
    }
}
