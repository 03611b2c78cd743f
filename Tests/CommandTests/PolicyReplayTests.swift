import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// What an edit would have changed, shown by the transfers that really were.
    @Suite struct PolicyReplayTests {
        /// The shipped files, with one more rule in SG's.
        private func draft(_ rule: String, in sandbox: Sandbox) throws -> String {
            let folder = "\(sandbox.scratch.path)/draft"
            try FileManager.default.copyItem(atPath: "\(Run.root)/Policies", toPath: folder)
            let text = try sandbox.scratch.text("draft/SG.yaml")
                .replacing("standing: published", with: "standing: draft")
                .replacing(#/(?m)^in-force: .*$/#, with: "in-force: 2027-01-01")
                .replacing(#/(?m)^review-by: .*$/#, with: "review-by: 2027-12-31")
            let rules = try #require(text.range(of: "\nrules:\n"))
            try sandbox.scratch.write(
                text[..<rules.upperBound] + rule + text[rules.upperBound...], to: "draft/SG.yaml")
            return folder
        }

        private static let prohibition = """
              - prohibition: no-warnings-abroad
                flow: [export, import]
                when: {purpose: {some-of: [selat:EarlyWarning]}}
                basis: {source: own, clause: "to be named"}

            """

        @Test func whatADraftWouldRefuseIsShown() async throws {
            try await Sandbox.fresh { sandbox in
                let file = try sandbox.scratch.write("SYNTHETIC", to: "gauges.csv")
                let id = try await sandbox.delivered(file)
                let same = try await sandbox.selat(
                    "policy", "replay", "\(Run.root)/Policies", "--json", "--fail-on",
                    "newly-refused", on: "SG")
                #expect(same.status == 0, "\(same.words)")
                #expect(try same.json["judged"] == 1)
                #expect(try same.json["changes"]?.arrayValue?.isEmpty == true)

                let folder = try draft(Self.prohibition, in: sandbox)
                let shown = try await sandbox.selat(
                    "policy", "replay", "--since", "1d", folder, "--json", on: "SG")
                #expect(shown.status == 0, "\(shown.words)")
                let change = try #require(try shown.json["changes"]?.arrayValue?.first)
                #expect(change["transfer"] == .string(id))
                #expect(change["change"] == "newly-refused")
                #expect(change["was"] == "permitted" && change["now"] == "refused")
                let because = change["because"]?.arrayValue?.compactMap(\.stringValue) ?? []
                #expect(because.contains { $0.contains("no-warnings-abroad") }, "\(because)")

                let failed = try await sandbox.selat(
                    "policy", "replay", folder, "--fail-on", "newly-refused", on: "SG")
                #expect(failed.status == 2)
                #expect(failed.stdout.contains("newly-refused: permitted, would be refused"))
                let other = try await sandbox.selat(
                    "policy", "replay", folder, "--fail-on", "newly-permitted", on: "SG")
                #expect(other.status == 0)
                // Viet Nam judged its own import, in which Singapore's file has no word.
                let recipient = try await sandbox.selat(
                    "policy", "replay", folder, "--json", on: "VN")
                #expect(try recipient.json["judged"] == 1)
                #expect(try recipient.json["changes"]?.arrayValue?.isEmpty == true)
            }
        }

        @Test func aDraftWithAMistakeIsNotReplayed() async throws {
            let sandbox = try Sandbox.current()
            let scratch = try Scratch()
            defer { scratch.remove() }
            try FileManager.default.copyItem(
                atPath: "\(Run.root)/Policies", toPath: "\(scratch.path)/p")
            try scratch.write(try scratch.text("p/SG.yaml") + "retenion: 1\n", to: "p/SG.yaml")
            let ended = try await sandbox.selat(
                "policy", "replay", "\(scratch.path)/p", on: "SG")
            #expect(ended.status == 78)
            #expect(ended.stderr.contains("unknown key `retenion`"))
        }
    }
}
