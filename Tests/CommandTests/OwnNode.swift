import Foundation
import SelatCore
import SelatTestSupport
import Testing

/// SG's node of the shared sandbox once more, with state, socket and port of its own, for what
/// would harm the others.
struct OwnNode: Sendable {
    let scratch: Scratch
    let sandbox: Sandbox
    private let port: Int

    init() throws {
        sandbox = try Sandbox.current()
        scratch = try Scratch()
        port = Int(try FreePort.any())
    }

    var state: String { "\(scratch.path)/state" }
    var control: String { "\(scratch.path)/control.sock" }
    var database: String { "\(state)/selat.sqlite" }

    /// Its configuration, each line by its first word.
    func configuration(_ changed: [String: String] = [:]) throws -> String {
        let own = [
            "state:": "state: \(state)", "control:": "control: \(control)",
            "listen:": "listen: {host: 127.0.0.1, port: \(port)}",
        ].merging(changed) { $1 }
        let text = try String(
            contentsOfFile: "\(sandbox.folder("SG"))/selatd.yaml", encoding: .utf8)
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let key = line.prefix { $0 != ":" }.trimmingPrefix { $0 == " " } + ":"
            return own[String(key)] ?? String(line)
        }.joined(separator: "\n")
    }

    /// Runs the daemon where it is expected to end by itself.
    func refused(
        _ changed: [String: String] = [:], environment: [String: String] = [:]
    ) async throws -> Ended {
        try await refused(configuration: try configuration(changed), environment: environment)
    }

    func refused(
        configuration: String, environment: [String: String] = [:]
    ) async throws -> Ended {
        let file = try scratch.write(configuration, to: "selatd.yaml")
        return try await Run.run(
            Run.selatd, ["--config", file], environment: environment, seconds: 60)
    }

    /// Runs `body` while the daemon serves, then stops it.
    func serving<Value>(
        _ changed: [String: String] = [:], _ body: () async throws -> Value
    ) async throws -> Value {
        try await serving(changed) { _ in try await body() }
    }

    /// As `serving`, for a body that looks at the daemon's process, and with more in its environment.
    func serving<Value>(
        _ changed: [String: String] = [:], environment: [String: String] = [:],
        _ body: (Running) async throws -> Value
    ) async throws -> Value {
        let file = try scratch.write(try configuration(changed), to: "selatd.yaml")
        let daemon = try Running(
            Run.selatd, ["--config", file], environment: environment, place: scratch)
        do {
            try await ready(daemon)
            let value = try await body(daemon)
            daemon.signal(SIGTERM)
            let status = await daemon.end()
            let words = try scratch.text("stderr")
            #expect(status == 0, "\(words)")
            return value
        } catch {
            daemon.signal(SIGKILL)
            _ = await daemon.end()
            throw error
        }
    }

    private func ready(_ daemon: Running) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while try await status().status != 0 {
            let words = try scratch.text("stderr")
            try #require(daemon.isRunning, "the daemon ended: \(words)")
            try #require(ContinuousClock.now < deadline, "the daemon does not answer")
        }
    }

    func status() async throws -> Ended {
        try await Run.run(Run.selat, ["status", "--json", "--socket", control])
    }
}
