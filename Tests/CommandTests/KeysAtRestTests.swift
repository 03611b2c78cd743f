import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// Keys that a passphrase protects, and what the daemon does so that they lie nowhere else.
    @Suite(.enabled(if: Run.openssl != nil, "openssl is not installed"))
    struct KeysAtRestTests {
        private static let words = "correct horse battery strait"
        let node: OwnNode

        init() throws { node = try OwnNode() }

        private var credentials: [String: String] {
            ["CREDENTIALS_DIRECTORY": "\(node.scratch.path)/credentials"]
        }

        /// Encrypts the node's five keys as their operator would.
        /// - Returns: the changed lines of its configuration.
        private func encrypted(passphrase: String = words) async throws -> [String: String] {
            let file = try secret(passphrase, "credentials/selat-keys")
            var lines = ["sandbox:": "sandbox: yes\npassphrase: {credential: selat-keys}"]
            for name in ["tls", "signing", "agreement", "log", "witness"] {
                let key = "\(node.scratch.path)/\(name).key"
                let ended = try await Run.run(
                    try #require(Run.openssl),
                    [
                        "pkcs8", "-topk8", "-scrypt", "-in",
                        "\(node.sandbox.folder("SG"))/keys/\(name).key", "-passout",
                        "file:\(file)", "-out", key,
                    ])
                try #require(ended.status == 0, "\(ended.words)")
                chmod(key, 0o600)
                lines["\(name):"] = "  \(name): \(key)"
            }
            return lines
        }

        private func secret(_ text: String, _ name: String) throws -> String {
            let file = try node.scratch.write("\(text)\n", to: name)
            chmod(file, 0o400)
            return file
        }

        @Test func aPassphraseFromACredentialOpensThemAll() async throws {
            defer { node.scratch.remove() }
            let lines = try await encrypted()
            try await node.serving(lines, environment: credentials) { _ in
                let status = try await node.status()
                #expect(status.status == 0)
            }
            // The storage key is protected from its first byte on.
            let storage = try node.scratch.bytes("state/storage.key")
            #expect(storage.starts(with: Array("selat storage key 1\n".utf8)))
            #expect(storage.count == 97)
            let said = try node.scratch.text("stderr")
            #expect(!said.contains(Self.words) && !said.contains("PRIVATE KEY"))
            // And opens at the next start.
            try await node.serving(lines, environment: credentials) { _ in }
        }

        @Test func aPlainStorageKeyIsEncryptedOnceThereIsAPassphrase() async throws {
            defer { node.scratch.remove() }
            try await node.serving {}
            let plain = try node.scratch.bytes("state/storage.key")
            #expect(plain.count == 32)
            let file = try secret(Self.words, "passphrase")
            let lines = ["sandbox:": "sandbox: yes\npassphrase: {file: \(file)}"]
            try await node.serving(lines) {}
            let sealed = try node.scratch.bytes("state/storage.key")
            #expect(sealed.count == 97)
            try await node.serving(lines) {}
            #expect(try node.scratch.bytes("state/storage.key") == sealed)
            let without = try await node.refused()
            #expect(without.status == 78)
            #expect(without.stderr.contains("is encrypted; the configuration lacks `passphrase`"))
            _ = try secret("another", "passphrase2")
            let wrong = try await node.refused([
                "sandbox:": "sandbox: yes\npassphrase: {file: \(node.scratch.path)/passphrase2}"
            ])
            #expect(wrong.status == 78)
            #expect(wrong.stderr.contains("the passphrase is another, or the bytes were changed"))
            #expect(try node.scratch.bytes("state/storage.key") == sealed)
        }

        @Test func keysThatTheDaemonMakesAreEncryptedToo() async throws {
            defer { node.scratch.remove() }
            let lines = try await encrypted()
            for round in 1...2 {
                try await node.serving(lines, environment: credentials) { _ in
                    for purpose in ["tls", "mlkem", "witness"] {
                        let ended = try await Run.run(
                            Run.selat,
                            ["keys", "rotate", purpose, "--json", "--socket", node.control])
                        #expect(ended.status == 0, "\(ended.words)")
                        // The second daemon has read what the first one wrote.
                        #expect(try ended.json["made"] == .bool(round == 1))
                    }
                }
            }
            let made = node.scratch.files("state/keys")
            #expect(
                Set(made.map { $0.prefix { $0 != "-" } }) == ["tls", "mlkem", "witness"])
            for name in made {
                let pem = try node.scratch.text("state/keys/\(name)")
                #expect(pem.hasPrefix("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), "\(name)")
            }
        }

        /// What a crash or a full disk leaves of a key that is made or destroyed stops no start.
        @Test func whatABrokenOffKeyLeavesIsRemoved() async throws {
            defer { node.scratch.remove() }
            try node.scratch.write("half a key", to: "state/storage.key.new")
            chmod(node.state, 0o700)
            try await rotating("tls", isNew: true)
            #expect(!node.scratch.exists("state/storage.key.new"))
            #expect(try node.scratch.bytes("state/storage.key").count == 32)
            let made = node.scratch.files("state/keys")
            #expect(made.count == 1 && made.allSatisfy { $0.hasSuffix(".key") }, "\(made)")
            let unfinished = "mlkem-0000000000000000.key.new"
            let left: [(String, [UInt8])] = [
                ("signing-0000000000000000.key", [UInt8](repeating: 0, count: 241)),
                ("witness-0000000000000000.key", []),
                ("agreement-0000000000000000.key.over", Array("a key that is over".utf8)),
                (unfinished, Array("half a key".utf8)),
            ]
            for (name, bytes) in left {
                let file = try node.scratch.write(bytes, to: "state/keys/\(name)")
                chmod(file, 0o600)
            }
            try await rotating("tls", isNew: false)
            #expect(Set(node.scratch.files("state/keys")) == Set(made + [unfinished]))
            // The next making removes what an earlier one left, and nothing that is in use.
            try await rotating("witness", isNew: true)
            let names = node.scratch.files("state/keys")
            #expect(names.count == 2 && names.allSatisfy { $0.hasSuffix(".key") }, "\(names)")
            #expect(Set(made).isSubset(of: names))
        }

        /// Serves once, and lets the daemon make the next key of a purpose.
        private func rotating(_ purpose: String, isNew: Bool) async throws {
            try await node.serving {
                let ended = try await Run.run(
                    Run.selat, ["keys", "rotate", purpose, "--json", "--socket", node.control])
                #expect(try ended.json["made"] == .bool(isNew), "\(ended.words)")
            }
        }

        @Test func aWrongPassphraseIs78AndSaysNoSecret() async throws {
            defer { node.scratch.remove() }
            let lines = try await encrypted()
            chmod("\(node.scratch.path)/credentials/selat-keys", 0o600)
            _ = try secret("wrong words", "credentials/selat-keys")
            let ended = try await node.refused(lines, environment: credentials)
            #expect(ended.status == 78)
            #expect(ended.stderr.contains("tls.key`: "), "\(ended.stderr)")
            for word in ["wrong words", Self.words, "PRIVATE KEY", "MI"] {
                #expect(!ended.stderr.contains(word), "\(ended.stderr)")
            }
        }

        @Test func anEncryptedKeyWithoutPassphraseIs78() async throws {
            defer { node.scratch.remove() }
            var lines = try await encrypted()
            lines["sandbox:"] = "sandbox: yes"
            let ended = try await node.refused(lines)
            #expect(ended.status == 78)
            #expect(ended.stderr.contains("the configuration lacks `passphrase`"))
        }

        @Test(arguments: [
            ("passphrase: {credential: selat-keys}", "credential `selat-keys`: there is none"),
            ("passphrase: {credential: ../keys}", "`credential` must be a name, not a path"),
            ("passphrase: {credential: ../\u{301}keys}", "`credential` must be a name, not a path"),
            ("passphrase: {file: keys}", "`file` must be an absolute path, not `keys`"),
            ("passphrase: {file: /nowhere/keys}", "reading `/nowhere/keys`"),
            ("passphrase: {file: /etc/passwd}", "`/etc/passwd` can be read by others"),
            ("passphrase: secret", "`passphrase`"),
            ("passphrase: {}", "`passphrase` must name either a `credential` or a `file`"),
            ("passphrase: {value: secret}", "unknown key `value`"),
            ("token: {pin: {credential: pin}}", "`token` lacks `module`"),
            ("token: {module: /x.so}", "`token` lacks `pin`"),
            ("token: {module: x.so, pin: {credential: a}}", "`module` must be an absolute path"),
            ("token: {module: /x.so, pin: '1234'}", "`pin`"),
        ])
        func aWrongSourceIs78(line: String, says: String) async throws {
            defer { node.scratch.remove() }
            let ended = try await node.refused(["sandbox:": "sandbox: yes\n\(line)"])
            #expect(ended.status == 78)
            #expect(ended.stderr.contains(says), "\(ended.stderr)")
            #expect(!ended.stderr.contains("1234") || !line.contains("1234"), "\(ended.stderr)")
        }

        @Test func theDaemonsKeysAreLockedAndNeverDumped() async throws {
            defer { node.scratch.remove() }
            try await node.serving { daemon in
                func process(_ file: String) throws -> String {
                    try String(contentsOfFile: "/proc/\(daemon.id)/\(file)", encoding: .utf8)
                }
                let status = try process("status")
                let locked = try #require(status.firstMatch(of: #/VmLck:\s+(\d+) kB/#))
                #expect(try #require(Int(locked.1)) >= 512)
                #expect(try process("limits").contains(#/Max core file size +0 +0 /#))
                // What must not be dumped belongs to root, whoever runs it.
                let owner = try FileManager.default.attributesOfItem(
                    atPath: "/proc/\(daemon.id)/environ")
                #expect(owner[.ownerAccountID] as? Int == 0)
                let warnings = try await node.status().json["warnings"]?.arrayValue ?? []
                #expect(!warnings.contains { $0.stringValue?.contains("keys") == true })
            }
        }
    }
}
