import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// `selat policy test`, `explain` and `matrix`, as somebody without a daemon uses them.
    @Suite struct PolicyToolTests {
        let scratch: Scratch

        /// A folder with the editions that never change, and a case of its own.
        init() throws {
            scratch = try Scratch()
            let editions = "\(Run.root)/Tests/Vectors/policy/editions"
            for name in try FileManager.default.contentsOfDirectory(atPath: editions) {
                let bytes = FileManager.default.contents(atPath: "\(editions)/\(name)") ?? Data()
                try scratch.write(Array(bytes), to: "Policies/\(name)")
            }
            try write(case: "permitted")
        }

        private func write(case verdict: String) throws {
            try scratch.write(
                """
                at: 2026-09-01
                tests:
                  - test: "river gauges"
                    facts: {source: SG, destination: VN, personal-data: no, purpose: [selat:EarlyWarning], classification: unclassified}
                    verdict: \(verdict)

                """, to: "Policies/tests/cases.yaml")
        }

        private func policy(_ words: String...) async throws -> Ended {
            try await Run.run(Run.selat, ["policy"] + words, in: scratch.path)
        }

        @Test func aCountryThatIsNotThereHasNoGaps() async throws {
            defer { scratch.remove() }
            let none = try await policy("gaps", "--country", "PG")
            #expect(none.status == 64 && none.stdout.isEmpty, "\(none.words)")
            #expect(none.stderr.contains("`Policies` has no file of `PG`"))
            let some = try await policy("gaps", "--country", "SG")
            #expect(some.status == 0, "\(some.words)")
        }

        @Test func aNewFilePassesTheCheck() async throws {
            defer { scratch.remove() }
            let made = try await policy("new", "PG")
            #expect(made.status == 0 && made.stdout == "Policies/PG.yaml\n", "\(made.words)")
            let checked = try await policy("check")
            #expect(checked.status == 0, "\(checked.words)")
            #expect(try await policy("new", "PG").status == 1)
            let unknown = try await policy("new", "ZZ")
            #expect(unknown.status == 64 && unknown.stderr.contains("is no country code"))
            #expect(!scratch.exists("Policies/ZZ.yaml"))
            let nowhere = try await policy("new", "TH", "--directory", "nowhere")
            #expect(nowhere.status == 1 && !nowhere.stderr.contains("Domain="), "\(nowhere.words)")
        }

        @Test func schemasThatCannotBeWrittenAreNamedInWords() async throws {
            defer { scratch.remove() }
            try scratch.write("mine", to: "Policies/schema")
            let ended = try await policy("schema")
            #expect(ended.status == 1, "\(ended.words)")
            #expect(
                ended.stderr.hasPrefix("selat: error: writing `Policies/schema`: "),
                "\(ended.words)")
            #expect(!ended.stderr.contains("Domain="), "\(ended.words)")
            #expect(try scratch.text("Policies/schema") == "mine")
        }

        /// Nobody shall take a part of an answer for the whole.
        @Test func anAnswerThatCannotBeWrittenIsAFailure() async throws {
            defer { scratch.remove() }
            for words in ["policy explain SG --html", "policy explain SG", "--help"] {
                let ended = try await Run.run(
                    "/bin/sh", ["-c", "exec '\(Run.selat)' \(words) > /dev/full"],
                    in: scratch.path)
                #expect(ended.status == 1, "\(words): \(ended.words)")
                #expect(
                    ended.stderr.hasSuffix(
                        "selat: error: writing stdout: No space left on device\n"),
                    "\(words): \(ended.words)")
            }
        }

        @Test func aDiffOfAnEditShowsItAndFailsWhereAsked() async throws {
            defer { scratch.remove() }
            let text = try scratch.text("Policies/SG.yaml")
            let condition = "when: {ai-use: {some-of: [training]}, personal-data: yes}"
            try #require(text.contains(condition))
            try scratch.write(
                text.replacing(
                    condition, with: condition.dropLast() + ", records: {more-than: 9}}"),
                to: "draft/SG.yaml")
            let edit = ["diff", "Policies/SG.yaml", "draft/SG.yaml"]
            let shown = try await policy(edit[0], edit[1], edit[2])
            #expect(shown.status == 0, "\(shown.words)")
            #expect(shown.stdout.contains("no-training-on-persons"), "\(shown.words)")
            let failed = try await policy(
                edit[0], edit[1], edit[2], "--fail-on", "newly-permitted")
            #expect(failed.status == 2, "\(failed.words)")
            let same = try await policy("diff", "Policies/SG.yaml", "Policies/SG.yaml")
            #expect(same.status == 0, "\(same.words)")
            // The set is found beside a file whatever its folder is called.
            try FileManager.default.copyItem(
                atPath: "\(scratch.path)/Policies", toPath: "\(scratch.path)/law, é, 50%20")
            let beside = try await policy("diff", "law, é, 50%20/SG.yaml", "draft/SG.yaml")
            #expect(beside.status == 0, "\(beside.words)")
            let absent = try await policy("diff", "nowhere", "Policies")
            #expect(absent.status == 1 && absent.stderr.contains("`nowhere` does not exist"))
        }

        @Test func aRunOfSomeCasesPassesAndSaysNothingOfRules() async throws {
            defer { scratch.remove() }
            let ended = try await policy("test", "--filter", "gauges")
            #expect(ended.status == 0, "\(ended.words)")
            #expect(ended.stderr.hasPrefix("1 cases, 0 failed"))
            let none = try await policy("test", "--filter", "nothing")
            #expect(none.status == 1 && none.stderr.contains("no case of"), "\(none.words)")
        }

        @Test func aRuleThatDecidesNowhereIsNo() async throws {
            defer { scratch.remove() }
            let ended = try await policy("test", "--json")
            #expect(ended.status == 2)
            #expect(try ended.json["failed"] == 0)
            #expect(
                try ended.json["silent_rules"]?.arrayValue?.contains("SG/consent") == true)
        }

        @Test func aFailedCaseIsNoWithItsPlace() async throws {
            defer { scratch.remove() }
            try write(case: "refused")
            let ended = try await policy("test", "Policies", "--filter", "gauges")
            #expect(ended.status == 2)
            #expect(
                ended.stdout.hasPrefix(
                    "Policies/tests/cases.yaml:3:5: case \"river gauges\": verdict: expected "
                        + "`refused`, got `permitted`\n"), "\(ended.words)")
        }

        @Test func aMistakeInACaseIsInvalid() async throws {
            defer { scratch.remove() }
            try write(case: "permited")
            let ended = try await policy("test")
            #expect(ended.status == 78)
            #expect(ended.stderr.contains("cases.yaml:5:14: `permited` is no verdict; did you"))
        }

        @Test func aFileIsExplainedInEachFormat() async throws {
            defer { scratch.remove() }
            let text = try await policy("explain", "SG")
            #expect(text.status == 0, "\(text.words)")
            #expect(text.stdout.hasPrefix("Singapore: what the policy file means\n=="))
            let html = try await policy("explain", "SG", "--html", "--lang", "th")
            #expect(html.stdout.hasPrefix("<!DOCTYPE html>\n<html lang=\"en\">"))
            let markdown = try await policy("explain", "SG/consent", "--format", "markdown")
            #expect(markdown.stdout.hasPrefix("# SG/consent\n\n### SG/consent\n\nSending from"))
            let json = try await policy("explain", "SG/consent", "--json")
            #expect(
                try json.json["parts"]?.arrayValue?.first?["rule"]?["name"] == "SG/consent")
        }

        @Test func aVerdictIsExplainedFromItsCase() async throws {
            defer { scratch.remove() }
            let ended = try await policy("explain", "--case", "gauges")
            #expect(ended.stdout.hasPrefix("The transfer from SG/hub to VN/hub is permitted."))
            #expect(ended.stdout.contains("The ground SG/not-personal counts."))
        }

        @Test func whatIsNotThereIsNamedWithTheNearest() async throws {
            defer { scratch.remove() }
            let rule = try await policy("explain", "SG/consnt")
            #expect(rule.status == 1 && rule.stderr.contains("hint: did you mean `SG/consent`?"))
            let both = try await policy("explain", "SG", "--case", "gauges")
            #expect(both.status == 64, "\(both.words)")
            let verdict = try await policy("explain", "--verdict", "Policies/SG.yaml")
            #expect(verdict.status == 1 && verdict.stderr.contains("selat check --json"))
        }

        @Test func theMatrixTakesTheFactsOfACheck() async throws {
            defer { scratch.remove() }
            let table = try await policy("matrix", "--at", "2026-09-01")
            #expect(table.status == 0, "\(table.words)")
            #expect(table.stdout.contains("    MY SG VN\nMY   x  +  +\n"))
            try scratch.write("{\"national-category\": []}", to: "facts.json")
            let json = try await policy("matrix", "--facts", "facts.json", "--json")
            let cells = try #require(try json.json["cells"]?.arrayValue)
            #expect(cells.count == 9)
            #expect(
                cells.contains {
                    $0["from"] == "VN" && $0["to"] == "SG" && $0["answer"] == "permitted"
                })
            let svg = try await policy("matrix", "--svg")
            #expect(svg.stdout.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\""))
            let wrong = try await policy("matrix", "--purpose", "selat:EarlyWarnin")
            #expect(wrong.status != 0 && wrong.stderr.contains("did you mean"), "\(wrong.words)")
        }
    }
}
