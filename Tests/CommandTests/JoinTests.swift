import Foundation
import SelatCore
import SelatTestSupport
import Testing

extension CommandTests {
    /// A country that is no member yet: its authority with the real `openssl`, by the very commands
    /// of certs/README.md, and its node.
    struct NewMember: Sendable {
        let scratch: Scratch
        let sandbox: Sandbox
        let port: Int

        init() throws { try self.init(joining: try Sandbox.current()) }

        init(joining sandbox: Sandbox) throws {
            scratch = try Scratch()
            self.sandbox = sandbox
            port = Int(try FreePort.any())
        }

        var node: String { "\(scratch.path)/node" }
        /// An own copy of the policy files, where there is one.
        var policies: String {
            scratch.exists("policies") ? "\(scratch.path)/policies" : sandbox.policies
        }
        var authority: String { "\(scratch.path)/ca" }
        func issued(_ name: String) -> String { "\(authority)/\(name).pem" }
        static let purposes = ["tls", "signing", "agreement"]

        func selat(_ words: String...) async throws -> Ended {
            try await Run.run(Run.selat, words, in: scratch.path)
        }

        /// `selat join` on the new node.
        func join(_ more: String...) async throws -> Ended {
            try await Run.run(
                Run.selat,
                [
                    "join", "--node", "TH/hub", "--host", "127.0.0.1", "--port", "\(port)",
                    "--listen", "127.0.0.1", "--membership", sandbox.membership, "--trust",
                    try sandbox.trust(), "--out", node, "--state", "\(scratch.path)/state",
                    "--control", "\(scratch.path)/c.sock", "--policies", policies,
                ] + more)
        }

        /// The authority's whole ceremony; the node's requests were handed over.
        func issue() async throws -> Ended {
            try scratch.write("correct horse\n", to: "ca/root.pass")
            let files = FileManager.default
            try files.copyItem(
                atPath: "\(Run.root)/certs/profiles.cnf", toPath: "\(authority)/profiles.cnf")
            try files.copyItem(atPath: "\(node)/requests", toPath: "\(authority)/requests")
            let page = try String(contentsOfFile: "\(Run.root)/certs/README.md", encoding: .utf8)
            let blocks = page.components(separatedBy: "```").enumerated()
                .filter { $0.offset % 2 == 1 && $0.element.hasPrefix("sh\n") }
                .map { $0.element.dropFirst(3) }
                // Nothing is revoked yet.
                .filter { !$0.contains("-revoke") }
            return try await script(blocks.joined())
        }

        /// Runs commands of the authority in its folder.
        func script(_ text: String) async throws -> Ended {
            try await Run.run("/bin/bash", ["-euo", "pipefail", "-c", text], in: authority)
        }

        /// Issues once more, by another profile or under another name.
        func issue(
            _ request: String, as profile: String, uri: String = "selat://TH/hub", days: Int = 30
        ) async throws -> String {
            let ended = try await script(
                """
                export SELAT_URI=\(uri) SELAT_DNS=localhost
                openssl ca -batch -notext -config profiles.cnf -passin file:root.pass \
                  -in requests/\(request).csr -subj /CN=x -extensions \(profile) -days \(days) \
                  -out again.pem
                """)
            try #require(ended.status == 0, "\(ended.words)")
            return issued("again")
        }

        func finish(_ certificates: [String], ca: String? = nil) async throws -> Ended {
            try await Run.run(
                Run.selat,
                [
                    "join", "finish", "--out", node, "--ca", ca ?? issued("root"), "--json",
                    "--certificates",
                ] + certificates)
        }
    }

    /// How a node and a member join, as far as it needs no other member.
    @Suite(.enabled(if: Run.openssl != nil, "openssl is not installed"))
    struct JoinTests {
        let member: NewMember

        init() throws { member = try NewMember() }

        @Test func newNodeMakesKeysThatOpensslFindsGood() async throws {
            defer { member.scratch.remove() }
            let joined = try await member.join("--json")
            try #require(joined.status == 0, "\(joined.words)")
            for name in ["tls", "signing", "agreement", "mlkem", "log", "witness"] {
                let path = "\(member.node)/keys/\(name).key"
                let attributes = try FileManager.default.attributesOfItem(atPath: path)
                #expect(attributes[.posixPermissions] as? Int == 0o600)
            }
            let issued = try await member.issue()
            try #require(issued.status == 0, "\(issued.words)")
            // The page's own command shows what the node shows.
            for purpose in NewMember.purposes {
                let shown = try joined.json["fingerprints"]?[purpose]?.stringValue
                #expect(issued.stdout.contains(try #require(shown)))
            }
            let again = try await member.join()
            #expect(again.status == 1 && again.stderr.contains("no key is overwritten"))
        }

