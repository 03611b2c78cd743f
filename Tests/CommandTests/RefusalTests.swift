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
