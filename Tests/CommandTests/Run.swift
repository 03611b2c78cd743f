import Foundation
import SelatCore

/// How a program ended, and what it said.
struct Ended: Sendable {
    let stdout: String
    let stderr: String
    /// The exit code; a signal's number below zero.
    let status: Int32

    /// stdout as the one document that `--json` promises.
    var json: JSON {
        get throws { try JSON(parsing: Array(stdout.utf8)) }
    }

    /// Everything it said, for a test's comment.
    var words: String { "exit \(status)\n\(stdout)\(stderr)" }
}

/// Runs real programs and collects what they say, through files: nothing blocks on a full pipe.
enum Run {
    /// The folder with the programs that this build made: beside the test bundle.
    static let programs: String = {
        let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let beside = own.map { URL(filePath: $0).deletingLastPathComponent().path }
        let built = root + "/.build/debug"
        return [beside, built].compactMap { $0 }
            .first { FileManager.default.isExecutableFile(atPath: $0 + "/selat") } ?? built
    }()

    /// The package's root.
    static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    static var selat: String { programs + "/selat" }
    static var selatd: String { programs + "/selatd" }

    static let openssl = tool("openssl")
    static let curl = tool("curl")
    static let sqlite3 = tool("sqlite3")
    private static let strace = tool("strace")

