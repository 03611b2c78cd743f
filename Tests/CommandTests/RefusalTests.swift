import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// The answer is no, or not yet, or the question makes no sense.
    @Suite struct RefusalTests {
        let sandbox: Sandbox
        let scratch: Scratch

        init() throws {
            sandbox = try Sandbox.current()
            scratch = try Scratch()
        }

        /// Persons' data for research: no ground of Singapore's file applies.
        private static let persons = [
            "--purpose", "dpv:ScientificResearch", "--label", "unclassified",
            "--personal-data", "yes",
        ]

        private func facts() throws -> [String] {
            [
                "--facts",
                try scratch.write(
                    """
                    {"categories": ["pd:Name"], "subjects": ["dpv:Citizen"], "records": 120,
                     "data-subjects": 120, "subject-nationalities": ["SG"]}
                    """, to: "facts.json"),
            ]
        }

        @Test(arguments: ["check", "send"])
        func lawSaysNo(_ verb: String) async throws {
            defer { scratch.remove() }
            let file = try scratch.write("x", to: "x.txt")
            let before = try await sandbox.transfers("VN").count
            let words = [verb, file, "--to", "VN/hub"] + Self.persons + (try facts())
            let ended = try await sandbox.selat(words, on: "SG")
            #expect(ended.status == 2)
            #expect(ended.stdout.contains("verdict: refused\n"))
            #expect(
                ended.stdout.contains(
                    "because SG export: the ground `consent` (S 63/2021, reg. 10(2)-(3)) "
                        + "does not apply"))
            #expect(ended.stderr == "selat: error: the answer is no; nothing was sent\n")
            #expect(try await sandbox.transfers("VN").count == before)
        }

        @Test func aRefusalIsEnteredAtTheSender() async throws {
            defer { scratch.remove() }
            let file = try scratch.write("x", to: "x.txt")
            let words = ["send", file, "--to", "VN/hub", "--json"] + Self.persons + (try facts())
            let ended = try await sandbox.selat(words, on: "SG")
            #expect(ended.status == 2)
            let document = try ended.json
            #expect(document["state"] == "refused")
            #expect(document["verdict"]?["outcome"] == "refused")
            let id = try #require(document["id"]?.stringValue)
            let log = try await sandbox.selat("audit", "log", "--transfer", id, on: "SG")
            #expect(log.stdout.contains("transfer.refused"))
        }

        @Test(arguments: ["check", "send"])
        func unstatedFactsAreNamed(_ verb: String) async throws {
            defer { scratch.remove() }
            let file = try scratch.write("x", to: "x.txt")
            let ended = try await sandbox.selat(
                [
                    verb, file, "--to", "SG/hub", "--purpose", "dpv:PublicBenefit", "--label",
                    "unclassified", "--personal-data", "yes",
                ], on: "VN")
            #expect(ended.status == 4)
            #expect(ended.stdout.contains("verdict: incomplete\n"))
            #expect(ended.stdout.contains("categories, data-subjects"))
            #expect(ended.stderr.contains("selat: error: facts are missing; nothing was sent"))
            #expect(ended.stderr.contains("selat: hint: state them with --facts"))
        }

        /// What `send` answers when a word of it is wrong.
        struct Mistake: Sendable, CustomTestStringConvertible {
            let words: [String]
            let status: Int32
            let says: String
            var testDescription: String { words.joined(separator: " ") }
        }

        @Test(arguments: [
            Mistake(
                words: ["--to", "VN/hub", "--purpose", "selat:EarlyWarnin"], status: 64,
                says: "did you mean `selat:EarlyWarning`?"),
            Mistake(
                words: ["--to", "VN/mps", "--purpose", "selat:EarlyWarning"], status: 1,
                says: "`VN/mps` is in no member record in force"),
            Mistake(
                words: ["--to", "SG/hub", "--purpose", "selat:EarlyWarning"], status: 1,
                says: "`SG/hub` is this node itself"),
            Mistake(
                words: ["--to", "vn", "--purpose", "selat:EarlyWarning"], status: 64, says: "'vn'"),
            Mistake(words: ["--to", "VN/hub"], status: 64, says: "--purpose"),
            Mistake(
                words: ["--to", "VN/hub", "--purpose", "selat:EarlyWarning", "--expires", "5y"],
                status: 64, says: "`5y`"),
        ])
        func sendNamesTheMistake(_ mistake: Mistake) async throws {
            defer { scratch.remove() }
            let file = try scratch.write("x", to: "x.txt")
            let ended = try await sandbox.selat(
                ["send", file, "--label", "unclassified", "--personal-data", "no"]
                    + mistake.words, on: "SG")
            #expect(ended.status == mistake.status)
            #expect(ended.stderr.hasPrefix("selat: error: "), "\(ended.stderr)")
            #expect(ended.stderr.contains(mistake.says), "\(ended.stderr)")
            #expect(ended.stdout.isEmpty)
        }

        /// Said before a daemon is asked, and before anything is made.
        @Test(arguments: [
            Mistake(
                words: ["audit", "export", "x", "--first", "9007199254740992"], status: 64,
                says: "--first is 0 to 9007199254740991, not 9007199254740992"),
            Mistake(
                words: ["audit", "export", "x", "--before", "18446744073709551615"], status: 64,
                says: "--before is 0 to 9007199254740991, not 18446744073709551615"),
            Mistake(
                words: ["audit", "erase", "7", "9007199254740992", "--reason", "r"], status: 64,
                says: "a sequence is 0 to 9007199254740991, not 9007199254740992"),
            Mistake(
                words: ["audit", "show", "18446744073709551615"], status: 64,
                says: "a sequence is 0 to 9007199254740991, not 18446744073709551615"),
            Mistake(
                words: ["audit", "log", "--after", "18446744073709551615"], status: 64,
                says: "--after is 0 to 9007199254740991, not 18446744073709551615"),
            Mistake(
                words: ["members", "propose", "--cut", "VN/hub", "--log-size", "9007199254740992"],
                status: 64, says: "--log-size is 0 to 9007199254740991, not 9007199254740992"),
            Mistake(
                words: ["members", "propose", "--quorum=-9223372036854775808"], status: 64,
                says: "--quorum is 1 to 64, not -9223372036854775808"),
            Mistake(
                words: ["members", "propose", "--record", "SG", "--policy-threshold", "1"],
                status: 64, says: "--policy-threshold is 2 to 8, not 1"),
            Mistake(
                words: ["members", "propose", "--record", "SG", "--witness-quorum=-1"], status: 64,
                says: "--witness-quorum is 0 to 64, not -1"),
            Mistake(
                words: [
                    "join", "record", "--sheet", "s", "--certificate", "c", "--ca", "r", "--out",
                    "x", "--days", "9223372036854775807",
                ], status: 64, says: "--days is 1 to 30, not 9223372036854775807"),
            Mistake(
                words: [
                    "join", "member", "--country", "TH", "--sector", "public", "--ca", "r",
                    "--authority", "a", "--out", "x", "--threshold", "0",
                ], status: 64, says: "--threshold is 1 to 8, not 0"),
            Mistake(
                words: ["keys", "backup", "--node", "SG/csa", "--out", "x", "--years", "21"],
                status: 64, says: "--years is 1 to 20, not 21"),
            Mistake(
                words: ["transfers", "--limit", "0"], status: 64,
                says: "--limit is 1 to 10000, not 0"),
            Mistake(
                words: ["approve", "list", "--limit=-1"], status: 64,
                says: "--limit is 1 to 10000, not -1"),
            Mistake(
                words: ["recall", "list", "--limit", "9223372036854775807"], status: 64,
                says: "--limit is 1 to 10000, not 9223372036854775807"),
            Mistake(
                words: ["statement", "list", "--limit", "4097"], status: 64,
                says: "--limit is 1 to 4096, not 4097"),
            Mistake(
                words: ["holdings", "--limit", "10001"], status: 64,
                says: "--limit is 1 to 10000, not 10001"),
            Mistake(
                words: ["watch", "--interval", "3601"], status: 64,
                says: "--interval is 1 to 3600, not 3601"),
            Mistake(
                words: [
                    "approve", "0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11", "--valid-for", "soon",
                    "--key", "k", "--certificate", "c", "--federation",
                    "sha256:0000000000000000000000000000000000000000000000000000000000000000",
                ], status: 64, says: "--valid-for is 1h to 7d, not `soon`"),
        ])
        func aNumberOutOfBoundsIsNamedWithThem(_ mistake: Mistake) async throws {
            defer { scratch.remove() }
            let ended = try await Run.run(
                Run.selat, mistake.words,
                environment: ["SELAT_SOCKET": "\(scratch.path)/nobody.sock"], in: scratch.path)
            #expect(ended.status == mistake.status, "\(ended.words)")
            #expect(ended.stderr.hasPrefix("selat: error: \(mistake.says)\n"), "\(ended.stderr)")
            #expect(ended.stdout.isEmpty && scratch.files().isEmpty)
        }

        @Test(arguments: [
            ["status", "--frob"], ["frob"], ["show", "xyz"], ["send"],
            ["package", "verify", "x", "--membership", "m", "--trust", "abc"],
        ])
        func usageErrorsAre64(_ words: [String]) async throws {
            defer { scratch.remove() }
            let ended = try await Run.run(Run.selat, words)
            #expect(ended.status == 64)
            #expect(ended.stderr.hasPrefix("selat: error: "), "\(ended.stderr)")
            #expect(ended.stdout.isEmpty)
        }

        @Test(arguments: [
            ["status"], ["inbox"], ["transfers", "--json"], ["audit", "verify"],
        ])
        func withoutADaemonItIs69(_ words: [String]) async throws {
            defer { scratch.remove() }
            let socket = "\(scratch.path)/nobody.sock"
            let ended = try await Run.run(
                Run.selat, words, environment: ["SELAT_SOCKET": socket])
            #expect(ended.status == 69)
            #expect(ended.stderr.contains("selat: error: no daemon answers at `\(socket)`"))
            #expect(ended.stderr.contains("selat: hint: start the daemon"))
        }

        @Test(arguments: [#"{"records": "#, "[1]", #"{"recrds": 1}"#, #"{"purpose": []}"#, ""])
        func malformedFactsAreAUsageError(_ text: String) async throws {
            defer { scratch.remove() }
            let file = try scratch.write("x", to: "x.txt")
            let facts = try scratch.write(text, to: "facts.json")
            let ended = try await sandbox.send(file, to: "VN", "--facts", facts)
            #expect(ended.status == 64)
            #expect(ended.stderr.hasPrefix("selat: error: "))
            #expect(ended.stderr.contains(facts) || ended.stderr.contains("`recrds`"))
        }

        @Test func whatIsNoDatasetIsNamed() async throws {
            defer { scratch.remove() }
            try scratch.write("x", to: "linked/x.txt")
            symlink("x.txt", "\(scratch.path)/linked/link.txt")
            try scratch.write("x", to: "piped/x.txt")
            mkfifo("\(scratch.path)/piped/pipe", 0o600)
            try scratch.write("x", to: "decomposed/e\u{301}.txt")
            mkdir("\(scratch.path)/empty", 0o700)
            for (folder, says) in [
                ("linked", "linked/link.txt` is a link"),
                ("piped", "piped/pipe` is neither a file nor a folder"),
                ("decomposed", "Unicode normalization form C"),
                ("absent", "absent`: No such file or directory"),
                ("empty", "empty` holds no file"),
            ] {
                let ended = try await sandbox.send("\(scratch.path)/\(folder)")
                #expect(ended.status == 1)
                #expect(ended.stderr.hasPrefix("selat: error: "))
                #expect(ended.stderr.contains(says), "\(ended.stderr)")
                #expect(ended.stdout.isEmpty)
            }
        }

        @Test func anUnknownTransferIsNamed() async throws {
            defer { scratch.remove() }
            let id = "0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11"
            let out = "\(scratch.path)/out"
            for words in [
                ["show", id], ["open", id, "--out", out], ["package", "export", id, out],
            ] {
                let ended = try await sandbox.selat(words, on: "VN")
                #expect(ended.status == 1)
                #expect(ended.stderr.contains("`\(id)`"))
                #expect(ended.stderr.contains("selat: hint: see `selat transfers`"))
                #expect(scratch.files() == [])
            }
        }

        @Test func theSenderCannotOpenWhatItSent() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("x", to: "x.txt"))
            let ended = try await sandbox.selat(
                "open", id, "--out", "\(scratch.path)/out", on: "SG")
            #expect(ended.status == 1)
            #expect(ended.stderr.hasPrefix("selat: error: "))
            #expect(scratch.files() == ["x.txt"])
        }

        @Test(arguments: ["inbound", "relayed", "sideways"])
        func onlyOwnTransfersAreDead(_ direction: String) async throws {
            defer { scratch.remove() }
            let ended = try await sandbox.selat(
                "transfers", "--dead", "--direction", direction, on: "SG")
            #expect(ended.status == 64)
            #expect(ended.stderr.contains("outbound"), "\(ended.stderr)")
            #expect(ended.stdout.isEmpty)
        }

        /// Verbs that print a document, and a key that scripts rely on.
        @Test(arguments: [
            (["inbox"], "transfers"), (["transfers"], "transfers"), (["status"], "node"),
            (["transfers", "--dead"], "transfers"),
            (["audit", "log"], "entries"), (["audit", "verify"], "sound"),
            (["audit", "checkpoint"], "checkpoint"),
        ])
        func jsonIsOneDocument(_ words: [String], _ key: String) async throws {
            defer { scratch.remove() }
            let ended = try await sandbox.selat(words + ["--json"], on: "SG")
            #expect(ended.status == 0)
            #expect(try ended.json[key] != nil)
            #expect(ended.stderr.isEmpty)
        }

        @Test func jsonOfATransferHoldsItsIdAndState() async throws {
            defer { scratch.remove() }
            let file = try scratch.write("x", to: "x.txt")
            let sent = try await sandbox.send(file, to: "VN", "--json").json
            let id = try #require(sent["id"]?.stringValue)
            #expect(sent["state"] == "delivered")
            let shown = try await sandbox.selat("show", id, "--json", on: "VN").json
            #expect(shown["id"]?.stringValue == id)
            #expect(shown["state"] == "delivered")
            let out = "\(scratch.path)/out"
            let opened = try await sandbox.selat("open", id, "--out", out, "--json", on: "VN").json
            #expect(opened["id"]?.stringValue == id)
            #expect(opened["path"]?.stringValue == out)
            let exported = try await sandbox.selat(
                "package", "export", id, "\(scratch.path)/p.selat", "--json", on: "VN"
            ).json
            #expect(exported["id"]?.stringValue == id)
        }

        /// The folder where the command runs has policy files, and they are not those that were named.
        @Test func aSandboxTakesNoOtherPoliciesThanTheNamed() async throws {
            defer { scratch.remove() }
            let named = try scratch.write("edition: 1\n", to: "mine/SG.yaml")
            let folder = String(named.dropLast("/SG.yaml".count))
            for words in [
                ["up", "\(scratch.path)/f"], ["add", sandbox.path, "--member", "PH"],
            ] {
                let ended = try await Run.run(
                    Run.selat, ["sandbox"] + words + ["--policies", folder], in: Run.root)
                #expect(ended.status == 1, "\(ended.words)")
                #expect(ended.stderr.contains("`\(folder)`"), "\(ended.words)")
                #expect(ended.stderr.contains("vocabulary.yaml"), "\(ended.words)")
            }
            #expect(!scratch.exists("f"))
            #expect(!FileManager.default.fileExists(atPath: "\(sandbox.path)/authority-PH"))
        }

        @Test func sandboxUpOnARunningSandboxListsItsNodes() async throws {
            defer { scratch.remove() }
            let before = try ["SG", "MY", "VN"].map { try sandbox.process($0) }
            let nodes = try await sandbox.start()["nodes"]?.arrayValue ?? []
            #expect(nodes.compactMap { $0["id"]?.stringValue } == ["SG/hub", "MY/hub", "VN/hub"])
            #expect(nodes.compactMap { $0["pid"]?.integerValue } == before.map { .init($0) })
            #expect(nodes.allSatisfy { $0["socket"] != nil && $0["endpoint"] != nil })
        }
    }
}
