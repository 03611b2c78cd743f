import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// Policy editions from the officers' signatures to the verdict.
    @Suite struct PolicyEditionTests {
        /// A moment some seconds ahead, as a file writes it.
        private func moment(in seconds: Int) -> String {
            Timestamp(seconds: Int64(Date().timeIntervalSince1970) + Int64(seconds)).text
        }

        @Test func anEditionNeedsTwoOfItsOwnOfficers() async throws {
            try await Sandbox.fresh { sandbox in
                let file = try sandbox.edition("SG", 2)
                let unsigned = try await sandbox.activate(file, on: "SG")
                #expect(unsigned.status == 78)
                #expect(unsigned.stderr.contains("`SG.yaml`: 0 of 2 signatures; signers named by "))
                try await sandbox.sign([file], by: "SG", persons: [1])
                let one = try await sandbox.activate(file, on: "SG")
                #expect(one.stderr.contains("1 of 2 signatures"))
                #expect(one.stderr.contains("not yet signed: `SG/hub/policy-2`"))

                let twice = try await sandbox.signing([file], by: "SG", person: 1)
                #expect(twice.status == 1)
                #expect(twice.stderr.contains("has signed it before"))
                try await sandbox.sign([file], by: "MY", persons: [1])
                let wrong = try await sandbox.activate(file, on: "SG")
                #expect(wrong.stderr.contains("is no policy signer of `SG`"), "\(wrong.words)")

                try await sandbox.sign([file], by: "SG", persons: [1], "--anew")
                try await sandbox.sign([file], by: "SG", persons: [2])
                #expect(try await sandbox.editionNumber("SG", on: "SG") == 1)
                let both = try await sandbox.activate(file, on: "SG")
                #expect(both.status == 0, "\(both.words)")
                #expect(try await sandbox.editionNumber("SG", on: "SG") == 2)
            }
        }

        @Test func signaturesOverAnotherEditionAreRefused() async throws {
            try await Sandbox.fresh { sandbox in
                let file = try sandbox.edition("SG", 2)
                try FileManager.default.copyItem(
                    atPath: "\(sandbox.policies)/SG.yaml.p7s", toPath: "\(file).p7s")
                let refused = try await sandbox.activate(file, on: "SG")
                #expect(refused.status == 78)
                #expect(refused.stderr.contains("it is of another edition"))
                let signing = try await sandbox.signing([file], by: "SG", person: 1)
                #expect(signing.status == 3)
                #expect(signing.stderr.contains("--anew"))
            }
        }

        /// What lies beside the file stays as it was.
        @Test func signaturesThatAreNotDurableAreNoneWritten() async throws {
            let sandbox = try Sandbox.current()
            let scratch = try Scratch()
            defer { scratch.remove() }
            let shipped = try String(contentsOfFile: "\(sandbox.policies)/SG.yaml", encoding: .utf8)
            let file = try scratch.write(shipped, to: "SG.yaml")
            let key = "\(sandbox.path)/authority-SG/policy-1"
            let ended = try await Run.withoutSync(
                Run.selat,
                [
                    "policy", "sign", file, "--key", "\(key).key", "--certificate",
                    "\(key).pem", "--federation", sandbox.trust(),
                ])
            guard let ended else { return }
            #expect(ended.status == 1, "\(ended.words)")
            #expect(ended.stderr.contains(": Input/output error"), "\(ended.words)")
            #expect(scratch.files() == ["SG.yaml"])
        }

        /// They are somebody's. A folder stands for a file that is another person's alone.
        @Test func signaturesThatCannotBeReadAreNotTakenForNone() async throws {
            let sandbox = try Sandbox.current()
            let scratch = try Scratch()
            defer { scratch.remove() }
            let shipped = try String(contentsOfFile: "\(sandbox.policies)/SG.yaml", encoding: .utf8)
            let file = try scratch.write(shipped, to: "SG.yaml")
            try scratch.write("x", to: "SG.yaml.p7s/x")
            let signing = try await sandbox.signing([file], by: "SG", person: 1, ["--anew"])
            let activated = try await sandbox.activate(file, on: "SG")
            for ended in [signing, activated] {
                #expect(ended.status == 1, "\(ended.words)")
                #expect(
                    ended.stderr == "selat: error: reading `\(file).p7s`: it is a folder\n",
                    "\(ended.words)")
            }
            #expect(scratch.files() == ["SG.yaml", "SG.yaml.p7s/x"])
        }

        @Test func anAgreementThatAsksCountsOnceBothPartiesHaveSignedItsText() async throws {
            let sandbox = try Sandbox.current()
            let scratch = try Scratch()
            defer { scratch.remove() }
            let text = try scratch.write("Exchange of letters.\n", to: "letters.txt")
            let zeros = "sha256:" + String(repeating: "0", count: 64)
            let shipped = "\(Run.root)/Policies"
            for name in try FileManager.default.contentsOfDirectory(atPath: shipped)
            where name.hasSuffix(".yaml") {
                try scratch.write(
                    try String(contentsOfFile: "\(shipped)/\(name)", encoding: .utf8),
                    to: "p/\(name)")
            }
            let file = "\(scratch.path)/p/agreements.yaml"
            func rewrite(_ old: String, _ new: String) throws {
                let before = try scratch.text("p/agreements.yaml")
                try #require(before.contains(old))
                try scratch.write(
                    before.replacing(old, with: new, maxReplacements: 1),
                    to: "p/agreements.yaml")
            }
            func sign(_ country: String, _ id: String, _ text: String) async throws -> Ended {
                try await sandbox.signing(
                    [file], by: country, person: 1, ["--instrument", id, "--text", text])
            }
            let id = "sg-vn-relief-2026"
            let silent = try await sign("SG", id, text)
            #expect(silent.status == 64 && silent.stderr.contains("asks for no signatures"))
            try rewrite(
                "    territory: [SG, VN]", "    signatures: []   # both\n    territory: [SG, VN]")
            let other = try await sign("SG", id, text)
            #expect(other.status == 3 && other.stderr.contains("is another text"))
            let found = try #require(
                other.stderr.firstMatch(of: /sg-vn-relief-2026`: (sha256:[0-9a-f]{64})/))
            try rewrite(zeros, String(found.1))
            let checked = try await Run.run(Run.selat, ["policy", "check", "\(scratch.path)/p"])
            #expect(checked.status == 0, "\(checked.words)")
            #expect(checked.stdout.contains("lacks that of SG, VN; run, there: selat policy sign"))
            #expect(checked.stdout.contains("[unsigned-agreement]"))

            let foreign = try await sign("MY", id, text)
            #expect(foreign.status == 3 && foreign.stderr.contains("speaks for no party"))
            let first = try await sign("SG", id, text)
            #expect(first.status == 0 && first.stdout.contains("signed for SG, missing: VN"))
            let twice = try await sign("SG", id, text)
            #expect(twice.status == 1 && twice.stderr.contains("SG has signed"))
            let second = try await sign("VN", id, text)
            #expect(second.status == 0 && !second.stdout.contains("missing"), "\(second.words)")
            #expect(try scratch.text("p/agreements.yaml").contains("    signatures:  # both\n"))
            let whole = try await Run.run(Run.selat, ["policy", "check", "\(scratch.path)/p"])
            #expect(whole.status == 0 && !whole.stdout.contains("unsigned-agreement"))
            try rewrite(String(found.1), zeros)
            let changed = try await Run.run(Run.selat, ["policy", "check", "\(scratch.path)/p"])
            #expect(changed.status == 78 && changed.stdout.contains("[agreement-signature]"))
        }

        @Test func draftsJudgeNothing() async throws {
            try await Sandbox.fresh { sandbox in
                let file = try sandbox.edition("SG", 2) {
                    $0.replacing("standing: published", with: "standing: draft")
                }
                let signing = try await sandbox.signing([file], by: "SG", person: 1)
                #expect(signing.status == 78, "\(signing.words)")
                let passed = try await sandbox.activate(file, on: "SG")
                #expect(try passed.json["editions"]?.arrayValue?.first?["result"] == "draft")
                #expect(try await sandbox.editionNumber("SG", on: "SG") == 1)
            }
        }

        @Test func anEditionComesIntoForceAtItsMoment() async throws {
            try await Sandbox.fresh { sandbox in
                let file = try sandbox.edition("SG", 2, inForce: moment(in: 4))
                try await sandbox.sign([file], by: "SG")
                let taken = try await sandbox.activate(file, on: "SG")
                #expect(try taken.json["editions"]?.arrayValue?.first?["result"] == "waiting")
                let before = try await sandbox.policy("SG", on: "SG")
                #expect(before["edition"] == 1)
                #expect(before["waiting"]?.arrayValue?.first?["edition"] == 2)
                try await sandbox.until("edition 2 is in force") {
                    try await sandbox.editionNumber("SG", on: "SG") == 2
                }
                let log = try await sandbox.selat("audit", "log", on: "SG")
                #expect(log.stdout.contains("policy.received"))
                #expect(log.stdout.components(separatedBy: "policy.activated").count == 3)

                let back = try await sandbox.activate("\(sandbox.policies)/SG.yaml", on: "SG")
                #expect(back.status == 78)
                #expect(back.stderr.contains("edition 1 is below the active edition 2 of `SG`"))
            }
        }

        @Test func aBadEditionLeavesTheGoodOne() async throws {
            try await Sandbox.fresh { sandbox in
                let good = try await sandbox.policy("SG", on: "SG")
                let file = try sandbox.edition("SG", 2) { $0 + "retenion: 5 years\n" }
                try await sandbox.sign([file], by: "SG")
                let refused = try await sandbox.activate(file, on: "SG")
                #expect(refused.status == 78)
                #expect(refused.stderr.contains("unknown key `retenion`"), "\(refused.words)")
                #expect(try await sandbox.policy("SG", on: "SG") == good)
                let rival = try sandbox.edition("SG", 1) { $0 + "# another\n" }
                try await sandbox.sign([rival], by: "SG")
                let doubled = try await sandbox.activate(rival, on: "SG")
                #expect(doubled.stderr.contains("another edition 1 of `SG` is held"))
                let log = try await sandbox.selat("audit", "log", on: "SG")
                #expect(log.stdout.components(separatedBy: "policy.refused").count == 3)
            }
        }

        @Test func theFederationsFilesNeedAMajority() async throws {
            try await Sandbox.fresh { sandbox in
                let file = try sandbox.edition("ASEAN", 2)
                try await sandbox.sign([file], by: "SG")
                let one = try await sandbox.activate(file, on: "SG")
                #expect(one.stderr.contains("signed for 1 of 2 members"), "\(one.words)")
                try await sandbox.sign([file], by: "VN")
                #expect(try await sandbox.activate(file, on: "SG").status == 0)
                let status = try await sandbox.policy("ASEAN", on: "SG")
                #expect(status["signatures"]?["counted"] == 2)

                // SG, MY and VN are parties of instruments: the majority alone is not enough.
                let agreements = try sandbox.edition("agreements", 2)
                try await sandbox.sign([agreements], by: "SG")
                try await sandbox.sign([agreements], by: "VN")
                let two = try await sandbox.activate(agreements, on: "SG")
                #expect(two.stderr.contains("not yet signed for `MY`"), "\(two.words)")
                try await sandbox.sign([agreements], by: "MY")
                #expect(try await sandbox.activate(agreements, on: "SG").status == 0)
            }
        }

        /// Ends the daemon while editions come into force: the old ones judge, or the new ones.
        @Test func aKilledActivationIsWholeOrNot() async throws {
            try await Sandbox.fresh { sandbox in
                let names = ["SG", "MY", "VN"]
                for round in 2...4 {
                    let at = moment(in: 3)
                    for name in names {
                        let file = try sandbox.edition(name, round, inForce: at)
                        try await sandbox.sign([file], by: name)
                        #expect(try await sandbox.activate(file, on: "SG").status == 0)
                    }
                    let due = try Timestamp(at).seconds
                    while Int64(Date().timeIntervalSince1970) < due {}
                    usleep(UInt32(round) * 330_000)
                    try sandbox.crash("SG")
                    let held = try await active(in: sandbox)
                    let whole = [round - 1, round].map { Array(repeating: $0, count: 3) }
                    #expect(whole.contains(held), "\(held)")
                    try await sandbox.start()
                    // After a start the others' clocks bear its own out first.
                    for name in names {
                        try await sandbox.until("edition \(round) of \(name) is in force") {
                            try await sandbox.editionNumber(name, on: "SG") == Int64(round)
                        }
                    }
                    let log = try await sandbox.selat("audit", "verify", on: "SG")
                    #expect(log.status == 0, "\(log.words)")
                }
            }
        }

        /// The active numbers of SG, MY and VN in the database of a node that was killed.
        private func active(in sandbox: Sandbox) async throws -> [Int] {
            guard let sqlite3 = Run.sqlite3 else { return [] }
            let ended = try await Run.run(
                sqlite3,
                [
                    sandbox.database("SG"),
                    "SELECT e.number FROM active_editions a JOIN editions e USING (digest) "
                        + "WHERE a.name IN ('SG', 'MY', 'VN') ORDER BY a.name = 'VN', a.name = 'MY'",
                ])
            return ended.stdout.split(separator: "\n").compactMap { Int($0) }
        }
    }
}