        @Test func keysAreEncryptedWhereAPassphraseIsNamed() async throws {
            defer { member.scratch.remove() }
            let passphrase = try member.scratch.write("correct horse\n", to: "pass")
            let joined = try await member.join(
                "--passphrase-file", passphrase, "--credential", "selat-keys")
            try #require(joined.status == 0, "\(joined.words)")
            for name in ["tls", "signing", "agreement", "mlkem", "log", "witness"] {
                let path = "\(member.node)/keys/\(name).key"
                let pem = try member.scratch.text("node/keys/\(name).key")
                #expect(pem.hasPrefix("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"))
                // OpenSSL 3.0 opens the container also of the key that it does not know.
                let opened = try await Run.run(
                    try #require(Run.openssl),
                    ["pkcs8", "-in", path, "-passin", "file:\(passphrase)", "-out", "/dev/null"])
                #expect(opened.status == 0 || name == "mlkem", "\(name): \(opened.words)")
            }
            let configuration = try member.scratch.text("node/selatd.yaml")
            #expect(configuration.contains("\npassphrase: {credential: selat-keys}\n"))
            #expect(!configuration.contains("correct horse"))
        }

        @Test func withoutACredentialTheConfigurationNamesTheFile() async throws {
            defer { member.scratch.remove() }
            let passphrase = try member.scratch.write("correct horse\n", to: "pass")
            #expect(try await member.join("--passphrase-file", passphrase).status == 0)
            let configuration = try member.scratch.text("node/selatd.yaml")
            #expect(configuration.contains("\npassphrase: {file: \(passphrase)}\n"))
        }

        @Test func aPassphraseThatTheDaemonCouldNotReadIsRefused() async throws {
            defer { member.scratch.remove() }
            let empty = try member.scratch.write("\nx\n", to: "empty")
            let long = try member.scratch.write(
                String(repeating: "x", count: 1_025), to: "long")
            for file in [empty, long, "/nowhere"] {
                let ended = try await member.join("--passphrase-file", file)
                #expect(ended.status != 0 && ended.stderr.contains("`\(file)`"), "\(ended.words)")
            }
            for name in ["../x", "a b", ""] {
                let ended = try await member.join(
                    "--passphrase-file", long, "--credential", name)
                #expect(ended.status == 64, "\(ended.words)")
            }
            let alone = try await member.join("--credential", "selat-keys")
            #expect(alone.status == 64 && alone.stderr.contains("--passphrase-file"))
            #expect(!member.scratch.exists("node/keys"))
        }

