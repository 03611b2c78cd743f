import Foundation
import SelatCore
import Testing

extension Sandbox {
    /// What a node shows of a transfer.
    func shown(_ id: String, on country: String) async throws -> JSON {
        try await selat("show", id, "--json", on: country).json
    }

    /// The kinds of what the recipient has stated, as a node tells it.
    func story(_ id: String, on country: String) async throws -> [String] {
        let story = try await shown(id, on: country)["story"]?.arrayValue ?? []
        return story.compactMap { $0["kind"]?.stringValue }
    }
}

extension CommandTests {
    /// What becomes of a dataset after it was delivered, as both ends tell it.
    @Suite struct StoryTests {
        let sandbox: Sandbox
        let scratch: Scratch

        init() throws {
            sandbox = try Sandbox.current()
            scratch = try Scratch()
        }

        @Test func bothEndsTellWhatBecameOfADataset() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("level\n4\n", to: "x.csv"))
            let opened = try await sandbox.selat(
                "open", id, "--out", "\(scratch.path)/out", on: "VN")
            try #require(opened.status == 0, "\(opened.words)")
            try await sandbox.until("SG hears that it was opened") {
                try await sandbox.story(id, on: "SG") == ["delivered", "opened"]
            }
            let unsure = try await sandbox.selat("destroy", id, on: "VN")
            #expect(unsure.status == 64 && unsure.stderr.contains("--yes"), "\(unsure.words)")
            let gone = try await sandbox.selat(
                "destroy", id, "--reason", "order 17/2026", "--yes", on: "VN")
            try #require(gone.status == 0, "\(gone.words)")
            #expect(gone.stdout.contains("\(id)  destroyed"))
            #expect(gone.stdout.contains("not reached: opened by uid:"))
            #expect(gone.stdout.contains("not reached: backups until "))
            try await sandbox.until("SG hears that it was destroyed") {
                try await sandbox.story(id, on: "SG").last == "destroyed"
            }
            let (ours, theirs) = (
                try await sandbox.shown(id, on: "SG"), try await sandbox.shown(id, on: "VN")
            )
            #expect(ours["story"] == theirs["story"])
            #expect(ours["receipt"]?["kind"] == "delivered")
            let later = (ours["receipts"]?.arrayValue ?? []).compactMap { $0["kind"] }
            #expect(later == ["opened", "destroyed"])
            #expect(ours["relay_receipts"] == nil)
            #expect(ours["state"] == "delivered" && theirs["state"] == "destroyed")
            #expect(theirs["letters"] == nil)
            let words = try await sandbox.selat("show", id, on: "SG").stdout
            #expect(words.contains("destroyed  by VN/hub, entry "))
            #expect(words.contains("operator: order 17/2026"))
            let receipts = words.split(separator: "\n").filter { $0.hasPrefix("receipt: ") }
            #expect(
                receipts.map { String($0.split(separator: " ")[1]) } == [
                    "delivered", "opened", "destroyed",
                ])
            #expect(words.contains("  opened, by VN/hub, attempt 1"))
            let holdings = try await sandbox.selat("holdings", on: "SG")
            #expect(!holdings.stdout.contains(id))
        }

        @Test func whatIsNotHereIsNotDestroyed() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("x", to: "x.txt"))
            // Its sender has nothing that could be destroyed.
            let sender = try await sandbox.selat("destroy", id, "--yes", on: "SG")
            #expect(sender.status == 1, "\(sender.words)")
            let unknown = try await sandbox.selat(
                "destroy", "01a20a28-f8b8-79e7-b70d-d358d926a300", "--yes", on: "VN")
            #expect(unknown.status == 1, "\(unknown.words)")
            let malformed = try await sandbox.selat("destroy", "x", "--yes", on: "VN")
            #expect(malformed.status == 64)
            let silent = try await sandbox.selat(
                "destroy", id, "--reason", "", "--yes", on: "VN")
            #expect(silent.status == 64, "\(silent.words)")
            #expect(try await sandbox.inbox("VN").contains(id))
            let once = try await sandbox.selat("destroy", id, "--yes", "--json", on: "VN")
            #expect(try once.json["state"] == "destroyed")
            let twice = try await sandbox.selat("destroy", id, "--yes", on: "VN")
            #expect(twice.status == 1 && twice.stderr.contains("is destroyed"), "\(twice.words)")
        }
    }
}
