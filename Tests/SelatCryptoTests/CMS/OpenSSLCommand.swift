import Foundation
import SelatCore

/// The `openssl` command line in a directory of its own, the second opinion on what Selat makes.
struct OpenSSLCommand: ~Copyable {
    static let exists = FileManager.default.isExecutableFile(atPath: program)
    static let absent = "there is no /usr/bin/openssl"
    private static let program = "/usr/bin/openssl"
    private let directory: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(
            path: "selat-openssl-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    func write(_ name: String, _ bytes: some Sequence<UInt8>) throws {
        let file = directory.appending(path: name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
    }

    func read(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: directory.appending(path: name)))
    }

    /// - Returns: the exit status.
    func run(_ arguments: String...) throws -> Int32 { try run(arguments) }

    func run(_ arguments: [String]) throws -> Int32 {
        try run(Self.program, arguments, words: FileHandle.nullDevice)
    }

    /// Runs a script that ends with the first command that fails.
    /// - Parameter words: the file that takes what it says.
    func script(_ text: String, words: String) throws -> Int32 {
        try write("script", text.utf8)
        try write(words, [])
        let file = try FileHandle(forWritingTo: directory.appending(path: words))
        return try run("/bin/bash", ["-euo", "pipefail", "script"], words: file)
    }

    private func run(
        _ program: String, _ arguments: [String], words: FileHandle
    ) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.currentDirectoryURL = directory
        process.standardOutput = words
        process.standardError = words
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}
