import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// Keys in a PKCS#11 token: a node's, and an officer's.
    @Suite(.enabled(if: SoftToken.isInstalled, Comment(rawValue: SoftToken.absent)))
    struct TokenTests {
        /// Moves the keys of a country's node into a token; the daemon is down then.
        /// - Returns: the configuration that says so.
        private func move(
            _ sandbox: Sandbox, _ country: String = "SG", into token: SoftToken,
            pin: String = SoftToken.pin
        ) async throws -> String {
            let folder = sandbox.folder(country)
            let file = "\(folder)/selatd.yaml"
            var text = try String(contentsOfFile: file, encoding: .utf8)
            for name in ["tls", "signing", "agreement"] {
                try await token.take("\(folder)/keys/\(name).key", as: name)
                text.replace(
                    "\(folder)/keys/\(name).key", with: "\"pkcs11:token=selat;object=\(name)\"")
            }
            let secret = try token.scratch.write("\(pin)\n", to: "pin")
            chmod(secret, 0o600)
            text += "token: {module: \(token.module), pin: {file: \(secret)}}\n"
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            return file
        }

        /// The sender's token, then the recipient's.
        @Test(arguments: ["SG", "VN"])
        func aTransferSurvivesTheTokensAbsence(_ country: String) async throws {
            try await Sandbox.fresh { sandbox in
                let token = try await SoftToken()
                defer { token.scratch.remove() }
                try sandbox.crash(country)
                let file = try await move(sandbox, country, into: token)
                let place = try Scratch()
                defer { place.remove() }
                let daemon = try Running(
                    Run.selatd, ["--config", file], environment: token.environment, place: place)
                do {
                    try await exchange(sandbox, token, of: country)
                } catch {
                    daemon.signal(SIGKILL)
                    _ = await daemon.end()
                    Issue.record("\(error): \(try place.text("stderr"))")
                    return
                }
                daemon.signal(SIGTERM)
                #expect(await daemon.end() == 0)
                let log = try place.text("stderr")
                if country == "SG" { #expect(log.contains("transfer waits"), "\(log)") }
                #expect(!log.contains(SoftToken.pin))
            }
        }

        private func exchange(
            _ sandbox: Sandbox, _ token: SoftToken, of country: String
        ) async throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let file = try scratch.write("level\n1\n", to: "x.csv")
            try await sandbox.until("\(country) serves") {
                try await sandbox.selat("status", on: country).status == 0
            }
            // With the token: it signs or agrees, and proves the node in TLS.
            _ = try await sandbox.delivered(file)

            try token.goAway()
            let sent = try await sandbox.selat(
                ["send", file, "--to", "VN/hub", "--json"] + Sandbox.harmless, on: "SG")
            #expect(sent.status == 0, "\(sent.words)")
            let id = try #require(try sent.json["id"]?.stringValue)
            try await sandbox.until("it says why it waits") {
                let cause = try await sandbox.selat("show", id, "--json", on: "SG").json["cause"]
                return country == "VN"
                    ? cause != nil
                    : cause?.stringValue?.hasPrefix("the token does not answer") == true
            }

            try token.comeBack()
            try await sandbox.until("the transfer arrives", seconds: 120) {
                try await sandbox.selat("show", id, "--json", on: "SG").json["state"] == "delivered"
            }
        }

        @Test func aWrongPINIsTriedOnceAtEachStart() async throws {
            try await Sandbox.fresh { sandbox in
                let token = try await SoftToken()
                defer { token.scratch.remove() }
                try sandbox.crash("SG")
                let file = try await move(sandbox, into: token, pin: "wrong-pin")
                for start in 1...3 {
                    let ended = try await Run.run(
                        Run.selatd, ["--config", file], environment: token.environment, seconds: 60)
                    // 78 is what keeps systemd from starting it again.
                    #expect(ended.status == 78)
                    #expect(ended.stderr.contains("the token refuses the PIN"), "\(ended.words)")
                    #expect(ended.stderr.contains("mend `token.pin` before the next start"))
                    #expect(!ended.stderr.contains("wrong-pin"))
                    #expect(try token.logins() == start)
                }
            }
        }

        @Test func aTokenThatIsAwayAtTheStartIsNoMistake() async throws {
            try await Sandbox.fresh { sandbox in
                let token = try await SoftToken()
                defer { token.scratch.remove() }
                try sandbox.crash("SG")
                let file = try await move(sandbox, into: token)
                try token.goAway()
                let ended = try await Run.run(
                    Run.selatd, ["--config", file], environment: token.environment, seconds: 60)
                // systemd tries this again.
                #expect(ended.status == 1)
                #expect(ended.stderr.contains("the token does not answer"), "\(ended.words)")
            }
        }

        @Test func anOfficerSignsWithAToken() async throws {
            try await Sandbox.fresh { sandbox in
                let token = try await SoftToken()
                defer { token.scratch.remove() }
                let person = "\(sandbox.path)/authority-SG/policy-1"
                try await token.take("\(person).key", as: "officer")
                let file = try sandbox.edition("SG", 2)
                let pin = try token.scratch.write("\(SoftToken.pin)\n", to: "pin")
                let words = [
                    "policy", "sign", file, "--key", "pkcs11:token=selat;object=officer",
                    "--certificate", "\(person).pem", "--federation", try sandbox.trust(),
                ]
                let unreachable = try await Run.run(
                    Run.selat, words, environment: token.environment)
                #expect(unreachable.status == 64)
                #expect(unreachable.stderr.contains("--module"), "\(unreachable.words)")
                let unasked = try await Run.run(
                    Run.selat, words + ["--module", token.module], environment: token.environment)
                #expect(unasked.status == 64)
                #expect(unasked.stderr.contains("--pin-file"), "\(unasked.words)")

                let signed = try await Run.run(
                    Run.selat, words + ["--module", token.module, "--pin-file", pin],
                    environment: token.environment)
                #expect(signed.status == 0, "\(signed.words)")
                try await sandbox.sign([file], by: "SG", persons: [2])
                let active = try await sandbox.activate(file, on: "SG")
                #expect(active.status == 0, "\(active.words)")

                let logins = try token.logins()
                let wrong = try token.scratch.write("0000\n", to: "wrong")
                let refused = try await Run.run(
                    Run.selat, words + ["--anew", "--module", token.module, "--pin-file", wrong],
                    environment: token.environment)
                #expect(refused.status == 1)
                #expect(refused.stderr.contains("the token refuses the PIN"), "\(refused.words)")
                #expect(!refused.stderr.contains("0000"))
                #expect(try token.logins() == logins + 1)
            }
        }
    }
}
