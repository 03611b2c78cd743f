import Foundation
import SelatCore
import Testing

/// The blocks of a document that are fenced in backticks, without the word behind the fence.
private func blocks(_ path: String) throws -> [String] {
    let text = try String(contentsOfFile: "\(Run.root)/\(path)", encoding: .utf8)
    return text.matches(of: #/(?m)^```[a-z]*\n([\s\S]*?)^```$/#).map { String($0.1) }
}

extension CommandTests {
    /// What documents tell people to type.
    @Suite struct WrittenCommandTests {
        let scratch: Scratch

        init() throws { scratch = try Scratch() }

        /// Runs lines of a shell in the scratch folder, with this build's programs.
        private func shell(_ text: String, _ variables: [String: String] = [:]) async throws
            -> Ended
        {
            try await Run.run(
                "/bin/bash", ["-euo", "pipefail", "-c", text],
                environment: variables.merging(["PATH": "\(Run.programs):/usr/bin:/bin"]) { $1 },
                in: scratch.path)
        }

        @Test func theFiveMinutesOfTheReadmeAreAsWritten() async throws {
            defer { scratch.remove() }
            let text = try #require(
                try blocks("README.md").first { $0.contains("sandbox up /tmp/selat --members") })
            // Building is done, and no folder outside of this one is touched.
            let lines = text.split(separator: "\n").filter {
                !$0.hasPrefix("scripts/") && !$0.hasPrefix("swift ") && !$0.hasPrefix("export PATH")
            }.joined(separator: "\n").replacing("/tmp/", with: "\(scratch.path)/")
            try FileManager.default.createSymbolicLink(
                atPath: "\(scratch.path)/Policies", withDestinationPath: "\(Run.root)/Policies")
            // Also where a line fails, no daemon stays.
            let end =
                "trap 'selat sandbox down \(scratch.path)/selat >/dev/null 2>&1 || true' EXIT\n"
            let ended = try await shell(end + lines)
            #expect(ended.status == 0, "\(ended.words)")
            #expect(try scratch.text("opened/gauges.csv") == "station,level_cm\n")
            #expect(ended.stdout.contains("sound: "))
        }

        @Test func theAuditorsFirstAuditIsAsWritten() async throws {
            defer { scratch.remove() }
            let sandbox = try Sandbox.current()
            let id = try await sandbox.delivered(try scratch.write("levels", to: "levels.csv"))
            let status = try await sandbox.selat("status", "--json", on: "SG")
            let key = try #require(try status.json["log"]?["key"]?.stringValue)
            let page = try blocks("AUDITING.md")
            try #require(page.count == 1)
            let ended = try await shell(
                page[0],
                [
                    "ID": id, "LOG_KEY": key, "TRUST": try sandbox.trust(),
                    "SELAT_SOCKET": sandbox.socket("SG"),
                ])
            #expect(ended.status == 0, "\(ended.words)")
            #expect(ended.stdout.contains("sound: "))
            #expect(ended.stdout.contains("made again, byte for byte the same"))
            #expect(ended.stdout.contains(id))
        }

        // MARK: Every command

        /// Every `selat …` of the documents, a line each, but what makes sandboxes.
        private static let commands: [String] = {
            let pages = ["README.md", "SECURITY.md", "AUDITING.md", "Policies/README.md"]
            let lines = pages.flatMap { page -> [String] in
                let text = try? String(contentsOfFile: "\(Run.root)/\(page)", encoding: .utf8)
                let fenced = (try? blocks(page)) ?? []
                // A sentence may name the verb alone.
                let inline = (text ?? "").matches(of: #/`(selat [a-z][^`\n]*)`/#)
                    .map { "\($0.1) …" }
                return fenced.flatMap { $0.split(separator: "\n").map(String.init) } + inline
            }
            let commands = lines.filter { $0.hasPrefix("selat ") && !$0.hasPrefix("selat sandbox") }
            return Set(commands).sorted()
        }()

        private static let id = "01a222b7-d638-7418-82d4-fab212e36da9"

        /// The command in a line, as somebody would type it: without remarks and what follows a pipe, with
        /// values for the words in capitals, and with no path outside of the scratch folder.
        private func typed(_ line: String) -> String {
            let digest = "sha256:" + String(repeating: "0", count: 64)
            var text = line.replacing(#/\s#\s.*$/#, with: "").replacing(#/\s\|\s.*$/#, with: "")
            text = text.replacing("sha256:4f62…", with: digest).replacing("DIGEST", with: digest)
            text = text.replacing("--key …", with: "--key KEY").replacing("…", with: "")
            text = text.replacing(#/\sID\b/#, with: " \(Self.id)")
            return text.replacing(#/(\s|=)\//#) { "\($0.1)\(scratch.path)/" }
        }

        /// Without a daemon and without the files that it names, a command fails; but not as one that
        /// does not exist, or that does not take what is written.
        @Test(arguments: commands)
        func everyCommandThatIsWrittenIsOne(_ line: String) async throws {
            defer { scratch.remove() }
            let ended = try await shell(
                typed(line),
                ["SELAT_SOCKET": "\(scratch.path)/none.sock", "VERB": "send", "ID": Self.id])
            #expect(ended.status != 127, "\(ended.words)")
            // Where something is left out, it may be missing; and here nobody can be asked.
            let lacks = line.contains("…") ? ["Missing ", "no terminal"] : ["no terminal"]
            if ended.status == 64, !lacks.contains(where: ended.stderr.contains) {
                Issue.record("`\(line)`: \(ended.words)")
            }
        }

        @Test func theDocumentsHaveCommands() { #expect(Self.commands.count > 80) }
    }
}
