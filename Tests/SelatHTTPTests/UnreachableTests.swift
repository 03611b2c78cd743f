import NIOCore
import NIOPosix
import SelatHTTP
import SelatTestSupport
import Testing

@Suite struct UnreachableTests {
    @Test func aPortThatNobodyListensOnIsNamed() async throws {
        let port = try SilentPort(backlog: nil)
        let fault = await #expect(throws: HTTPFault.self) {
            try await HTTPClient.connect(to: .tcp(host: "127.0.0.1", port: port.number))
        }
        #expect(
            fault == .unreachable("127.0.0.1:\(port.number)", reason: "connection refused"))
    }

    /// The daemon that stops must not wait for a network that swallows what is sent.
    @Test(.timeLimit(.minutes(1))) func whoeverDialsInVainCanGiveUp() async throws {
        let port = try SilentPort(backlog: 0)
        let address = HTTPAddress.tcp(host: "127.0.0.1", port: port.number)
        // Takes the only place: what comes after it is not even refused.
        let first = try await HTTPClient.connect(to: address)
        var limits = HTTPLimits()
        limits.connectPatience = .hours(1)
        let dialling = Task { [limits] in try await HTTPClient.connect(to: address, limits: limits)
        }
        try await Task.sleep(for: .milliseconds(50))
        dialling.cancel()
        await #expect(throws: CancellationError.self) { try await dialling.value }
        let late = Task { [limits] in
            withUnsafeCurrentTask { $0?.cancel() }
            return try await HTTPClient.connect(to: address, limits: limits)
        }
        await #expect(throws: CancellationError.self) { try await late.value }
        await first.close()
    }
}
