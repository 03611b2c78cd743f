import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// Officers who want a dataset back, and those who answer them.
    @Suite struct RecallTests {
        let sandbox: Sandbox
        let scratch: Scratch
        private let role = "releasing-officer"

        init() throws {
            sandbox = try Sandbox.current()
            scratch = try Scratch()
        }

        private func recall(_ id: String, _ more: String...) -> [String] {
            ["recall", id, "--reason", "the wrong gauges", "--yes"] + more
        }

        /// A delivered dataset that SG's officer has recalled, as far as VN knows.
        private func recalled() async throws -> String {
            let id = try await sandbox.delivered(try scratch.write("level\n4\n", to: "x.csv"))
            let asked = try await sandbox.officer(recall(id), by: role, of: "SG", at: "SG")
            try #require(asked.status == 0, "\(asked.words)")
            #expect(asked.stdout.contains("recalled by SG/hub/releasing-officer"))
            try await sandbox.until("VN has made it unopenable, and SG knows") {
                try await sandbox.story(id, on: "SG") == ["delivered", "recalled"]
            }
            return id
        }

        @Test func aRecalledDatasetIsKeptOnALegalGroundAlone() async throws {
            defer { scratch.remove() }
            let id = try await recalled()
            let closed = try await sandbox.selat(
                "open", id, "--out", "\(scratch.path)/out", on: "VN")
            #expect(closed.status == 1 && closed.stderr.contains("is recalled"), "\(closed.words)")
            #expect(!scratch.exists("out/x.csv"))
            let list = try await sandbox.selat("recall", "list", on: "VN")
            #expect(list.stdout.contains("an own officer must agree or refuse"), "\(list.words)")
            let status = try await sandbox.selat("status", on: "VN")
            #expect(status.stdout.contains("selat recall answer \(id)"), "\(status.words)")
            for country in ["SG", "VN"] {
                let holdings = try await sandbox.selat("holdings", "--json", on: country)
                let all = ["ours", "theirs"].flatMap {
                    (try? holdings.json[$0]?.arrayValue) ?? []
                }
                let held = all.first { $0["id"]?.stringValue == id }
                #expect(held?["recall"] == "recalled", "\(country): \(holdings.words)")
            }
            let refused = try await sandbox.officer(
                ["recall", "answer", id, "--refuse", "Court order 17/2026", "--yes"], by: role,
                of: "VN", at: "VN")
            try #require(refused.status == 0, "\(refused.words)")
            let opened = try await sandbox.selat(
                "open", id, "--out", "\(scratch.path)/out", on: "VN")
            #expect(opened.status == 0, "\(opened.words)")
            try await sandbox.until("SG reads the ground") {
                try await sandbox.selat("show", id, on: "SG").stdout.contains(
                    "VN/hub/releasing-officer: Court order 17/2026")
            }
            let ours = try await sandbox.shown(id, on: "SG")
            let theirs = try await sandbox.shown(id, on: "VN")
            try await sandbox.until("the openings are told too") {
                try await sandbox.shown(id, on: "SG")["story"]
                    == (try await sandbox.shown(id, on: "VN")["story"])
            }
            #expect(ours["recall"]?["digest"] == theirs["recall"]?["digest"])
        }

        @Test func aRecallIsSignedElsewhereAndItsEndIsTold() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("x", to: "x.txt"))
            let file = "\(scratch.path)/recall.cms"
            let signed = try await sandbox.officer(
                recall(id, "--from", "SG/hub", "--to", "VN/hub", "--out", file), by: role, of: "SG")
            try #require(signed.status == 0, "\(signed.words)")
            let added = try await sandbox.selat("recall", "add", file, on: "SG")
            try #require(added.status == 0, "\(added.words)")
            try await sandbox.until("VN has made it unopenable") {
                try await sandbox.state(id, on: "VN") == "recalled"
            }
            let carried = "\(scratch.path)/carried.cms"
            let exported = try await sandbox.selat("recall", "export", id, carried, on: "SG")
            try #require(exported.status == 0, "\(exported.words)")
            #expect(try scratch.bytes("carried.cms") == scratch.bytes("recall.cms"))
            let brought = try await sandbox.selat("recall", "add", carried, on: "VN")
            #expect(brought.status == 0, "\(brought.words)")
            let unknown = try await sandbox.selat("recall", "add", carried, on: "MY")
            #expect(unknown.status == 3, "\(unknown.words)")
            let agreed = try await sandbox.officer(
                ["recall", "answer", id, "--destroy", "--yes", "--json"], by: role, of: "VN",
                at: "VN")
            try #require(agreed.status == 0, "\(agreed.words)")
            #expect(try agreed.json["decision"] == "destroy")
            // The hold is not over; an operator may end it at any time.
            #expect(try agreed.json["state"] == "recalled")
            let gone = try await sandbox.selat("destroy", id, "--yes", on: "VN")
            #expect(gone.status == 0, "\(gone.words)")
            try await sandbox.until("SG hears that it is gone") {
                try await sandbox.story(id, on: "SG") == ["delivered", "recalled", "destroyed"]
            }
            // With the same reason it may be signed in the same second, and be the same recall.
            let again = try await sandbox.officer(
                ["recall", id, "--reason", "another", "--yes"], by: role, of: "SG", at: "SG")
            #expect(again.status == 1, "\(again.words)")
        }

        @Test func whoseWordDoesNotCountChangesNothing() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("x", to: "x.txt"))
            let stranger = try await sandbox.officer(recall(id), by: role, of: "MY", at: "SG")
            #expect(stranger.status == 3, "\(stranger.words)")
            #expect(stranger.stderr.contains("does not answer for SG"))
            let theirs = try await sandbox.officer(recall(id), by: role, of: "VN", at: "VN")
            #expect(theirs.status == 1 && theirs.stderr.contains("was not sent from here"))
            let early = try await sandbox.officer(
                ["recall", "answer", id, "--destroy", "--yes"], by: role, of: "VN", at: "VN")
            #expect(early.status == 1, "\(early.words)")
            for words in [
                ["recall", "answer", id, "--yes"],
                ["recall", "answer", id, "--destroy", "--refuse", "x", "--yes"],
                ["recall", id, "--reason", "x", "--from", "SG/hub", "--yes"],
                ["recall", id, "--reason", "", "--yes"],
            ] {
                let ended = try await sandbox.officer(words, by: role, of: "SG", at: "SG")
                #expect(ended.status == 64, "\(words): \(ended.words)")
            }
            let empty = try scratch.write("", to: "empty.cms")
            let added = try await sandbox.selat("recall", "add", empty, on: "SG")
            #expect(added.status == 3, "\(added.words)")
            #expect(try await sandbox.state(id, on: "VN") == "delivered")
        }
    }
}
