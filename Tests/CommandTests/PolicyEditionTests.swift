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
                    for name in names {
                        let number = try await sandbox.editionNumber(name, on: "SG")
                        #expect(number == Int64(round))
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
