import Foundation
import Testing

/// A software token (SoftHSM) with a node's or a person's own keys, as a programs' user prepares it.
struct SoftToken: Sendable {
    static let pin = "4711-straits"
    private static let module = "/usr/lib/softhsm/libsofthsm2.so"
    private static let libraries = ["x86_64", "aarch64"].map { "/usr/lib/\($0)-linux-gnu" }
        .first { FileManager.default.fileExists(atPath: "\($0)/engines-3/pkcs11.so") }
    static let isInstalled =
        libraries != nil && Run.openssl != nil
        && [module, "/usr/bin/softhsm2-util", "/usr/bin/pkcs11-tool", "\(libraries ?? "")/\(spy)"]
            .allSatisfy { FileManager.default.fileExists(atPath: $0) }
    static let absent = "needs softhsm2, opensc and libengine-pkcs11-openssl"
    private static let spy = "pkcs11-spy.so"

    let scratch: Scratch

    init() async throws {
        scratch = try Scratch()
        try FileManager.default.createDirectory(
            atPath: "\(scratch.path)/tokens", withIntermediateDirectories: true)
        try scratch.write(
            "directories.tokendir = \(scratch.path)/tokens\nlog.level = ERROR\n", to: "conf")
        try await run(
            "/usr/bin/softhsm2-util", "--init-token", "--free", "--label", "selat", "--so-pin",
            "12345678", "--pin", Self.pin)
    }

    /// What a program needs to find the token; each of its calls is noted.
    var environment: [String: String] {
        [
            "SOFTHSM2_CONF": "\(scratch.path)/conf", "PKCS11SPY": Self.module,
            "PKCS11SPY_OUTPUT": "\(scratch.path)/calls",
        ]
    }

    /// The module to name: it hands every call on to the token's own.
    var module: String { "\(Self.libraries ?? "")/\(Self.spy)" }

    /// Moves the key of a PEM file into the token.
    func take(_ file: String, as label: String) async throws {
        let openssl = try #require(Run.openssl)
        for (kind, words) in [("privkey", []), ("pubkey", ["-pubout"])] {
            let der = "\(scratch.path)/\(label).\(kind)"
            try await run(
                openssl, ["ec", "-in", file, "-outform", "DER", "-out", der] + words)
            try await run(
                "/usr/bin/pkcs11-tool",
                [
                    "--module", Self.module, "--token-label", "selat", "--login", "--pin", Self.pin,
                    "--write-object", der, "--type", kind, "--label", label, "--id",
                    Self.identity(of: label), "--usage-sign", "--usage-derive",
                ])
            try FileManager.default.removeItem(atPath: der)
        }
        try FileManager.default.removeItem(atPath: file)
    }

    /// Both halves of a pair have one CKA_ID, and no other pair has it.
    private static func identity(of label: String) -> String {
        label.utf8.map { String($0, radix: 16) }.joined()
    }

    func goAway() throws { try move("tokens", to: "away") }
    func comeBack() throws { try move("away", to: "tokens") }

    /// How often a PIN was tried.
    func logins() throws -> Int {
        try scratch.text("calls").matches(of: #/(?m)^\d+: C_Login$/#).count
    }

    private func move(_ name: String, to other: String) throws {
        try FileManager.default.moveItem(
            atPath: "\(scratch.path)/\(name)", toPath: "\(scratch.path)/\(other)")
    }

    private func run(_ program: String, _ words: String...) async throws {
        try await run(program, words)
    }

    private func run(_ program: String, _ words: [String]) async throws {
        let ended = try await Run.run(program, words, environment: environment)
        try #require(ended.status == 0, "\(program): \(ended.words)")
    }
}
