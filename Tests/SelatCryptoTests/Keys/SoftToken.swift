import Foundation
import SelatCrypto
import Testing

/// A software token (SoftHSM) of one test's own. SoftHSM finds its configuration by an environment
/// variable of the whole process, so suites that use it are serialized.
final class SoftToken {
    static let pin = "4711-straits"
    private static let software = ["/usr/lib/softhsm/libsofthsm2.so"]
        .first { FileManager.default.fileExists(atPath: $0) }
    private static let spy = ["x86_64", "aarch64"]
        .map { "/usr/lib/\($0)-linux-gnu/pkcs11-spy.so" }
        .first { FileManager.default.fileExists(atPath: $0) }
    private static let engine = ["x86_64", "aarch64"]
        .map { "/usr/lib/\($0)-linux-gnu/engines-3/pkcs11.so" }
        .first { FileManager.default.fileExists(atPath: $0) }
    static let isInstalled =
        software != nil && spy != nil && engine != nil
        && FileManager.default.isExecutableFile(atPath: "/usr/bin/softhsm2-util")
        && FileManager.default.isExecutableFile(atPath: "/usr/bin/pkcs11-tool")
    static let absent = "needs softhsm2, opensc and libengine-pkcs11-openssl"

    private let folder: URL
    private var calls: URL { folder.appending(path: "calls") }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "selat-\(UUID())")
        try FileManager.default.createDirectory(
            at: folder.appending(path: "tokens"), withIntermediateDirectories: true)
        let file = folder.appending(path: "softhsm2.conf")
        try Data("directories.tokendir = \(folder.path())/tokens\nlog.level = ERROR\n".utf8)
            .write(to: file)
        setenv("SOFTHSM2_CONF", file.path(), 1)
        setenv("PKCS11SPY", try #require(Self.software), 1)
        setenv("PKCS11SPY_OUTPUT", calls.path(), 1)
        try initialize()
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// A token named `selat`, without keys.
    private func initialize() throws {
        try run(
            "softhsm2-util", "--init-token", "--free", "--label", "selat", "--so-pin", "12345678",
            "--pin", Self.pin)
    }

    /// Makes a key pair inside.
    func make(_ label: String, curve: String = "EC:prime256v1") throws {
        try run(
            "pkcs11-tool", "--module", try #require(Self.software), "--token-label", "selat",
            "--login", "--pin", Self.pin, "--keypairgen", "--key-type", curve, "--label", label,
            "--id", label.utf8.map { String($0, radix: 16) }.joined(), "--usage-sign",
            "--usage-derive")
    }

    /// The token as the daemon opens it; every call to it is noted.
    func open(pin: String = pin) throws -> Token {
        Token(
            module: try #require(Self.spy), pin: Secret(copying: Array(pin.utf8)), pause: .zero)
    }

    func goAway() throws { try move("tokens", to: "away") }
    func comeBack() throws { try move("away", to: "tokens") }

    /// Another token takes its place, under the same names.
    func isReplaced(with label: String) throws {
        try goAway()
        try FileManager.default.createDirectory(
            at: folder.appending(path: "tokens"), withIntermediateDirectories: true)
        try initialize()
        try make(label)
    }

    /// How often a PIN was tried.
    func logins() throws -> Int {
        let text = try String(contentsOf: calls, encoding: .utf8)
        return text.matches(of: #/(?m)^\d+: C_Login$/#).count
    }

    private func move(_ name: String, to other: String) throws {
        try FileManager.default.moveItem(
            at: folder.appending(path: name), to: folder.appending(path: other))
    }

    private func run(_ program: String, _ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/\(program)")
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(program) \(arguments)")
    }
}
