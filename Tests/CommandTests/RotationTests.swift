import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// A node's keys change while it sends and receives, and nothing fails.
    @Suite(.enabled(if: Run.openssl != nil, "openssl is not installed"))
    struct RotationTests {
        /// The authority of SG, with the real `openssl`.
        private func issue(
            _ request: String, as profile: String, for sandbox: Sandbox, to file: String
        ) async throws {
            let authority = "\(sandbox.path)/authority-SG"
            let ended = try await Run.run(
                try #require(Run.openssl),
                [
                    "x509", "-req", "-sha256", "-in", request, "-CA", "\(authority)/root.pem",
                    "-CAkey", "\(authority)/root.key", "-days", "60", "-extfile",
                    "\(Run.root)/certs/profiles.cnf", "-extensions", profile, "-out", file,
                ], environment: ["SELAT_URI": "selat://SG/hub", "SELAT_DNS": "localhost"])
            try #require(ended.status == 0, "\(ended.words)")
        }

        /// Signs what was proposed by both of SG's authorities, and hands it to SG's node.
        private func publish(
            _ proposal: String, in sandbox: Sandbox, on country: String = "SG"
        ) async throws {
            var file = proposal
            for person in ["authority-1", "authority-2"] {
                let key = "\(sandbox.path)/authority-SG/\(person)"
                let signed = try await sandbox.selat(
                    "members", "sign", file, "--yes", "--key", "\(key).key", "--certificate",
                    "\(key).pem", on: country)
                try #require(signed.status == 0, "\(signed.words)")
                file = proposal.replacing(".json", with: ".cms")
            }
            let published = try await sandbox.selat("members", "publish", file, on: country)
            try #require(published.status == 0, "\(published.words)")
        }

        private func keys(_ sandbox: Sandbox) async throws -> [JSON] {
            let ended = try await sandbox.selat("keys", "--json", on: "SG")
            return try ended.json["keys"]?.arrayValue ?? []
        }

        /// Sends in both directions until `isDone`, and demands that each transfer arrives.
        private func load(
            _ dataset: String, in sandbox: Sandbox, until isDone: () async throws -> Bool
        ) async throws -> Int {
            let deadline = ContinuousClock.now + .seconds(180)
            var sent = 0
            while try await !isDone() {
                let standing = try await keys(sandbox)
                try #require(ContinuousClock.now < deadline, "\(standing)")
                _ = try await sandbox.delivered(dataset)
                let back = try await sandbox.selat(
                    ["send", dataset, "--to", "SG/hub", "--wait", "--timeout", "50s"]
                        + Sandbox.harmless, on: "MY")
                try #require(back.status == 0, "\(back.words)")
                sent += 2
            }
            return sent
        }

        /// Lets SG's daemon make the next key of each purpose, and has them certified.
        /// - Returns: their fingerprints, and the proposal of a record that lists them first.
        private func rotate(
            _ purposes: [String], in sandbox: Sandbox
        ) async throws -> (made: Set<String>, proposal: String) {
            let scratch = sandbox.scratch
            let proposal = "\(scratch.path)/SG-2.json"
            var propose = ["members", "propose", "--record", "SG", "--out", proposal]
            var made: Set<String> = []
            for purpose in purposes {
                let asked = "\(scratch.path)/\(purpose).asked"
                let rotated = try await sandbox.selat(
                    "keys", "rotate", purpose, "--out", asked, "--json", on: "SG")
                try #require(rotated.status == 0, "\(rotated.words)")
                made.insert(try rotated.json.member("fingerprint"))
                guard try rotated.json.has("request") else {
                    propose += ["--\(purpose)", "SG/hub=\(asked)"]
                    continue
                }
                let file = "\(scratch.path)/\(purpose).pem"
                try await issue(asked, as: purpose, for: sandbox, to: file)
                propose += ["--certificate", file]
            }
            let proposed = try await sandbox.selat(propose, on: "SG")
            try #require(proposed.status == 0, "\(proposed.words)")
            return (made, proposal)
        }

        @Test func everyKeyButTheLogsChangesUnderLoad() async throws {
            try await Sandbox.fresh { sandbox in
                let scratch = sandbox.scratch
                let dataset = try scratch.write("station,level\n1,2\n", to: "gauges.csv")
                let first = try await sandbox.delivered(dataset)
                let before = try await keys(sandbox)
                let purposes = ["tls", "signing", "agreement", "mlkem", "witness"]
                let (made, proposal) = try await rotate(purposes, in: sandbox)
                // Asked again, the same keys are answered.
                let again = try await sandbox.selat("keys", "rotate", "mlkem", "--json", on: "SG")
                #expect(try again.json["made"] == false)
                #expect(made.contains(try again.json.member("fingerprint")))
                try await publish(proposal, in: sandbox)
                let sent = try await load(dataset, in: sandbox) {
                    let inUse = try await keys(sandbox).filter { $0["state"] == "in-use" }
                    return made.isSubset(of: inUse.compactMap { $0["fingerprint"]?.stringValue })
                }
                #expect(sent > 0)
                try await drop(before, in: sandbox, dataset)
                try await verify(first, in: sandbox)
            }
        }

        /// The record drops the old certificates: their keys are destroyed, but for key agreement.
        private func drop(_ before: [JSON], in sandbox: Sandbox, _ dataset: String) async throws {
            let scratch = sandbox.scratch
            let proposal = "\(scratch.path)/SG-3.json"
            let again = try await sandbox.selat(
                "members", "propose", "--record", "SG", "--renew", "--out", proposal, on: "SG")
            try #require(again.status == 0, "\(again.words)")
            // Every list of certificates keeps its newest alone.
            let text = try String(contentsOfFile: proposal, encoding: .utf8)
            var record = try #require(try JSON(parsing: Array(text.utf8)).objectValue)
            try lay(try #require(record["nodes"]?.arrayValue?.first), in: sandbox)
            record["nodes"] = .array(
                (record["nodes"]?.arrayValue ?? []).map { node in
                    var node = node.objectValue ?? [:]
                    var certificates = node["certificates"]?.objectValue ?? [:]
                    for (purpose, all) in certificates {
                        certificates[purpose] = .array(Array((all.arrayValue ?? []).prefix(1)))
                    }
                    node["certificates"] = .object(certificates)
                    node["mlkem"] = .array(Array((node["mlkem"]?.arrayValue ?? []).prefix(1)))
                    return .object(node)
                })
            try scratch.write(JSON.object(record).pretty, to: "SG-3.json")
            try await publish(proposal, in: sandbox)
            let old = Dictionary(
                uniqueKeysWithValues: try before.map {
                    (try $0.member("fingerprint"), try $0.member("purpose"))
                })
            _ = try await load(dataset, in: sandbox) {
                let destroyed = try await keys(sandbox).filter { $0["state"] == "destroyed" }
                return Set(try destroyed.map { try $0.member("purpose") })
                    == ["tls", "signing", "witness"]
            }
            for key in try await keys(sandbox)
            where key["purpose"] == "agreement" || key["purpose"] == "mlkem" {
                let isOld = old[try key.member("fingerprint")] != nil
                #expect(key["state"] == (isOld ? "old" : "in-use"), "\(key)")
                #expect((key["until"] != nil) == isOld)
            }
            // What was made before still stands in the folder only where it must.
            #expect(!scratch.exists("f/SG-hub/keys/signing.key"))
            #expect(scratch.exists("f/SG-hub/keys/agreement.key"))
            #expect(scratch.exists("f/SG-hub/keys/mlkem.key"))
            try await witnessed("MY", in: sandbox)
            #expect(!scratch.exists("f/SG-hub/keys/tls.key"))
            try sandbox.crash("SG")
            try await sandbox.start()
            let log = try scratch.text("f/SG-hub/selatd.log")
            #expect(log.contains("not used, and not needed any more"), "\(log)")
            // What comes next asks for proofs.
            let deadline = ContinuousClock.now + .seconds(180)
            while try await sandbox.selat("status", "--json", on: "SG").json["log"]?["standing"]
                != "proven"
            {
                try #require(ContinuousClock.now < deadline, "SG's log is not proven again")
            }
        }

        /// Lays the oldest TLS certificate beside its key, as `join finish` does.
        private func lay(_ node: JSON, in sandbox: Sandbox) throws {
            let listed = node["certificates"]?["tls"]?.arrayValue ?? []
            let der = Data(base64Encoded: try #require(listed.last?.stringValue))
            let lines = try #require(der).base64EncodedString(
                options: [.lineLength64Characters, .endLineWithLineFeed])
            try sandbox.scratch.write(
                "-----BEGIN CERTIFICATE-----\n\(lines)\n-----END CERTIFICATE-----\n",
                to: "f/SG-hub/keys/tls.pem")
        }

        /// Every entry of a log is cosigned by its quorum, of which SG must be one: of three members
        /// both others.
        private func witnessed(_ country: String, in sandbox: Sandbox) async throws {
            let deadline = ContinuousClock.now + .seconds(180)
            while true {
                let log = try await sandbox.selat("status", "--json", on: country).json["log"]
                if log?["unwitnessed"]?.integerValue == 0 { return }
                try #require(ContinuousClock.now < deadline, "\(String(describing: log))")
            }
        }

        /// What was sealed to the old keys while nobody knew of new ones arrives and opens after the
        /// record has changed them.
        @Test func whatWasSealedBeforeTheKeysChangedIsDeliveredAfterwards() async throws {
            try await Sandbox.fresh { sandbox in
                let scratch = sandbox.scratch
                let dataset = try scratch.write("station,level\n3,4\n", to: "gauges.csv")
                let (made, proposal) = try await rotate(["agreement", "mlkem"], in: sandbox)
                try sandbox.crash("SG")
                let sent = try await sandbox.selat(
                    ["send", dataset, "--to", "SG/hub", "--json"] + Sandbox.harmless, on: "MY")
                try #require(sent.status == 0, "\(sent.words)")
                let id = try sent.json.member("id")
                try await publish(proposal, in: sandbox, on: "VN")
                try await sandbox.start()
                try await arrived(id, in: sandbox)
                let inUse = try await keys(sandbox).filter { $0["state"] == "in-use" }
                #expect(made.isSubset(of: inUse.compactMap { $0["fingerprint"]?.stringValue }))
                let opened = try await sandbox.selat(
                    "open", id, "--out", "\(scratch.path)/opened", on: "SG")
                #expect(opened.status == 0, "\(opened.words)")
                #expect(try scratch.text("opened/gauges.csv") == "station,level\n3,4\n")
            }
        }

        private func arrived(_ id: String, in sandbox: Sandbox) async throws {
            let deadline = ContinuousClock.now + .seconds(180)
            while true {
                let shown = try await sandbox.selat("show", id, "--json", on: "MY")
                if try shown.json["state"] == "delivered" { return }
                try #require(ContinuousClock.now < deadline, "\(shown.words)")
            }
        }

        @Test func onlyAKeyThatServesThePurposeIsMade() async throws {
            let sandbox = try Sandbox.current()
            for (words, says) in [
                (["mlkem", "--kind", "P-256"], "a mlkem key cannot be P-256"),
                (["tls", "--kind", "ML-KEM-768"], "a tls key cannot be ML-KEM-768"),
                (["mlkem", "--kind", "ML-KEM-512"], "`ML-KEM-512` is no kind of key"),
                (["log"], "the log's key is the log's name"),
                (["nonsense"], "`nonsense` is no purpose of a key"),
            ] {
                let ended = try await sandbox.selat(["keys", "rotate"] + words, on: "SG")
                #expect(ended.status != 0 && ended.stderr.contains(says), "\(ended.words)")
            }
        }

        @Test func aRecordNamesOnlyKeysThatAreSome() async throws {
            let sandbox = try Sandbox.current()
            let scratch = try Scratch()
            defer { scratch.remove() }
            let short = try scratch.write("AAAA\n", to: "short.pub")
            let words = try scratch.write("no key\n", to: "words.pub")
            for (option, says) in [
                (["--mlkem", "SG/hub=\(short)"], "an ML-KEM key of 3 bytes"),
                (["--mlkem", "SG/hub=\(words)"], "it is no line of base64"),
                (["--mlkem", short], "expected such as SG/csa=mlkem.pub"),
                (["--drop-mlkem", "SG/hub=12345"], "`12345` is no fingerprint"),
                (
                    ["--drop-mlkem", "SG/hub=00000 00000 00000 00000 00000 00000 00000 00000"],
                    "lists no ML-KEM key 00000"
                ),
                (["--witness", "SG/hub=\(words)"], "it is no key of a witness"),
            ] {
                let ended = try await sandbox.selat(
                    ["members", "propose", "--record", "SG", "--out", "\(scratch.path)/x.json"]
                        + option, on: "SG")
                #expect(ended.status != 0 && ended.stderr.contains(says), "\(ended.words)")
                #expect(!scratch.exists("x.json"))
            }
        }

        /// What was signed with the old keys stays good, and the log says what happened.
        private func verify(_ transfer: String, in sandbox: Sandbox) async throws {
            let audit = try await sandbox.selat("audit", "verify", on: "SG")
            #expect(audit.status == 0, "\(audit.words)")
            let folder = "\(sandbox.scratch.path)/proof"
            let proof = try await sandbox.selat(
                "audit", "prove", transfer, "--out", folder, on: "SG")
            try #require(proof.status == 0, "\(proof.words)")
            let verified = try await Run.run(
                Run.selat, ["audit", "verify", folder, "--trust", try sandbox.trust()])
            #expect(verified.status == 0, "\(verified.words)")
            for (kind, count) in [("keys.made", 5), ("keys.destroyed", 3)] {
                let log = try await sandbox.selat(
                    "audit", "log", "--kind", kind, "--json", on: "SG")
                #expect(try log.json["entries"]?.arrayValue?.count == count, "\(log.words)")
            }
        }
    }

    /// A country joins a federation that runs.
    @Suite struct SandboxAddTests {
        @Test func fourthMemberJoinsWhileTheOthersRun() async throws {
            try await Sandbox.fresh { sandbox in
                async let adding = Run.run(
                    Run.selat,
                    [
                        "sandbox", "add", sandbox.path, "--member", "TH", "--policies",
                        "\(Run.root)/Policies", "--json",
                    ], seconds: 150)
                // It was called ready when it began to wait, so from the moment at which it goes on.
                try await says(" listed node=", in: sandbox)
                kill(try sandbox.process("TH"), SIGHUP)
                let added = try await adding
                try #require(added.status == 0, "\(added.words)")
                try await says("configuration read again", in: sandbox)
                let log = try sandbox.scratch.text("f/TH-hub/selatd.log")
                #expect(log.contains("waiting to be listed") && log.contains("ready"), "\(log)")
                let dataset = try sandbox.scratch.write("a\n1\n", to: "a.csv")
                let there = try await sandbox.send(dataset, to: "TH")
                #expect(there.status == 0, "\(there.words)")
                let back = try await sandbox.selat(
                    ["send", dataset, "--to", "VN/hub", "--wait", "--timeout", "50s"]
                        + Sandbox.harmless, on: "TH")
                #expect(back.status == 0, "\(back.words)")
                let again = try await Run.run(
                    Run.selat, ["sandbox", "add", sandbox.path, "--member", "TH"])
                #expect(again.status == 64, "\(again.words)")
            }
        }

        /// Waits until TH's daemon has logged it.
        private func says(_ words: String, in sandbox: Sandbox) async throws {
            let deadline = ContinuousClock.now + .seconds(150)
            while true {
                let log = (try? sandbox.scratch.text("f/TH-hub/selatd.log")) ?? ""
                if log.contains(words) { return }
                try #require(ContinuousClock.now < deadline, "it does not say `\(words)`: \(log)")
                try await Task.sleep(for: .milliseconds(5))
            }
        }
    }
}

extension JSON {
    fileprivate func has(_ key: String) -> Bool { self[key] != nil }

    /// A member that must be there.
    fileprivate func member(_ key: String) throws -> String {
        try #require(self[key]?.stringValue, "\(self) has no `\(key)`")
    }
}
