import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// Nodes obtain each other's editions: nobody carries files from country to country.
    @Suite struct PolicyDistributionTests {
        private func edition2(in sandbox: Sandbox, only country: String) async throws {
            let file = try sandbox.edition("SG", 2)
            try await sandbox.sign([file], by: "SG")
            let taken = try await sandbox.activate(file, on: country)
            try #require(taken.status == 0, "\(taken.words)")
        }

        private func send(from source: String, to country: String, in sandbox: Sandbox) async throws
            -> JSON
        {
            let file = try sandbox.scratch.write("SYNTHETIC", to: "\(source).txt")
            let ended = try await sandbox.selat(
                ["send", file, "--to", "\(country)/hub", "--wait", "--timeout", "50s", "--json"]
                    + Sandbox.harmless, on: source)
            try #require(ended.status == 0, "\(ended.words)")
            let document = try ended.json
            #expect(document["state"] == "delivered")
            return document
        }

        /// The recipient lacks what the sender goes by: it asks the sender.
        @Test func aRecipientBehindCatchesUp() async throws {
            try await Sandbox.fresh { sandbox in
                try await Task.sleep(for: .seconds(11))  // The round after the start is over.
                try await edition2(in: sandbox, only: "SG")
                #expect(try await sandbox.editionNumber("SG", on: "VN") == 1)
                let sent = try await send(from: "SG", to: "VN", in: sandbox)
                #expect(sent["attempt"] == 2, "\(sent.pretty)")
                let held = try await sandbox.policy("SG", on: "VN")
                #expect(held["edition"] == 2)
                #expect(held["from"] == "SG/hub")
                let log = try await sandbox.selat(
                    "audit", "log", "--kind", "offer.refused", "--json", on: "VN")
                #expect(log.stdout.contains("stale-edition"), "\(log.words)")
                #expect(log.stdout.contains("is not held here"))
            }
        }

        /// The sender judged by what is no longer the law: it asks the recipient, and judges again.
        @Test func aSenderBehindJudgesAgain() async throws {
            try await Sandbox.fresh { sandbox in
                try await Task.sleep(for: .seconds(11))
                try await edition2(in: sandbox, only: "SG")
                let sent = try await send(from: "MY", to: "SG", in: sandbox)
                #expect(sent["attempt"] == 2, "\(sent.pretty)")
                let held = try await sandbox.policy("SG", on: "MY")
                #expect(held["edition"] == 2)
                let log = try await sandbox.selat(
                    "audit", "log", "--kind", "offer.refused", "--json", on: "SG")
                #expect(log.stdout.contains("was not the newest at"), "\(log.words)")
            }
        }

        /// A node that was down asks everybody when it is back.
        @Test func aNodeThatWasDownCatchesUp() async throws {
            try await Sandbox.fresh { sandbox in
                try sandbox.crash("VN")
                try await edition2(in: sandbox, only: "SG")
                try await sandbox.start()
                try await sandbox.until("VN goes by SG's edition 2", seconds: 120) {
                    try await sandbox.editionNumber("SG", on: "VN") == 2
                }
            }
        }
    }
}
