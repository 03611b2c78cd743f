import FoundationEssentials
import Glibc
import SelatControl
import SelatCore

/// One node's daemon in a sandbox.
struct SandboxProcess {
    let folder: SandboxFolder
    let node: SandboxFolder.Node

    private var pidFile: String { "\(node.folder)/selatd.pid" }
    private var logFile: String { "\(node.folder)/selatd.log" }

    /// Starts the daemon unless it runs, and waits until it answers.
    /// - Returns: its process id.
    func start() async throws -> Int32 {
        let deadline = ContinuousClock.now + .seconds(30)
        // A process that does not answer is starting, or about to end.
        while let pid = try await runningID(), ContinuousClock.now < deadline {
            if await answers() { return pid }
            try await Task.sleep(for: .milliseconds(50))
        }
        // Its database is locked, and its process id would be lost.
        if let pid = try await runningID() {
            throw Ending(
                .failed, "\(node.id) runs as process \(pid), and does not answer",
                hint: "it may be about to end: try again, or see \(logFile)")
        }
        let pid = try spawn()
        try folder.write(Array("\(pid)\n".utf8), to: pidFile)
        while ContinuousClock.now < deadline {
            if await answers() { return pid }
            var status: Int32 = 0
            if waitpid(pid, &status, WNOHANG) == pid { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw Ending(
            .failed, "\(node.id) did not start; its last words:\n\(lastWords)",
            hint: "see \(logFile)")
    }

    /// - Returns: whether it ran.
    func stop() async throws -> Bool {
        guard let pid = try await runningID() else { return false }
        kill(pid, SIGTERM)
        let deadline = ContinuousClock.now + .seconds(60)
        while !Self.hasEnded(pid) {
            guard ContinuousClock.now < deadline else {
                throw Ending(
                    .failed, "\(node.id) (pid \(pid)) does not stop", hint: "see \(logFile)")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        unlink(pidFile)
        return true
    }

    /// The process that the pid file names, if it is this node's daemon: numbers are used again.
    private func runningID() async throws -> Int32? {
        guard let contents = FileManager.default.contents(atPath: pidFile),
            let pid = Int32(String(decoding: contents, as: UTF8.self).filter(\.isNumber)),
            let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline"),
            String(decoding: line, as: UTF8.self).contains("\(node.folder)/selatd.yaml")
        else { return nil }
        return pid
    }

    /// Whether a process is gone, or waits only for its parent to notice; its files and sockets are
    /// closed by then, which an empty command line alone does not say.
    private static func hasEnded(_ pid: Int32) -> Bool {
        guard let contents = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else {
            return true
        }
        // The state stands behind the name, which lies in parentheses and may hold anything.
        let line = String(decoding: contents, as: UTF8.self)
        let state = line.split(separator: ")").last?.first { $0 != " " }
        return state == "Z" || state == "X"
    }

    private func answers() async -> Bool {
        guard let client = try? await ControlClient(socket: node.socket) else { return false }
        let status = try? await client.getJSON("/v1/status")
        await client.close()
        return status != nil
    }

    private var lastWords: String {
        let contents = FileManager.default.contents(atPath: logFile) ?? Data()
        let lines = String(decoding: contents, as: UTF8.self).split(separator: "\n")
        return lines.suffix(5).joined(separator: "\n")
    }

    /// A process of its own session, so that the terminal's Ctrl-C does not reach it.
    private func spawn() throws -> Int32 {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Self.ownSession)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(
            &actions, STDOUT_FILENO, logFile, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        Self.keepDescriptorsFromChildren()
        let program = try Self.daemon()
        let words = [program, "--config", "\(node.folder)/selatd.yaml"]
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        setenv("MALLOC_ARENA_MAX", "2", 0)
        var pid: pid_t = 0
        let code = posix_spawn(
            &pid, program, &actions, &attributes, arguments, environ)
        guard code == 0 else {
            throw Ending(.failed, "starting `\(program)`: \(String(cString: strerror(code)))")
        }
        return pid
    }

    /// What the caller of this program had open must not live as long as the daemon: whoever waits for
    /// the end of a pipe would wait for the daemon.
    private static func keepDescriptorsFromChildren() {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        for descriptor in names.compactMap({ Int32($0) }) where descriptor > STDERR_FILENO {
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
    }

    /// POSIX_SPAWN_SETSID, which the headers show only to programs that ask for GNU's extensions.
    private static let ownSession: Int16 = 0x80

    /// `selatd` beside this program.
    private static func daemon() throws -> String {
        guard let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        else { throw Ending(.failed, "this program's own place is not known") }
        let beside = own.split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/selatd"
        guard access(beside, X_OK) == 0 else {
            throw Ending(
                .failed, "there is no `\(beside)`", hint: "build it: swift build --product selatd")
        }
        return beside
    }
}
