import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// What an auditor gets, and checks without any daemon.
    @Suite struct EvidenceTests {
        let sandbox: Sandbox
        let scratch: Scratch

        init() throws {
            sandbox = try Sandbox.current()
            scratch = try Scratch()
        }

        private func trust() async throws -> String {
            let status = try await sandbox.selat("status", "--json", on: "SG").json
            return try #require(status["membership"]?["federation"]?.stringValue)
        }

        private func verify(_ folder: String, _ trust: String) async throws -> Ended {
            try await Run.run(
                Run.selat, ["audit", "verify", "\(scratch.path)/\(folder)", "--trust", trust])
        }

        @Test func bothEndsProveATransferOffline() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("one", to: "one.txt"))
            let trust = try await trust()
            // An auditor's folder may have any name.
            for (country, folder) in [("SG", "for the auditor, é, 50%20"), ("VN", "VN")] {
                let out = "\(scratch.path)/\(folder)"
                let proved = try await sandbox.selat(
                    "audit", "prove", id, "--out", out, on: country)
                try #require(proved.status == 0, "\(proved.words)")
                let verified = try await verify(folder, trust)
                #expect(verified.status == 0, "\(verified.words)")
                for words in [
                    "took in whole this envelope", "byte for byte the same",
                    "signed by their members' policy signers: ASEAN", "\nsound\n",
                ] { #expect(verified.stdout.contains(words), "\(country): \(words)") }
            }
            let again = try await sandbox.selat(
                "audit", "prove", id, "--out", "\(scratch.path)/VN", on: "SG")
            #expect(again.status == 1)
            #expect(again.stderr.contains("exists already"))
        }

        /// Who sent what to whom, and why it was permitted, is nobody else's to read.
        @Test func evidenceIsForItsOwnerAlone() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("six", to: "six.txt"))
            let out = "\(scratch.path)/p"
            let (proved, synced) = try await Run.synced(
                Run.selat,
                ["audit", "prove", id, "--out", out, "--socket", sandbox.socket("SG")])
            try #require(proved.status == 0, "\(proved.words)")
            func mode(_ path: String) throws -> Int? {
                let attributes = try FileManager.default.attributesOfItem(atPath: path)
                return attributes[.posixPermissions] as? Int
            }
            for folder in ["", "/log", "/membership/records"] {
                #expect(try mode(out + folder) == 0o700, "\(folder)")
            }
            let files = scratch.files("p")
            #expect(files.contains { $0.hasSuffix(".details.json") })
            for file in files { #expect(try mode("\(out)/\(file)") == 0o600, "\(file)") }
            // The last is the folder that has its name.
            if let synced { #expect(synced.last == scratch.path, "\(synced)") }
        }

        /// Whoever asked for it hands it on, and scripts go by the exit status.
        @Test func whatIsWrongIsNotHandedOutAsEvidence() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("five", to: "five.txt"))
            let proved = try await sandbox.selat(
                "audit", "prove", id, "--out", "\(scratch.path)/p", on: "SG")
            try #require(proved.status == 0, "\(proved.words)")
            var files: JSON.Object = [:]
            for path in scratch.files("p") {
                var bytes = try scratch.bytes("p/\(path)")
                if path == "header.cms" { bytes[bytes.count / 2] ^= 1 }
                files[path] = .string(Base64.encode(bytes))
            }
            func prove(_ files: JSON.Object, _ out: String) async throws -> Ended {
                let daemon = try FakeDaemon(
                    at: "\(scratch.path)/control.sock", status: "200 OK",
                    type: "application/json", JSON.object(["files": .object(files)]).canonical)
                defer { daemon.end() }
                return try await Run.run(
                    Run.selat,
                    [
                        "audit", "prove", id, "--out", "\(scratch.path)/\(out)", "--json",
                        "--socket", daemon.path,
                    ])
            }
            let wrong = try await prove(files, "wrong")
            #expect(wrong.status == 3, "\(wrong.words)")
            #expect(wrong.stderr.contains("selat: warning: wrong: "), "\(wrong.words)")
            #expect(wrong.stderr.contains("wrong` is not sound"), "\(wrong.words)")
            #expect(try wrong.json["report"]?["sound"] == false)
            for (name, path) in [("outside", "policies/../../x.yaml"), ("odd", "note.txt")] {
                var more = files
                more[path] = .string(Base64.encode([0x78]))
                let refused = try await prove(more, name)
                #expect(refused.status == 3, "\(refused.words)")
                #expect(refused.stderr.contains("`\(path)`"), "\(refused.words)")
                #expect(!scratch.exists(name) && !scratch.exists("x.yaml"))
            }
        }

        @Test func whatWasTouchedProvesNothing() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("two", to: "two.txt"))
            let trust = try await trust()
            let out = "\(scratch.path)/p"
            _ = try await sandbox.selat("audit", "prove", id, "--out", out, on: "SG")
            for file in ["header.cms", "receipt.json", "policies/SG.yaml", "policies/SG.yaml.p7s"] {
                let bytes = try scratch.bytes("p/\(file)")
                var touched = bytes
                touched[bytes.count / 2] ^= 1
                try scratch.write(touched, to: "p/\(file)")
                let verified = try await verify("p", trust)
                #expect(verified.status == 3, "\(file): \(verified.words)")
                #expect(verified.stdout.contains("WRONG: "), "\(file)")
                try scratch.write(bytes, to: "p/\(file)")
            }
            try scratch.write("a note", to: "p/note.txt")
            let foreign = try await verify("p", trust)
            #expect(foreign.status == 3)
            #expect(foreign.stderr.contains("`note.txt` is no file of evidence"))
        }

        @Test func theQuorumsCosignaturesAreCounted() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("four", to: "four.txt"))
            let trust = try await trust()
            let deadline = ContinuousClock.now + .seconds(180)
            var sentences = ""
            for attempt in 0... where ContinuousClock.now < deadline {
                _ = try await sandbox.selat(
                    "audit", "prove", id, "--out", "\(scratch.path)/\(attempt)", on: "SG")
                sentences = try await verify("\(attempt)", trust).stdout
                if sentences.matches(of: #/log of (SG|VN).hub is witnessed/#).count == 2 { return }
                try await Task.sleep(for: .seconds(1))
            }
            Issue.record("not witnessed: \(sentences)")
        }

        @Test func nothingIsBelievedWithoutADigest() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("three", to: "three.txt"))
            _ = try await sandbox.selat(
                "audit", "prove", id, "--out", "\(scratch.path)/p", on: "SG")
            let without = try await Run.run(
                Run.selat, ["audit", "verify", "\(scratch.path)/p"])
            #expect(without.status == 64)
            #expect(without.stderr.contains("--trust is missing"))
            let other = "sha256:" + String(repeating: "0", count: 64)
            #expect(try await verify("p", other).status == 3)
        }

        @Test func anUnknownTransferHasNoEvidence() async throws {
            defer { scratch.remove() }
            let proved = try await sandbox.selat(
                "audit", "prove", "0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11", "--out",
                "\(scratch.path)/p", on: "SG")
            #expect(proved.status == 1)
            #expect(!scratch.exists("p"))
        }
    }
}
