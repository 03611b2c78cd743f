import Foundation
import SelatCore
import Testing

/// A federation on this machine: SG, MY and VN with one daemon each.
struct Sandbox: Sendable {
    let scratch: Scratch

    /// The suite's own, brought up once.
    @TaskLocal static var shared: Sandbox?

    static func current() throws -> Sandbox { try #require(shared) }

    /// Makes one in a short folder and starts it.
    static func up() async throws -> Sandbox {
        let sandbox = Sandbox(scratch: try Scratch())
        do {
            try await sandbox.start()
            return sandbox
        } catch {
            await sandbox.down()
            throw error
        }
    }

    /// Runs `body` with a sandbox of its own.
    static func fresh(_ body: (Sandbox) async throws -> Void) async throws {
        let sandbox = try await up()
        do { try await body(sandbox) } catch {
            await sandbox.down()
            throw error
        }
        await sandbox.down()
    }

    var path: String { "\(scratch.path)/f" }
    func folder(_ country: String) -> String { "\(path)/\(country)-hub" }
    func socket(_ country: String) -> String { "\(folder(country))/control.sock" }
    func database(_ country: String) -> String { "\(folder(country))/state/selat.sqlite" }
    var membership: String { "\(path)/membership" }

    /// Makes what is missing and starts what is not running.
    /// - Returns: the document that `sandbox up --json` prints.
    @discardableResult
    func start() async throws -> JSON {
        let ended = try await Run.run(
            Run.selat, ["sandbox", "up", path, "--policies", "\(Run.root)/Policies", "--json"])
        try #require(ended.status == 0, "\(ended.words)")
        return try ended.json
    }

    /// Stops the daemons, by force where asking does not help, and removes everything.
    func down() async {
        let pids = processes()
        _ = try? await Run.run(Run.selat, ["sandbox", "down", path])
        for pid in pids where isDaemon(pid) { kill(pid, SIGKILL) }
        scratch.remove()
    }

    private func processes() -> [Int32] { ["SG", "MY", "VN"].compactMap { try? process($0) } }

    /// The daemon's process id.
    func process(_ country: String) throws -> Int32 {
        let text = try String(contentsOfFile: "\(folder(country))/selatd.pid", encoding: .utf8)
        return try #require(Int32(text.filter(\.isNumber)))
    }

    /// Ends the daemon at whatever it does, and waits until it is gone.
    func crash(_ country: String) throws {
        let pid = try process(country)
        kill(pid, SIGKILL)
        let deadline = ContinuousClock.now + .seconds(60)
        while isAlive(pid) { try #require(ContinuousClock.now < deadline, "\(pid) does not end") }
    }

    /// Whether the process has not ended yet; one that nobody has reaped has.
    private func isAlive(_ pid: Int32) -> Bool {
        let line = FileManager.default.contents(atPath: "/proc/\(pid)/stat") ?? Data()
        let state = String(decoding: line, as: UTF8.self).split(separator: ")").last
        return !(state ?? "Z").contains(#/^ ?[ZX]/#)
    }

    /// Whether the process is a daemon of this sandbox; a zombie's command line is empty.
    func isDaemon(_ pid: Int32) -> Bool {
        let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
        return String(decoding: line, as: UTF8.self).contains(path)
    }

    /// The digest in which each node trusts.
    func trust() throws -> String {
        let text = try String(contentsOfFile: "\(folder("SG"))/selatd.yaml", encoding: .utf8)
        let match = try #require(text.firstMatch(of: #/sha256:[0-9a-f]{64}/#))
        return String(match.output)
    }

    func port(_ country: String) throws -> Int {
        let file = "\(path)/sandbox.json"
        let contents = FileManager.default.contents(atPath: file) ?? Data()
        let nodes = try JSON(parsing: Array(contents))["nodes"]?.arrayValue ?? []
        let node = try #require(nodes.first { $0["id"]?.stringValue == "\(country)/hub" })
        return Int(try #require(node["port"]?.integerValue))
    }

    // MARK: Verbs

    /// Runs `selat` against one node's daemon.
    func selat(_ words: String..., on country: String) async throws -> Ended {
        try await selat(words, on: country)
    }

    func selat(_ words: [String], on country: String) async throws -> Ended {
        try await Run.run(Run.selat, words + ["--socket", socket(country)])
    }

    /// Sends a dataset that anybody may have from SG, and waits for the end.
    func send(_ dataset: String, to country: String = "VN", _ more: String...) async throws -> Ended
    {
        try await selat(
            ["send", dataset, "--to", "\(country)/hub", "--wait", "--timeout", "50s"]
                + Self.harmless + more, on: "SG")
    }

    static let harmless = [
        "--purpose", "selat:EarlyWarning", "--label", "unclassified", "--personal-data", "no",
    ]

    /// Sends, demands that it was delivered, and gives the transfer's id.
    func delivered(_ dataset: String, to country: String = "VN") async throws -> String {
        let ended = try await send(dataset, to: country, "--json")
        try #require(ended.status == 0, "\(ended.words)")
        let document = try ended.json
        #expect(document["state"] == "delivered")
        return try #require(document["id"]?.stringValue)
    }

    /// The ids in a node's inbox.
    func inbox(_ country: String) async throws -> [String] {
        let ended = try await selat("inbox", "--json", on: country)
        return (try ended.json["transfers"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
    }

    /// Every transfer of a node, as `transfers --json` shows it.
    func transfers(_ country: String) async throws -> [JSON] {
        let ended = try await selat("transfers", "--json", "--limit", "10000", on: country)
        return try ended.json["transfers"]?.arrayValue ?? []
    }
}

/// Brings the shared sandbox up before a suite's first test, and down after its last, also when
/// tests fail.
struct SharedSandbox: SuiteTrait, TestScoping {
    var isRecursive: Bool { false }

    func provideScope(
        for test: Test, testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        let sandbox = try await Sandbox.up()
        do {
            try await Sandbox.$shared.withValue(sandbox) { try await function() }
        } catch {
            await sandbox.down()
            throw error
        }
        await sandbox.down()
    }
}

/// The real programs, run as an operator runs them: stdout, stderr and exit code.
@Suite(.serialized, SharedSandbox(), .timeLimit(.minutes(5)))
struct CommandTests {}
