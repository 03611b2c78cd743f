import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// What the command makes of answers that no sound daemon gives.
    @Suite struct AnswerTests {
        let scratch: Scratch

        init() throws { scratch = try Scratch() }

        /// Runs `selat` against what gives each call this answer.
        private func asking(
            _ words: [String], status: String = "200 OK", type: String = "application/json",
            answers: Int = .max, _ answer: [UInt8]
        ) async throws -> Ended {
            let daemon = try FakeDaemon(
                at: "\(scratch.path)/control.sock", status: status, type: type, answers: answers,
                answer)
            defer { daemon.end() }
            return try await Run.run(Run.selat, words + ["--socket", daemon.path])
        }

        /// It runs, and answered: that is no daemon out of reach.
        @Test func anAnswerThatIsTooLargeSaysSo() async throws {
            defer { scratch.remove() }
            let ended = try await asking(
                ["audit", "log", "--limit", "10000", "--json"],
                [UInt8](repeating: UInt8(ascii: " "), count: (64 << 20) + 1))
            #expect(ended.status == 1, "\(ended.words)")
            #expect(ended.stdout.isEmpty)
            #expect(
                ended.stderr == """
                    selat: error: the daemon's answer is larger than 64.0 MiB
                    selat: hint: ask for less at a time, with a smaller --limit

                    """)
        }

        /// A path is what the file system takes it for, whatever stands behind its slashes.
        @Test(arguments: ["/x", "a/../b", #"a/../\u200db"#, #"/\u0301x"#, #"a//\u0301b"#])
        func aPathOutsideOfTheFolderIsNotOpened(_ path: String) async throws {
            defer { scratch.remove() }
            let answer = #"{"dataset": {"resources": [{"path": "\#(path)", "bytes": 1}]}}"#
            let ended = try await asking(
                ["open", "0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11", "--out", "\(scratch.path)/out"],
                Array(answer.utf8))
            #expect(ended.status == 3, "\(ended.words)")
            #expect(ended.stderr.contains("a path leads out of the folder"))
            let left = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
            #expect(left == ["control.sock"])
        }

        /// No answer to the confirmation is no refusal of what lies there whole.
        @Test func aBackupIsKeptWhereItsConfirmationIsLost() async throws {
            defer { scratch.remove() }
            let file = "\(scratch.path)/b.selatbackup"
            let lost = try await asking(["backup", file], answers: 1, Array("sealed".utf8))
            #expect(lost.status == 69, "\(lost.words)")
            #expect(lost.stderr.contains("is whole and kept, but not confirmed"), "\(lost.words)")
            #expect(lost.stderr.contains("selat restore --check"), "\(lost.words)")
            #expect(try scratch.text("b.selatbackup") == "sealed")
            #expect(scratch.files().filter { $0.contains("selatbackup") } == ["b.selatbackup"])
        }

        /// What it had taken may be known, the rest is not tried: that is no success of the run.
        @Test func aDaemonThatGoesAwayEndsAnImport() async throws {
            defer { scratch.remove() }
            let bag = "\(scratch.path)/bag"
            for name in ["a", "b", "c", "d"] { try scratch.write("{}", to: "bag/\(name).receipt") }
            let answer = #"{"kind": "delivered", "new": true, "state": "delivered"}"#
            let ended = try await asking(
                ["receipt", "import", bag], answers: 1, Array(answer.utf8))
            #expect(ended.status == 69, "\(ended.words)")
            #expect(ended.stdout.hasPrefix("\(bag)/a.receipt  "), "\(ended.words)")
            #expect(ended.stdout.split(separator: "\n").count == 1, "\(ended.words)")
            #expect(ended.stderr.hasPrefix("selat: error: `\(bag)/b.receipt`: "))
            #expect(ended.stderr.contains("; 2 of 4 files were not tried\n"), "\(ended.words)")
            let document = try await asking(
                ["receipt", "import", bag, "--json"], answers: 1, Array(answer.utf8))
            #expect(document.status == 69, "\(document.words)")
            #expect(try document.json["receipts"]?.arrayValue?.count == 2)
            #expect(try document.json["not_tried"] == 2)
            let alone = try await asking(["receipt", "import", "\(bag)/a.receipt"], answers: 0, [])
            #expect(alone.status == 69 && alone.stdout.isEmpty, "\(alone.words)")
            #expect(alone.stderr.contains("the daemon went away before it answered"))
        }

        /// A peer, or whoever made the file that is read, writes nothing to the terminal but words.
        @Test func anothersWordsDoNothingToTheTerminal() async throws {
            defer { scratch.remove() }
            let id = "0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11"
            let answer = #"""
                {"id": "0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11", "state": "refused", "cause": "no\u001b[2J",
                "warnings": ["no\u001b[2J"], "transfers": [{"cause": "no\u001b[2J"}]}
                """#
            for words in [["show", id], ["retry", id], ["status"], ["transfers", "--dead"]] {
                let ended = try await asking(words, Array(answer.utf8))
                #expect(ended.status == 0, "\(ended.words)")
                #expect(ended.stdout.contains("no\u{FFFD}[2J\n"), "\(words): \(ended.words)")
                #expect(!ended.stdout.contains("\u{1B}"))
            }
            let problem = #"""
                {"type": "about:blank", "title": "refused", "status": 409,
                "detail": "first\u001b]0;x\u0007\nsecond", "remedy": "ask\u009b2J"}
                """#
            let ended = try await asking(
                ["show", id], status: "409 Conflict", type: "application/problem+json",
                Array(problem.utf8))
            #expect(ended.status == 1, "\(ended.words)")
            #expect(
                ended.stderr == """
                    selat: error: refused: first\u{FFFD}]0;x\u{FFFD}
                    second
                    selat: hint: ask\u{FFFD}2J

                    """)
        }

        @Test func aTimelineSaysWhoAndWhyAndReceiptsStandInOrder() async throws {
            defer { scratch.remove() }
            let id = "0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11"
            let answer = #"""
                {"relay_receipts": [{"kind": "relayed", "signer": "TH/hub", "time": "2026-12-01T09:00:01Z"}],
                "receipts": [{"kind": "opened", "signer": "VN/hub", "time": "2026-12-01T09:00:03Z"}],
                "receipt": {"kind": "delivered", "signer": "VN/hub", "time": "2026-12-01T09:00:02Z"},
                "timeline": [
                {"time": "T", "kind": "transfer.released", "sequence": 7, "details": {"attempt": 2,
                "route": ["SG/hub", "TH/hub", "VN/hub"], "cause": "MY/hub: no route"}},
                {"time": "T", "kind": "receipt.taken", "sequence": 9, "details": {"attempt": 2,
                "by": "VN/hub", "kind": "opened"}}, {"time": "T", "kind": "transfer.sealed", "sequence": 10}]}
                """#
            let ended = try await asking(["show", id], Array(answer.utf8))
            #expect(ended.status == 0, "\(ended.words)")
            #expect(
                ended.stdout.contains(
                    """
                    receipt: relayed signed by TH/hub at 2026-12-01T09:00:01Z
                    receipt: delivered signed by VN/hub at 2026-12-01T09:00:02Z
                    receipt: opened signed by VN/hub at 2026-12-01T09:00:03Z

                    """))
            #expect(
                ended.stdout.hasSuffix(
                    """
                    log:
                      T  transfer.released  entry 7  attempt 2, route SG/hub > TH/hub > VN/hub, MY/hub: no route
                      T  receipt.taken  entry 9  opened, by VN/hub, attempt 2
                      T  transfer.sealed  entry 10

                    """))
        }

        @Test func holdingsSayWhatTheirRecipientsStatedAndAddUp() async throws {
            defer { scratch.remove() }
            let answer = #"""
                {"ours": [{"peer": "VN/hub", "id": "a", "state": "delivered", "stated": "opened", "size_bytes": 14},
                {"peer": "MY/hub", "id": "b", "state": "delivered", "size_bytes": 1010}], "theirs": []}
                """#
            let ended = try await asking(["holdings"], Array(answer.utf8))
            let words = ended.stdout.split(separator: "\n").map {
                $0.split(separator: " ").map(String.init)
            }
            #expect(
                words == [
                    ["held", "by", "id", "state", "size", "since", "until", "recall", "title"],
                    ["VN/hub", "a", "opened", "14", "B"],
                    ["MY/hub", "b", "delivered", "1010", "B"],
                    ["total", "2", "1.0", "KiB"],
                    ["held", "here,", "from", "id", "state", "size", "since", "until", "recall"]
                        + ["title"],
                ], "\(ended.words)")
        }

        @Test func whatIsRelayedIsListedWithBothEnds() async throws {
            defer { scratch.remove() }
            let answer = #"""
                {"transfers": [{"id": "a", "direction": "relayed", "from": "SG/hub", "to": "VN/hub",
                "peer": "TH/hub", "state": "holding", "size_bytes": 86, "created": "T"}]}
                """#
            let ended = try await asking(
                ["transfers", "--direction", "relayed"], Array(answer.utf8))
            let words = ended.stdout.split(separator: "\n").map {
                $0.split(separator: " ").map(String.init)
            }
            #expect(
                words == [
                    ["id", "from", "to", "peer", "state", "size", "created", "cause"],
                    ["a", "SG/hub", "VN/hub", "TH/hub", "holding", "86", "B", "T"],
                ], "\(ended.words)")
        }

        @Test(arguments: ["outbound", "relayed"])
        func aRecallElsewhereSaysWhatItsRecipientSaid(_ direction: String) async throws {
            defer { scratch.remove() }
            let answer = #"""
                {"recalls": [{"id": "a", "direction": "\#(direction)", "state": "delivered",
                "answers": ["recalled"], "hold_until": "2026-12-31T00:00:00Z"}]}
                """#
            let ended = try await asking(["recall", "list"], Array(answer.utf8))
            let said =
                "its recipient says: recalled, and may destroy it from 2026-12-31T00:00:00Z on"
            #expect(ended.stdout.contains(said), "\(ended.words)")
        }

        @Test func aRouteThatIsNotLawfulSaysWhyInWords() async throws {
            defer { scratch.remove() }
            let answer = #"""
                {"routes": [{"nodes": ["SG/hub", "TH/hub", "VN/hub"], "lawful": false,
                "transit": [{"country": "TH", "outcome": "prohibited", "rules": ["no-ground"], "clauses": []}]}]}
                """#
            let ended = try await asking(
                ["route", "VN/hub", "--label", "restricted"], Array(answer.utf8))
            #expect(ended.status == 2, "\(ended.words)")
            #expect(ended.stdout.contains("TH: no ground of the file can apply"), "\(ended.words)")
        }

        @Test func whatHidesInTextIsSeen() async throws {
            defer { scratch.remove() }
            let hidden: [Unicode.Scalar] = [
                0xAD, 0x61C, 0x180E, 0x200B, 0x200E, 0x2028, 0x2029, 0x202E, 0x2060, 0x2064, 0x2065,
                0x2066, 0x206A, 0x206F, 0xFEFF, 0xFFF9, 0xFFFB, 0xE0000, 0xE0001, 0xE0020, 0xE007F,
                0x34F, 0x115F, 0x180B, 0x3164, 0xFE00, 0xFE0F, 0xFFA0, 0xE0100, 0xE01EF,
            ].compactMap { (value: UInt32) in Unicode.Scalar(value) }
            // Persian and a family of emoji need the joiners.
            let cause =
                "no" + hidden.map { "\($0)." }.joined() + "\u{646}\u{200C}\u{647} x\u{200D}y"
            let answer: JSON = [
                "id": "0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11", "state": "refused",
                "cause": .string(cause),
            ]
            let ended = try await asking(
                ["show", "0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11"], answer.canonical)
            #expect(ended.status == 0, "\(ended.words)")
            let seen = "no" + hidden.map { _ in "\u{FFFD}." }.joined()
            #expect(ended.stdout.contains("\(seen)\u{646}\u{200C}\u{647} x\u{200D}y\n"))
        }
    }
}
