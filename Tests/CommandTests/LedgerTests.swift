import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// Looking at the log, taking copies of it, and erasing from it.
    @Suite struct LedgerTests {
        let sandbox: Sandbox
        let scratch: Scratch

        init() throws {
            sandbox = try Sandbox.current()
            scratch = try Scratch()
        }

        private func entries(_ words: String...) async throws -> [JSON] {
            let ended = try await sandbox.selat(["audit", "log", "--json"] + words, on: "SG")
            try #require(ended.status == 0, "\(ended.words)")
            return try ended.json["entries"]?.arrayValue ?? []
        }

        @Test func filtersNameWhatTheySay() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("filters", to: "f.txt"))
            let own = try await entries("--transfer", id)
            #expect(own.count >= 4)
            let kinds = try await entries("--transfer", id, "--kind", "transfer")
            #expect(kinds.count == own.count)
            #expect(try await entries("--transfer", id, "--kind", "transf").isEmpty)
            #expect(try await entries("--transfer", id, "--country", "VN").count == own.count)
            #expect(try await entries("--transfer", id, "--country", "MY").isEmpty)
            #expect(try await entries("--transfer", id, "--since", "1h").count == own.count)
            #expect(try await entries("--transfer", id, "--until", "2020-01-01").isEmpty)
            let acted = try await entries("--transfer", id, "--actor", "uid:\(getuid())")
            #expect(!acted.isEmpty && acted.count < own.count)
            let wrong = try await sandbox.selat("audit", "log", "--kind", "A b&", on: "SG")
            #expect(wrong.status == 64)
        }

        /// More than one answer holds, which an auditor must not have to know.
        @Test(.enabled(if: Run.curl != nil, "curl is not installed"))
        func everyEntryIsShownUnlessALimitSaysOtherwise() async throws {
            defer { scratch.remove() }
            try await Sandbox.fresh { sandbox in
                // Its log is proven then, and can be exported.
                _ = try await sandbox.delivered(try scratch.write("entries", to: "e.txt"))
                let made = try await Run.run(
                    try #require(Run.curl),
                    [
                        "-sS", "--unix-socket", sandbox.socket("SG"), "-H",
                        "Content-Type: application/json", "-d", #"{"first":0,"before":1}"#, "-o",
                        "/dev/null", "-w", "%{http_code}\n",
                        "http://selat/v1/audit/exports?n=[1-1050]",
                    ])
                let codes = Set(made.stdout.split(separator: "\n"))
                try #require(codes == ["200"], "\(codes)")
                func log(_ words: String...) async throws -> Ended {
                    try await Run.run(
                        Run.selat,
                        ["audit", "log", "--kind", "audit.exported"] + words
                            + ["--socket", sandbox.socket("SG")])
                }
                let whole = try await log("--json")
                #expect(try whole.json["entries"]?.arrayValue?.count == 1_050)
                #expect(whole.stderr.isEmpty, "\(whole.stderr)")
                let lines = try await log("--format", "lines").stdout.split(separator: "\n")
                #expect(lines.count == 1_050)
                let table = try await log().stdout.split(separator: "\n")
                #expect(table.count == 1_051)
                for limit in [1, 999, 1_000, 1_049] {
                    let cut = try await log("--format", "lines", "--limit", "\(limit)")
                    #expect(cut.stdout.split(separator: "\n").count == limit)
                    #expect(cut.stderr.contains("there are more entries"), "\(limit)")
                }
                let bounded = try await log("--format", "lines", "--limit", "1050")
                #expect(bounded.stdout.split(separator: "\n").count == 1_050)
                #expect(bounded.stderr.isEmpty, "\(bounded.stderr)")
                #expect(try await log("--limit", "0").status == 64)
            }
        }

        @Test func linesForASIEMAreOneForEachEntry() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("siem", to: "s.txt"))
            let count = try await entries("--transfer", id).count
            for format in ["lines", "ocsf", "cef"] {
                let ended = try await sandbox.selat(
                    "audit", "log", "--transfer", id, "--format", format, on: "SG")
                let lines = ended.stdout.split(separator: "\n")
                #expect(lines.count == count)
                for line in lines where format == "ocsf" {
                    let event = try JSON(parsing: Array(line.utf8))
                    #expect(event["class_uid"] == 6003 && event["category_uid"] == 6)
                    let activity = try #require(event["activity_id"]?.integerValue)
                    #expect(event["type_uid"] == .integer(600_300 + activity))
                    for key in ["actor", "api", "metadata", "severity_id", "src_endpoint", "time"] {
                        #expect(event[key] != nil, "\(key)")
                    }
                }
                for line in lines where format == "cef" {
                    #expect(
                        line.contains(
                            #/^CEF:0\|Selat\|selatd\|[^|]+\|[a-z.]+\|[a-z ]+\|\d+\|rt=\d+ /#))
                }
            }
        }

        @Test func anExportVerifiesWithoutTheNodeAndAnEditedOneDoesNot() async throws {
            defer { scratch.remove() }
            _ = try await sandbox.delivered(try scratch.write("export", to: "e.txt"))
            let status = try await sandbox.selat("status", "--json", on: "SG")
            let key = try #require(try status.json["log"]?["key"]?.stringValue)
            let whole = "\(scratch.path)/whole"
            let made = try await sandbox.selat("audit", "export", whole, on: "SG")
            try #require(made.status == 0, "\(made.words)")
            let verified = try await Run.run(Run.selat, ["audit", "verify", whole, "--key", key])
            #expect(verified.status == 0, "\(verified.words)")
            #expect(verified.stdout.hasPrefix("sound: "))
            #expect(try scratch.text("whole").contains("\"details\""))

            let redacted = "\(scratch.path)/redacted"
            let range = ["--redacted", "--first", "1", "--before", "4"]
            let cut = try await sandbox.selat(["audit", "export", redacted] + range, on: "SG")
            try #require(cut.status == 0, "\(cut.words)")
            #expect(!(try scratch.text("redacted").contains("\"details\"")))
            let part = try await Run.run(
                Run.selat, ["audit", "verify", redacted, "--key", key, "--json"])
            #expect(try part.json["sound"] == true && part.json["entries"] == 3)

            let text = try scratch.text("whole")
            let edited = try scratch.write(
                text.replacing("transfer.released", with: "transfer.relaxed_"), to: "edited")
            let found = try await Run.run(Run.selat, ["audit", "verify", edited, "--key", key])
            #expect(found.status == 3)
            #expect(found.stdout.contains(#/wrong: entry \d+: /#), "\(found.words)")
            let short = try scratch.write(String(text.prefix(text.count / 2)), to: "short")
            let truncated = try await Run.run(Run.selat, ["audit", "verify", short, "--key", key])
            #expect(truncated.status == 3)
            #expect(truncated.stdout.contains("cut short behind entry"), "\(truncated.words)")
            // A pipe gives its bytes once: that is no verdict on the export.
            let piped = try await Run.run(
                "/bin/bash",
                ["-c", "'\(Run.selat)' audit verify <(cat '\(whole)') --key '\(key)'"])
            #expect(piped.status == 1 && piped.stdout.isEmpty, "\(piped.words)")
            #expect(piped.stderr.contains("is no regular file"), "\(piped.words)")
            // A file that exists is never replaced.
            let again = try await sandbox.selat("audit", "export", whole, on: "SG")
            #expect(again.status == 1)
        }

        @Test func erasedDetailsAreGoneAndTheLogIsSound() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("erase", to: "r.txt"))
            let entry = try #require(
                try await entries("--transfer", id, "--kind", "transfer.accepted").first)
            let sequence = "\(try #require(entry["sequence"]?.integerValue))"
            let details = Data(try #require(entry["details"]).canonical)
            let erased = try await sandbox.selat(
                "audit", "erase", sequence, "--reason", "a test", "--json", on: "SG")
            try #require(erased.status == 0, "\(erased.words)")
            let said = try erased.json
            #expect(said["holders"]?.arrayValue?.contains("VN/hub") == true)
            let shown = try await sandbox.selat("audit", "show", sequence, "--json", on: "SG")
            #expect(try shown.json["details"] == nil)
            #expect(try shown.json["erased_by"] == said["sequence"])
            #expect(
                try shown.json["proof"]?.stringValue?.hasPrefix("c2sp.org/tlog-proof@v1") == true)
            for suffix in ["", "-wal"] {
                let path = sandbox.database("SG") + suffix
                let bytes = try Data(contentsOf: URL(filePath: path))
                #expect(bytes.range(of: details) == nil)
            }
            let verified = try await sandbox.selat("audit", "verify", "--json", on: "SG")
            #expect(try verified.json["sound"] == true)
            let count = try #require(try verified.json["erased"]?.integerValue)
            #expect(count >= 1)
            let twice = try await sandbox.selat(
                "audit", "erase", sequence, "--reason", "a test", on: "SG")
            #expect(twice.status == 1 && twice.stderr.contains("erased already"))
            let stats = try await sandbox.selat("audit", "stats", "--json", on: "SG")
            #expect(try stats.json["erased"] == .integer(count))
        }
    }
}
