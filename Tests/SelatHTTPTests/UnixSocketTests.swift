import Foundation
import HTTPTypes
import NIOPosix
import SelatHTTP
import Testing

@Suite struct UnixSocketTests {
    let folder: TemporaryFolder
    var path: String { folder.path + "/control.sock" }
    var point: ListenPoint { .unix(path: path, mode: 0o622) }

    init() throws { folder = try TemporaryFolder() }

    @Test func knowsTheProcessThatConnects() async throws {
        try await withListener(at: point) { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            let (_, body) = try await client.exchange(request(.get, "/who"))
            #expect(
                String(decoding: body, as: UTF8.self)
                    == "process \(getpid()) of \(getuid()) in \(Self.groups().sorted())")
            await client.close()
        }
    }

    /// Group 0 is seen only as a process's effective group.
    private static func groups() -> Set<UInt32> {
        var groups = [gid_t](repeating: 0, count: 1_024)
        let count = getgroups(Int32(groups.count), &groups)
        return Set(groups.prefix(Int(count)).filter { $0 != 0 } + [getegid()])
    }

    @Test func makesTheSocketWithItsFinalMode() async throws {
        let path = path
        try await withListener(at: point) { _ in
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o622)
        }
    }

    @Test func oneUserDoesNotTakeAllConnections() async throws {
        var limits = HTTPLimits()
        limits.connectionsPerUserMax = 2
        try await withListener(at: point, limits: limits) { listener in
            let clients = [
                try await HTTPClient.connect(to: listener.address),
                try await HTTPClient.connect(to: listener.address),
            ]
            for client in clients {
                #expect(try await client.exchange(request(.get, "/hello")).head.status == .ok)
            }
            let third = try await HTTPClient.connect(to: listener.address)
            await #expect(throws: HTTPFault.self) {
                try await third.exchange(request(.get, "/hello"))
            }
            await third.close()
            for client in clients { await client.close() }
        }
    }

    @Test func removesItsSocketAtTheEnd() async throws {
        try await withListener(at: point) { _ in }
        #expect(access(path, F_OK) != 0)
    }

    @Test func neverReplacesALivingSocket() async throws {
        let point = point
        let path = path
        try await withListener(at: point) { listener in
            await #expect(throws: HTTPFault.socketInUse(path: path)) {
                try await withListener(at: point) { _ in }
            }
            let client = try await HTTPClient.connect(to: listener.address)
            #expect(try await client.exchange(request(.get, "/hello")).head.status == .ok)
            await client.close()
        }
    }

    @Test func replacesAStaleSocket() async throws {
        try leaveStaleSocket()
        let point = point
        try await withListener(at: point) { listener in
            let client = try await HTTPClient.connect(to: listener.address)
            #expect(try await client.exchange(request(.get, "/hello")).head.status == .ok)
            await client.close()
        }
    }

    @Test func neverReplacesAFile() async throws {
        try Data("precious".utf8).write(to: URL(filePath: path))
        let point = point
        await #expect(throws: HTTPFault.notASocket(path: path)) {
            try await withListener(at: point) { _ in }
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
    }

    @Test func refusesAPathThatDoesNotFit() async throws {
        let long = "/tmp/" + String(repeating: "x", count: 110)
        await #expect(throws: HTTPFault.socketPathTooLong(path: long)) {
            try await withListener(at: .unix(path: long, mode: 0o600)) { _ in }
        }
    }

    @Test func answersCurl() async throws {
        let path = path
        try await withListener(at: point) { _ in
            let curl = Process()
            curl.executableURL = URL(filePath: "/usr/bin/curl")
            curl.arguments = [
                "--silent", "--max-time", "10", "--unix-socket", path, "http://node/hello",
            ]
            let output = Pipe()
            curl.standardOutput = output
            try curl.run()
            let text = try await NIOThreadPool.singleton.runIfActive {
                output.fileHandleForReading.readDataToEndOfFile()
            }
            curl.waitUntilExit()
            #expect(String(decoding: text, as: UTF8.self) == #"{"greeting":"hello"}"#)
        }
    }

    /// Binds and closes without unlinking, as a killed daemon does.
    private func leaveStaleSocket() throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let outcome = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(outcome == 0)
        try #require(listen(descriptor, 1) == 0)
    }
}
