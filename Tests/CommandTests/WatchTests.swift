import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// The live view: on a terminal, in a pipe and for programs.
    @Suite struct WatchTests {
        let sandbox: Sandbox
        let scratch: Scratch

        init() throws {
            sandbox = try Sandbox.current()
            scratch = try Scratch()
        }

        private static let script = ["/usr/bin/script", "/bin/script"]
            .first { FileManager.default.isExecutableFile(atPath: $0) }

        private func dataset() throws -> String { try scratch.write("level\n1\n", to: "g.csv") }

        /// Runs `selat` on a terminal of its own with so many columns.
        private func onTerminal(
            _ words: String, columns: Int, environment: [String: String] = [:]
        ) async throws -> Ended {
            let command =
                "stty cols \(columns) rows 24; exec \(Run.selat) \(words) --socket "
                + sandbox.socket("SG")
            return try await Run.run(
                try #require(Self.script), ["-qec", command, "/dev/null"],
                environment: ["TERM": "xterm"].merging(environment) { $1 })
        }

        @Test func programsGetADocumentALine() async throws {
            defer { scratch.remove() }
            let ended = try await sandbox.selat(
                "watch", "--json", "--count", "2", "--interval", "1", on: "SG")
            #expect(ended.status == 0)
            let looks = try ended.stdout.split(separator: "\n").map {
                try JSON(parsing: Array($0.utf8))
            }
            #expect(looks.count == 2)
            for look in looks {
                #expect(look["node"] == "SG/hub" && look["state"] == "ready")
                #expect(look["peers"]?.arrayValue?.count == 2)
            }
            #expect(looks[0]["peers"]?.arrayValue?[0]["sent_bytes_per_second"] == nil)
            #expect(looks[1]["peers"]?.arrayValue?[0]["sent_bytes_per_second"] != nil)
        }

        @Test func whatIsSentIsCountedByPeer() async throws {
            defer { scratch.remove() }
            func sent() async throws -> Int64 {
                let status = try await sandbox.selat("status", "--json", on: "SG").json
                let peers = status["peers"]?.arrayValue ?? []
                return peers.first { $0["node"] == "MY/hub" }?["sent_bytes"]?.integerValue ?? -1
            }
            let before = try await sent()
            let large = try scratch.write(noise(3 << 20), to: "large.bin")
            _ = try await sandbox.delivered(large, to: "MY")
            #expect(try await sent() >= before + 3 << 20)
        }

        @Test func aPipeGetsALineForEachChange() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.awaiting(try dataset())
            let ended = try await sandbox.selat("watch", "--count", "1", on: "SG")
            #expect(ended.stdout.contains("  SG/hub  ready\n"))
            #expect(ended.stdout.contains("\(id)  outbound  VN/hub  waiting: an approval is owed"))
            #expect(!ended.stdout.contains("\u{1B}"))
            let one = try await sandbox.selat("watch", id, "--count", "1", on: "SG")
            #expect(one.status == 0 && one.stdout.contains("waiting"))
            _ = try await sandbox.selat("cancel", id, "--reason", "seen", on: "SG")
            let over = try await sandbox.selat("watch", id, on: "SG")
            #expect(over.status == 2, "\(over.words)")
            #expect(over.stdout.contains("cancelled"))
        }

        @Test func aDeliveredTransferEndsTheWatchWell() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try dataset())
            #expect(try await sandbox.selat("watch", id, on: "SG").status == 0)
            #expect(try await sandbox.selat("watch", id, on: "VN").status == 0)
        }

        @Test(.enabled(if: script != nil, "needs script(1)"), arguments: [40, 80, 200])
        func aPageFitsTheTerminalAndGivesItBack(_ columns: Int) async throws {
            defer { scratch.remove() }
            let id = try await sandbox.awaiting(try dataset())
            let ended = try await onTerminal("watch --count 1", columns: columns)
            #expect(ended.status == 0, "\(ended.words)")
            #expect(ended.stdout.hasPrefix("\u{1B}[?1049h\u{1B}[?25l"))
            #expect(ended.stdout.hasSuffix("\u{1B}[?25h\u{1B}[?1049l"))
            #expect(ended.stdout.contains("\u{1B}[1m"))
            #expect(ended.stdout.contains("releasing-officer"))
            let plain = ended.stdout.replacing(#/\u{1B}\[[?0-9;]*[A-Za-z]/#, with: "")
            let lines = plain.split(separator: "\r\n")
            #expect(lines.count <= 24)
            for line in lines { #expect(line.count <= columns, "\(line)") }
            let dull = try await onTerminal(
                "watch --count 1", columns: columns, environment: ["NO_COLOR": "1"])
            #expect(!dull.stdout.contains(#/\u{1B}\[[0-9;]*m/#))
            _ = try await sandbox.selat("cancel", id, "--reason", "seen", on: "SG")
        }

        @Test(.enabled(if: script != nil, "needs script(1)"))
        func aSignalGivesTheTerminalBack() async throws {
            defer { scratch.remove() }
            // Ctrl-C once there is a page; typed into the terminal, as a person does.
            let command = "exec \(Run.selat) watch --interval 3600 --socket \(sandbox.socket("SG"))"
            let feed = "sleep 2; printf '\\003'; sleep 1"
            let ended = try await Run.run(
                "/bin/sh",
                ["-c", "(\(feed)) | \(try #require(Self.script)) -qec '\(command)' /dev/null"],
                environment: ["TERM": "xterm"])
            #expect(ended.status == 0, "\(ended.words)")
            #expect(ended.stdout.contains("SG/hub  ready"))
            #expect(ended.stdout.contains("\u{1B}[?25h\u{1B}[?1049l"), "\(ended.words)")
        }

        @Test(.enabled(if: script != nil, "needs script(1)"))
        func tablesFitTheTerminal() async throws {
            defer { scratch.remove() }
            _ = try await sandbox.delivered(try dataset())
            for verb in [
                "transfers", "inbox", "holdings", "policy status", "approve list", "keys",
                "audit log --limit 5",
            ] {
                for columns in [60, 80] {
                    let ended = try await onTerminal(verb, columns: columns)
                    #expect(ended.status == 0, "\(verb): \(ended.words)")
                    for line in ended.stdout.split(separator: "\r\n") {
                        #expect(line.count <= columns, "\(verb): \(line)")
                    }
                }
            }
            // In a pipe a row is one line.
            let piped = try await sandbox.selat("transfers", "--limit", "1", on: "SG")
            #expect(piped.stdout.split(separator: "\n").count <= 3)
        }

        /// Also where nothing happens that there would be to write.
        @Test(arguments: ["audit log -f", "watch --interval 1"])
        func whoFollowsEndsWithItsReader(_ words: String) async throws {
            defer { scratch.remove() }
            let follow = "'\(Run.selat)' \(words) --socket \(sandbox.socket("SG"))"
            let left = try await Run.run(
                "/bin/sh", ["-c", "{ \(follow); echo \"ended $?\" >&2; } | head -n 1"], seconds: 60)
            #expect(left.stderr == "ended 1\n", "\(left.words)")
            #expect(left.stdout.split(separator: "\n").count == 1, "\(left.words)")
            let full = try await Run.run("/bin/sh", ["-c", "\(follow) > /dev/full"], seconds: 60)
            #expect(full.status == 1, "\(full.words)")
            #expect(
                full.stderr == "selat: error: writing stdout: No space left on device\n",
                "\(full.words)")
        }

        @Test func wrongWordsAreUsage() async throws {
            defer { scratch.remove() }
            for words in [["--interval", "0"], ["--count", "0"], ["not-an-id"]] {
                let ended = try await sandbox.selat(["watch"] + words, on: "SG")
                #expect(ended.status == 64, "\(ended.words)")
            }
            let nobody = try await Run.run(
                Run.selat, ["watch", "--count", "1", "--socket", "\(scratch.path)/none"])
            #expect(nobody.status == 69)
        }
    }
}
