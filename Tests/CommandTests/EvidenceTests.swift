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
            for country in ["SG", "VN"] {
                let out = "\(scratch.path)/\(country)"
                let proved = try await sandbox.selat(
                    "audit", "prove", id, "--out", out, on: country)
                try #require(proved.status == 0, "\(proved.words)")
                let verified = try await verify(country, trust)
                #expect(verified.status == 0, "\(verified.words)")
                for words in [
                    "took in whole this envelope", "byte for byte the same",
                    "signed by their members' policy signers: ASEAN", "\nsound\n",
                ] { #expect(verified.stdout.contains(words), "\(country): \(words)") }
            }
            let again = try await sandbox.selat(
                "audit", "prove", id, "--out", "\(scratch.path)/SG", on: "SG")
            #expect(again.status == 1)
            #expect(again.stderr.contains("exists already"))
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