    /// Where a tool lies, nil where it is not installed.
    private static func tool(_ name: String) -> String? {
        ["/usr/bin", "/usr/local/bin", "/bin"].map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Runs `program` to its end.
    /// - Throws: when it cannot be started, or is still running after `seconds`.
    static func run(
        _ program: String, _ arguments: [String], input: String = "",
        environment: [String: String] = [:], in folder: String? = nil, seconds: Int = 180
    ) async throws -> Ended {
        let place = try Scratch()
        defer { place.remove() }
        let running = try Running(
            program, arguments, input: input, environment: environment, in: folder, place: place)
        let watchdog = Task {
            try await Task.sleep(for: .seconds(seconds))
            running.signal(SIGKILL)
        }
        defer { watchdog.cancel() }
        let status = await running.end()
        return Ended(
            stdout: try place.text("stdout"), stderr: try place.text("stderr"), status: status)
    }
}

extension Run {
    /// Runs `program` to its end, and sees what it has synced.
    /// - Returns: the paths in order; nil where nothing is installed that could see them.
    static func synced(
        _ program: String, _ arguments: [String]
    ) async throws -> (ended: Ended, paths: [String]?) {
        guard let strace else { return (try await run(program, arguments), nil) }
        let place = try Scratch()
        defer { place.remove() }
        let ended = try await run(
            strace,
            ["-f", "-y", "-e", "trace=fsync", "-o", "\(place.path)/calls", program] + arguments)
        let calls = try place.text("calls").split(separator: "\n")
        let paths = calls.compactMap { $0.firstMatch(of: #/fsync\(\d+<([^>]+)>/#) }
        return (ended, paths.map { String($0.1) })
    }
}

extension Run {
    /// Runs `program` to its end where no file system has links, as those of most sticks.
    /// - Returns: nil where nothing is installed that could keep it from them.
    static func withoutLinks(_ program: String, _ arguments: [String]) async throws -> Ended? {
        try await failing("?link,linkat", with: "EPERM", program, arguments)
    }

    /// Runs `program` to its end on a disk that takes its bytes and makes none of them durable.
    /// - Returns: nil where nothing is installed that could be such a disk.
    static func withoutSync(_ program: String, _ arguments: [String]) async throws -> Ended? {
        try await failing("fsync", with: "EIO", program, arguments)
    }

    private static func failing(
        _ calls: String, with error: String, _ program: String, _ arguments: [String]
    ) async throws -> Ended? {
        guard let strace else { return nil }
        return try await run(
            strace,
            [
                "-f", "-o", "/dev/null", "-e", "trace=\(calls)", "-e",
                "inject=\(calls):error=\(error)", program,
            ] + arguments)
    }
}

/// A program that was started and may still run.
final class Running: Sendable {
    private let process: Process
    private let ending: AsyncStream<Int32>

    init(
        _ program: String, _ arguments: [String], input: String = "",
        terminal: PseudoTerminal? = nil, environment: [String: String] = [:],
        in folder: String? = nil, place: Scratch
    ) throws {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        if let folder { process.currentDirectoryURL = URL(filePath: folder) }
        let stdin =
            try terminal?.handle()
            ?? FileHandle(forReadingAtPath: try place.write(Array(input.utf8), to: "stdin"))
        let stdout = FileHandle(forWritingAtPath: try place.write([], to: "stdout"))
        let stderr = FileHandle(forWritingAtPath: try place.write([], to: "stderr"))
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = stderr
        // The child has its own; ours would stay open until Foundation lets go of the process, and
        // beyond about 1,300 open descriptors it writes past the end of its list of them.
        defer { for handle in [stdin, stdout, stderr] { try? handle?.close() } }
        let (ending, continuation) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = { process in
            let status = process.terminationStatus
            continuation.yield(process.terminationReason == .exit ? status : -status)
            continuation.finish()
        }
        try process.run()
        self.process = process
        self.ending = ending
    }

    var id: Int32 { process.processIdentifier }
    var isRunning: Bool { process.isRunning }

    func signal(_ number: Int32) { if process.isRunning { kill(id, number) } }

    /// Waits for the end; asked once.
    func end() async -> Int32 {
        for await status in ending { return status }
        return -1
    }
}

/// A terminal for a program's stdin, at which nobody sits.
struct PseudoTerminal: Sendable {
    private let master: Int32
    private let slave: Int32

    init() throws {
        var (master, slave): (Int32, Int32) = (-1, -1)
        guard openpty(&master, &slave, nil, nil, nil) == 0 else { throw POSIXError(.EIO) }
        (self.master, self.slave) = (master, slave)
    }

    func remove() {
        close(master)
        close(slave)
    }

    /// A program's own end of it.
    func handle() throws -> FileHandle {
        let copy = dup(slave)
        guard copy >= 0 else { throw POSIXError(.EIO) }
        return FileHandle(fileDescriptor: copy, closeOnDealloc: true)
    }

    /// Whether it shows what is typed.
    var isShowing: Bool {
        var modes = termios()
        return tcgetattr(slave, &modes) == 0 && modes.c_lflag & tcflag_t(ECHO) != 0
    }
}

/// A short folder of one test's own: unix sockets have about a hundred bytes for their path.
struct Scratch: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/selat-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw POSIXError(.EIO) }
        path = String(cString: made)
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file, with the folders above it.
    /// - Returns: where it lies.
    @discardableResult
    func write(_ bytes: [UInt8], to name: String) throws -> String {
        let file = URL(filePath: "\(path)/\(name)")
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
        return file.path
    }

    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        try write(Array(text.utf8), to: name)
    }

    func text(_ name: String) throws -> String {
        String(decoding: try bytes(name), as: UTF8.self)
    }

    func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: "\(path)/\(name)")))
    }

    func exists(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(path)/\(name)")
    }

    /// The relative paths of all files below a folder of it, sorted.
    func files(_ name: String = "") -> [String] {
        let folder = name.isEmpty ? path : "\(path)/\(name)"
        let found = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String }
        var isFolder: ObjCBool = false
        return (found ?? []).filter {
            FileManager.default.fileExists(atPath: "\(folder)/\($0)", isDirectory: &isFolder)
                && !isFolder.boolValue
        }.sorted()
    }
}

/// Bytes that no compression or lucky pattern makes smaller; the same in each run.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    // Whole words: this runs without optimisation.
    let words = [UInt64](unsafeUninitializedCapacity: (count + 7) / 8) { words, filled in
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        for index in words.indices {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            words.initializeElement(at: index, to: state)
        }
        filled = words.count
    }
    return words.withUnsafeBytes { Array($0.prefix(count)) }
}