        @Test func authoritysCertificatesAreTakenAndMakeARecord() async throws {
            defer { member.scratch.remove() }
            #expect(try await member.join().status == 0)
            #expect(try await member.issue().status == 0)
            let early = try await member.finish([member.issued("tls")])
            #expect(early.status == 4 && early.stderr.contains("signing, agreement"))
            let files = NewMember.purposes.map(member.issued)
            let finished = try await member.finish(files)
            #expect(finished.status == 0, "\(finished.words)")
            #expect(try finished.json["certificates"]?.arrayValue?.count == 3)
            #expect(member.scratch.exists("node/keys/tls.pem"))

            let record = try await member.selat(
                "join", "record", "--sheet", "node/join.json", "--certificate", files[0],
                "--certificate", files[1], "--certificate", files[2], "--ca",
                member.issued("root"), "--officer",
                "TH/hub/somchai:releasing-officer:\(member.issued("somchai"))", "--policy-signer",
                member.issued("somchai"), "--policy-signer", member.issued("malee"), "--out", "-")
            #expect(record.status == 0, "\(record.words)")
            let document = try record.json
            #expect(document["type"] == "member-record" && document["serial"] == 1)
            // The very numbers that are read out at the node, those of log and witness too.
            let shown = try member.scratch.text("node/join.txt").matches(
                of: #/(\w+) +((?:\d{5} ){7}\d{5})/#)
            #expect(Set(shown.map { String($0.1) }).isSuperset(of: ["tls", "log", "witness"]))
            for key in shown {
                #expect(record.stderr.contains(String(key.2)), "\(key.1): \(record.words)")
            }
            let sheet = try member.scratch.text("node/join.json")
            let log = try #require(sheet.firstMatch(of: #/"log":"[^"]+"/#)?.output)
            try member.scratch.write(sheet.replacing(log, with: #""log":"x""#), to: "x.json")
            let unnamed = try await member.selat(
                "join", "record", "--sheet", "x.json", "--certificate", files[0], "--certificate",
                files[1], "--certificate", files[2], "--ca", member.issued("root"), "--out", "-")
            #expect(unnamed.status == 3, "\(unnamed.words)")
            #expect(unnamed.stdout.isEmpty && unnamed.stderr.contains("its log key is none"))
            #expect(document["nodes"]?.arrayValue?.first?["id"] == "TH/hub")

            let candidate = try await member.selat(
                "join", "member", "--country", "TH", "--sector", "public", "--ca",
                member.issued("root"), "--authority", member.issued("authority-1"), "--authority",
                member.issued("authority-2"), "--out", "-")
            #expect(candidate.status == 0, "\(candidate.words)")
            #expect(try candidate.json["threshold"] == 2)
            #expect(try candidate.json["authorities"]?.arrayValue?.count == 2)
        }

        @Test func aCertificateThatIsNotThereIsNoVerdict() async throws {
            defer { member.scratch.remove() }
            #expect(try await member.join().status == 0)
            #expect(try await member.issue().status == 0)
            for (file, ca, says) in [
                ("/nowhere.pem", member.issued("root"), "`/nowhere.pem`: No such file"),
                (member.issued("tls"), member.scratch.path, "`: it is a folder"),
            ] {
                let ended = try await member.finish([file], ca: ca)
                #expect(ended.status == 1, "\(ended.words)")
                #expect(ended.stderr.contains(says), "\(ended.words)")
            }
        }

        @Test func wrongCertificateIsRefusedInWords() async throws {
            defer { member.scratch.remove() }
            #expect(try await member.join().status == 0)
            #expect(try await member.issue().status == 0)
            func refused(_ file: String, _ words: String) async throws {
                let ended = try await member.finish([file])
                #expect(ended.status == 3, "\(ended.words)")
                #expect(ended.stderr.contains(words), "\(ended.words)")
            }
            try await refused(member.issued("somchai"), "for none of this node's keys")
            try await refused(
                try await member.issue("tls", as: "signing"), "extended key usage")
            try await refused(
                try await member.issue("signing", as: "signing", uri: "selat://TH/other"),
                "must name `selat://TH/hub`")
            try await refused(
                try await member.issue("agreement", as: "agreement", days: 91),
                "lives 91 days, and at most 90")
            try await refused("\(member.node)/join.json", "no `CERTIFICATE` block")
            let foreign = "\(member.sandbox.path)/authority-SG/root.pem"
            let ended = try await member.finish([member.issued("tls")], ca: foreign)
            #expect(ended.status == 3 && ended.stderr.contains("certificate"), "\(ended.words)")
        }

        /// Each option once.
        private func join(_ changed: [String: String]) async throws -> Ended {
            let words = [
                "--node": "TH/hub", "--host": "selat.th.example", "--out": member.node,
                "--membership": member.sandbox.membership, "--trust": try member.sandbox.trust(),
            ].merging(changed) { $1 }
            return try await Run.run(
                Run.selat,
                ["join"] + words.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] })
        }

        @Test(arguments: [
            ["--host": ""], ["--host": "selat.th.example:7443"], ["--host": "bad host"],
            ["--host": "[::1]"], ["--host": "300.1.1.1"], ["--host": "-x.example"],
            ["--port": "0"], ["--listen": "0.0.0.0:7443"], ["--state": "/var/lib/a\tb"],
        ])
        func wrongArgumentsLeaveNothing(_ changed: [String: String]) async throws {
            defer { member.scratch.remove() }
            let ended = try await join(changed)
            #expect(ended.status == 64, "\(ended.words)")
            #expect(member.scratch.files("node").isEmpty)
            let mended = try await join([:])
            #expect(mended.status == 0, "\(mended.words)")
        }

        @Test(arguments: ["selatd.yaml", "join.txt", "join.json", "requests/tls.csr"])
        func whatLiesThereIsSeenBeforeTheFirstKey(_ name: String) async throws {
            defer { member.scratch.remove() }
            try member.scratch.write("mine", to: "node/\(name)")
            let ended = try await join([:])
            #expect(ended.status == 1 && ended.stderr.contains(name), "\(ended.words)")
            #expect(member.scratch.files("node") == [name])
        }

        @Test func theDaemonReadsEveryConfigurationThatIsWritten() async throws {
            defer { member.scratch.remove() }
            let odd = "\(member.scratch.path)/a \"b\", {c}: d's #e"
            for (place, changed) in [
                ("v6", ["--listen": "::", "--host": "2001:db8::1"]),
                ("odd", ["--state": odd, "--control": odd, "--policies": odd]),
            ] {
                let folder = "\(member.scratch.path)/\(place) %1"
                let ended = try await join(changed.merging(["--out": folder]) { $1 })
                try #require(ended.status == 0, "\(ended.words)")
                let checked = try await Run.run(
                    Run.selatd, ["--check", "--config", "\(folder)/selatd.yaml"])
                #expect(checked.status == 0, "\(checked.words)")
                let sheet = try member.scratch.text("\(place) %1/join.txt")
                #expect(sheet.contains("--out FOLDER --membership DIR --certificates FILE"))
            }
        }

        @Test func aNodeThatWaitsToBeListedTakesAReload() async throws {
            defer { member.scratch.remove() }
            #expect(try await member.join().status == 0)
            let file = "node/selatd.yaml"
            let good = try member.scratch.text(file)
            let daemon = try Running(
                Run.selatd, ["--config", "\(member.scratch.path)/\(file)"], place: member.scratch)
            defer { daemon.signal(SIGKILL) }
            // It answers before it hears the signal, which is sent until it has.
            func says(_ words: String, after signal: Int32? = nil) async throws {
                let deadline = ContinuousClock.now + .seconds(60)
                while !(try member.scratch.text("stderr").contains(words)) {
                    let said = try member.scratch.text("stderr")
                    try #require(daemon.isRunning && ContinuousClock.now < deadline, "\(said)")
                    if let signal { daemon.signal(signal) }
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            try await says("waiting to be listed")
            let socket = "\(member.scratch.path)/c.sock"
            let deadline = ContinuousClock.now + .seconds(60)
            while try await Run.run(Run.selat, ["status", "--socket", socket]).status != 0 {
                try #require(daemon.isRunning && ContinuousClock.now < deadline)
            }
            try member.scratch.write(good + "rolls: {}\n", to: file)
            try await says("reload refused", after: SIGHUP)
            try member.scratch.write(
                good + "roles: {administrator: [root]}\nrelay: {transfers: 7}\n", to: file)
            try await says("configuration read again", after: SIGHUP)
            try await says("takes effect at the next start keys=relay")
            daemon.signal(SIGTERM)
            #expect(await daemon.end() == 0)
        }

        /// With it the node would ask the others: waiting would be in vain.
        @Test func aCertificateOfAnotherKeyEndsTheStartOfANodeThatIsNotListed() async throws {
            defer { member.scratch.remove() }
            #expect(try await member.join().status == 0)
            try FileManager.default.copyItem(
                atPath: "\(member.sandbox.path)/authority-SG/root.pem",
                toPath: "\(member.node)/keys/tls.pem")
            let ended = try await Run.run(
                Run.selatd, ["--config", "\(member.node)/selatd.yaml"], seconds: 60)
            #expect(ended.status == 78, "\(ended.words)")
            #expect(ended.stderr.contains("is for another key than"), "\(ended.words)")
        }

        @Test func anotherFederationsDigestIsNotBelieved() async throws {
            defer { member.scratch.remove() }
            let ended = try await Run.run(
                Run.selat,
                [
                    "join", "--node", "TH/hub", "--host", "x", "--membership",
                    member.sandbox.membership, "--trust",
                    "sha256:" + String(repeating: "0", count: 64), "--out", member.node,
                ])
            #expect(ended.status == 3 && ended.stderr.contains("trusts"), "\(ended.words)")
            #expect(!member.scratch.exists("node/keys"))
        }

        @Test func changedSheetIsNoticed() async throws {
            defer { member.scratch.remove() }
            #expect(try await member.join().status == 0)
            #expect(try await member.issue().status == 0)
            let sheet = try member.scratch.text("node/join.json")
            let digits = try #require(sheet.firstMatch(of: #/"tls":"([0-9]{5})/#))
            let changed = sheet.replacing(
                "\"tls\":\"\(digits.1)",
                with: "\"tls\":\"\(digits.1 == "00000" ? "00001" : "00000")")
            try member.scratch.write(changed, to: "node/join.json")
            let ended = try await member.finish([member.issued("tls")])
            #expect(ended.status == 3 && ended.stderr.contains("fingerprint"), "\(ended.words)")
        }
    }
}
