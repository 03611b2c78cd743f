import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// Changes of the membership as authorities make them: offline, with the real keys and files.
    @Suite struct MembersTests {
        let scratch: Scratch

        init() throws { scratch = try Scratch() }

        /// Where the federation's documents lie, and what is trusted of them.
        private func held() throws -> [String] {
            let sandbox = try Sandbox.current()
            return ["--membership", sandbox.membership, "--trust", try sandbox.trust()]
        }

        private func key(_ country: String, _ name: String) throws -> [String] {
            let folder = "\(try Sandbox.current().path)/authority-\(country)"
            return ["--key", "\(folder)/\(name).key", "--certificate", "\(folder)/\(name).pem"]
        }

        private func members(_ words: String..., more: [String] = []) async throws -> Ended {
            try await Run.run(
                Run.selat, ["members"] + words + more, in: scratch.path)
        }

        /// Signs for a member with both of its authorities.
        private func sign(_ file: String, _ country: String) async throws -> String {
            var file = file
            for name in ["authority-1", "authority-2"] {
                let ended = try await members(
                    "sign", file, "--yes", "--json", more: key(country, name) + held())
                try #require(ended.status == 0, "\(ended.words)")
                file = try #require(try ended.json["path"]?.stringValue)
            }
            return file
        }

        @Test func theMembershipIsShownWithoutADaemon() async throws {
            defer { scratch.remove() }
            let all = try await members("--json", more: held())
            #expect(all.status == 0, "\(all.words)")
            let codes = try all.json["members"]?.arrayValue?.map { $0["country"] }
            #expect(codes == ["MY", "SG", "VN"])
            #expect(try all.json["quorum"] == 2)
            let table = try await members("show", "VN/hub", more: held())
            #expect(table.stdout.contains("agreement") && table.stdout.contains("days left"))
            let nobody = try await members("show", "TH", more: held())
            #expect(nobody.status == 1 && nobody.stderr.contains("`TH` is no member"))
            let distrusted = try await members(
                "show", "--membership", try Sandbox.current().membership, "--trust",
                "sha256:" + String(repeating: "0", count: 64))
            #expect(distrusted.status == 3, "\(distrusted.words)")
            let absent = try await members(
                "show", "--membership", "absent", "--trust", try Sandbox.current().trust())
            #expect(absent.status == 1, "\(absent.words)")
            #expect(
                absent.stderr.contains("`absent/membership.cms`: No such file or directory"),
                "\(absent.words)")
            #expect(try await members("show", "--membership", "x").status == 64)
        }

        @Test func aCutIsPreparedByOneAndSignedByTheQuorum() async throws {
            defer { scratch.remove() }
            let proposed = try await members(
                "propose", "--cut", "VN/hub", "--log-size", "12", "--out", "cut.json",
                more: held())
            #expect(proposed.status == 0, "\(proposed.words)")
            #expect(proposed.stdout.contains("+ cut of VN/hub: distrusted from "))
            #expect(proposed.stdout.contains("list in force: 0 of the 2 who must have signed"))
            let own = try await sign("cut.json", "SG")
            #expect(own == "cut.cms")
            let again = try await members(
                "sign", "cut.cms", "--yes", more: key("SG", "authority-1") + held())
            #expect(again.status == 1 && again.stderr.contains("has signed it before"))
            let last = try await members(
                "sign", "cut.cms", "--yes", "--json", more: key("MY", "authority-1") + held())
            #expect(try last.json["standing"]?["complete"] == false)
            let complete = try await members(
                "sign", "cut.cms", "--yes", "--json", more: key("MY", "authority-2") + held())
            #expect(try complete.json["standing"]?["complete"] == true)
            let beyond = try await members(
                "sign", "cut.cms", more: key("VN", "authority-1") + held())
            #expect(beyond.status == 1 && beyond.stderr.contains("selat members publish cut.cms"))
        }

        @Test func copiesThatWereSignedApartAreJoined() async throws {
            defer { scratch.remove() }
            #expect(
                try await members("propose", "--renew", "--out", "a.json", more: held()).status
                    == 0)
            try FileManager.default.copyItem(
                atPath: "\(scratch.path)/a.json", toPath: "\(scratch.path)/b.json")
            let (one, two) = (try await sign("a.json", "SG"), try await sign("b.json", "VN"))
            let merged = try await members("merge", one, two, "--out", "c.cms", "--json")
            #expect(merged.status == 0, "\(merged.words)")
            #expect(try merged.json["signatures"] == 4)
            // More signatures, and the same name.
            let more = try await members(
                "sign", "c.cms", "--beyond", "--yes", "--json",
                more: key("MY", "authority-1") + held())
            #expect(try more.json["digest"] == merged.json["digest"], "\(more.words)")
            let existing = try await members("merge", one, two, "--out", "c.cms")
            #expect(existing.status == 1 && existing.stderr.contains("File exists"))
            let other = try await members(
                "propose", "--quorum", "3", "--out", "d.json", more: held())
            #expect(other.status == 0, "\(other.words)")
            let third = try await sign("d.json", "MY")
            let mixed = try await members("merge", one, third, "--out", "e.cms")
            #expect(mixed.status == 78 && mixed.stderr.contains("selat members diff"))
            let difference = try await members("diff", one, third)
            #expect(difference.stdout.contains("~ quorum: 2 of 3 members -> 3 of 3 members"))
        }

        @Test func onlyWhoMaySignSigns() async throws {
            defer { scratch.remove() }
            let proposed = try await members(
                "propose", "--record", "SG", "--renew", more: held())
            #expect(proposed.status == 0, "\(proposed.words)")
            for (country, name) in [("MY", "authority-1"), ("SG", "policy-1")] {
                let refused = try await members(
                    "sign", "SG-2.json", more: key(country, name) + held())
                #expect(refused.status == 2, "\(refused.words)")
                #expect(refused.stderr.contains("is no authority of a member who may sign it"))
                #expect(!scratch.exists("SG-2.cms"))
            }
            let other = try await members(
                "sign", "SG-2.json",
                more: [
                    "--key", key("SG", "authority-1")[1], "--certificate",
                    key("SG", "authority-2")[3],
                ] + held())
            #expect(other.status == 1, "\(other.words)")
            #expect(try await sign("SG-2.json", "SG") == "SG-2.cms")
        }

        @Test func whatIsSignedIsShownAndAskedFor() async throws {
            defer { scratch.remove() }
            let proposed = try await members(
                "propose", "--record", "SG", "--renew", "--out", "a.json", more: held())
            #expect(proposed.status == 0, "\(proposed.words)")
            // Names of keys are any text.
            let text = try scratch.text("a.json")
            let changed = text.replacing(#""log": ""#, with: #""log": "x\u001b[2J\u202e"#)
            #expect(changed != text)
            try scratch.write(changed, to: "b.json")
            let shown = "log key: "
            let seen = "x\u{FFFD}[2J\u{FFFD}"
            let difference = try await members("diff", "a.json", "b.json")
            #expect(difference.stdout.contains(shown) && difference.stdout.contains(seen))
            for more in [[], ["--json"]] {
                let unasked = try await members(
                    "sign", "b.json", more: more + key("SG", "authority-1") + held())
                #expect(unasked.status == 64, "\(unasked.words)")
                #expect(unasked.stderr.contains(shown) && unasked.stderr.contains(seen))
                #expect(unasked.stderr.contains("--yes") && unasked.stdout.isEmpty)
                #expect(!unasked.stderr.contains("\u{1B}") && !unasked.stderr.contains("\u{202E}"))
                #expect(!scratch.exists("b.cms"))
            }
            let signed = try await members(
                "sign", "b.json", "--yes", more: key("SG", "authority-1") + held())
            #expect(signed.status == 0 && scratch.exists("b.cms"), "\(signed.words)")
        }

        @Test func aProposalThatDoesNotFollowIsNotSigned() async throws {
            defer { scratch.remove() }
            #expect(
                try await members("propose", "--renew", "--out", "a.json", more: held()).status
                    == 0)
            let text = try scratch.text("a.json")
            let edits: [(String, String, String)] = [
                (#""serial": 2"#, #""serial": 3"#, "expected 2"),
                (#""quorum": 2"#, #""quorum": 1"#, "not more than half"),
                (#""quorum": 2"#, #""quorum": 2, "critical": ["x"]"#, "unknown key `critical`"),
                (#""sandbox": true"#, #""sandbox": false"#, "a sandbox stays one"),
                (#""previous": "sha256:"#, #""previous": "sha256:00"#, "digest"),
            ]
            for (old, new, words) in edits {
                try scratch.write(text.replacing(old, with: new), to: "b.json")
                let refused = try await members(
                    "sign", "b.json", more: key("SG", "authority-1") + held())
                #expect(refused.status == 78, "\(new): \(refused.words)")
                #expect(refused.stderr.contains(words), "\(new): \(refused.words)")
            }
        }

        @Test(arguments: [
            ["propose"], ["propose", "--add", "TH.json"], ["propose", "--cut", "TH"],
            ["propose", "--cut", "VN", "--quorum", "1"],
            ["propose", "--cut", "VN", "--distrust-from", "2100-01-01T00:00:00Z"],
            ["propose", "--suite", "9"], ["propose", "--profile", "higher"],
            ["propose", "--role", "SG:king"],
            ["propose", "--renew", "--lifetime", "31d"], ["propose", "--log-size", "3"],
            ["propose", "--record", "TH", "--renew"],
            ["propose", "--record", "SG", "--cut", "VN"],
            ["propose", "--record", "SG", "--endpoint", "SG/hub=nowhere"],
            ["propose", "--record", "SG", "--remove-node", "SG/csa"],
            ["propose", "--from", "none.json"], ["sign", "none.json"], ["diff", "a", "b"],
        ])
        func whatCannotBeIsRefusedInWords(words: [String]) async throws {
            defer { scratch.remove() }
            let more = words[0] == "diff" ? [] : try held()
            let signing = words[0] == "sign" ? try key("SG", "authority-1") : []
            let ended = try await Run.run(
                Run.selat, ["members"] + words + signing + more, in: scratch.path)
            #expect([1, 64, 78].contains(ended.status), "\(ended.words)")
            #expect(ended.stderr.hasPrefix("selat: error: ") && ended.stdout.isEmpty)
            #expect(scratch.files().isEmpty)
        }

        @Test func aProposalThatIsNotDurableIsNoneWritten() async throws {
            defer { scratch.remove() }
            let words = ["members", "propose", "--renew", "--out", "\(scratch.path)/a.json"]
            guard let ended = try await Run.withoutSync(Run.selat, words + held()) else { return }
            #expect(ended.status == 1, "\(ended.words)")
            #expect(ended.stderr.contains(": Input/output error"), "\(ended.words)")
            #expect(ended.stdout.isEmpty && scratch.files().isEmpty)
        }

        /// What was typed is wrong, and neither the membership nor a policy.
        @Test(arguments: [
            (
                "SG/hub/lee:releasing-officer",
                "the certificate names `selat://SG/hub/releasing-officer`"
            ),
            ("SG/hub/releasing-officer:head of agency", "the role `head of agency` is no word"),
        ])
        func anOfficerIsWhoTheCertificateNames(officer: String, says: String) async throws {
            defer { scratch.remove() }
            let pem = "\(try Sandbox.current().path)/authority-SG/releasing-officer.pem"
            let ended = try await members(
                "propose", "--record", "SG", "--officer", "\(officer):\(pem)", more: held())
            #expect(ended.status == 64, "\(ended.words)")
            #expect(ended.stderr.contains(says), "\(ended.words)")
            #expect(ended.stdout.isEmpty && scratch.files().isEmpty)
        }

        @Test(arguments: ["SG:0", "SG:9", "SG:-9223372036854775808", "SG:9223372036854775808"])
        func aThresholdHasBounds(_ threshold: String) async throws {
            defer { scratch.remove() }
            let ended = try await members("propose", "--threshold", threshold, more: held())
            #expect(ended.status == 64, "\(ended.words)")
            #expect(
                ended.stderr.hasPrefix(
                    "selat: error: --threshold `\(threshold)`: expected a number from 1 to 8\n"))
            #expect(scratch.files().isEmpty)
        }

        @Test func aProposalNeedsNoLinksAndReplacesNothing() async throws {
            defer { scratch.remove() }
            let words = [
                "members", "propose", "--renew", "--out", "\(scratch.path)/a.json",
            ]
            guard let made = try await Run.withoutLinks(Run.selat, words + held()) else { return }
            #expect(made.status == 0, "\(made.words)")
            #expect(scratch.files() == ["a.json"])
            let bytes = try scratch.bytes("a.json")
            let again = try await Run.withoutLinks(Run.selat, words + held())
            #expect(again?.status == 1 && again?.stderr.contains("File exists") == true)
            #expect(try scratch.bytes("a.json") == bytes && scratch.files() == ["a.json"])
        }

        @Test func theLargestLogSizeCanBeWritten() async throws {
            defer { scratch.remove() }
            let ended = try await members(
                "propose", "--cut", "VN/hub", "--log-size", "9007199254740991", "--out",
                "cut.json", more: held())
            #expect(ended.status == 0, "\(ended.words)")
            #expect(try scratch.text("cut.json").contains("9007199254740991"))
        }

        @Test func aNewFederationBeginsWithItsMembersWord() async throws {
            defer { scratch.remove() }
            let sandbox = try Sandbox.current()
            for country in ["SG", "MY"] {
                func der(_ name: String) throws -> JSON {
                    let pem = try String(
                        contentsOfFile: "\(sandbox.path)/authority-\(country)/\(name).pem",
                        encoding: .utf8)
                    return .string(pem.split(separator: "\n").dropFirst().dropLast().joined())
                }
                let candidate: JSON = [
                    "country": .string(country), "sector": "public", "cas": [try der("root")],
                    "authorities": [try der("authority-1"), try der("authority-2")],
                    "threshold": 2, "roles": ["exchange"],
                ]
                try scratch.write(candidate.pretty, to: "\(country).json")
            }
            let proposed = try await members(
                "propose", "--first", "--sandbox", "--add", "SG.json", "--add", "MY.json",
                "--out", "first.json")
            #expect(proposed.status == 0, "\(proposed.words)")
            #expect(proposed.stdout.contains("+ quorum: 2 of 2 members"))
            var file = "first.json"
            var last = proposed
            for country in ["SG", "MY"] {
                for name in ["authority-1", "authority-2"] {
                    last = try await members(
                        "sign", file, "--first", "--yes", "--json", more: key(country, name))
                    #expect(last.status == 0, "\(last.words)")
                    file = "first.cms"
                }
            }
            #expect(try last.json["standing"]?["complete"] == true)
            let digest = try #require(try last.json["digest"]?.stringValue)
            try scratch.write(try scratch.bytes("first.cms"), to: "m/membership.cms")
            let shown = try await members("--membership", "m", "--trust", digest, "--json")
            #expect(shown.status == 0, "\(shown.words)")
            #expect(try shown.json["federation"]?.stringValue == digest)
        }

        @Test func unsignedAndForeignFilesAreNotPublished() async throws {
            defer { scratch.remove() }
            #expect(
                try await members("propose", "--renew", "--out", "a.json", more: held()).status
                    == 0)
            let socket = ["--socket", try Sandbox.current().socket("SG")]
            let unsigned = try await members("publish", "a.json", more: socket)
            #expect(unsigned.status == 78 && unsigned.stderr.contains("selat members sign"))
            try scratch.write("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", to: "x")
            #expect(try await members("publish", "x", more: socket).status == 64)
            try scratch.write(
                "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", to: "SG.crl")
            #expect(try await members("publish", "SG.crl", more: socket).status == 78)
            try scratch.write([], to: "big.cms")
            let file = try #require(FileHandle(forWritingAtPath: "\(scratch.path)/big.cms"))
            try file.truncate(atOffset: 50 << 20)
            let big = try await members("publish", "big.cms", more: socket)
            #expect(big.status == 78 && big.stderr.contains("larger than 4 MiB"))
        }
    }
}
