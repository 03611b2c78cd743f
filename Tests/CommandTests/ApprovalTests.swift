import Foundation
import SelatCore
import Testing

extension Sandbox {
    /// Runs `selat` with an officer's own key.
    func officer(
        _ words: [String], by role: String, of country: String, at node: String? = nil
    ) async throws -> Ended {
        let key = "\(path)/authority-\(country)/\(role)"
        let at = node.map { ["--socket", socket($0)] } ?? []
        return try await Run.run(
            Run.selat,
            words + [
                "--key", "\(key).key", "--certificate", "\(key).pem", "--federation", try trust(),
            ] + at)
    }

    /// Sends what an artificial intelligence is to use: a releasing officer's approval is owed.
    func awaiting(_ dataset: String, from country: String = "SG") async throws -> String {
        let facts = try scratch.write(#"{"ai-use": ["inference"]}"#, to: "ai.json")
        let ended = try await selat(
            ["send", dataset, "--to", "VN/hub", "--json", "--facts", facts] + Self.harmless,
            on: country)
        try #require(ended.status == 4, "\(ended.words)")
        try #require(try ended.json["state"] == "waiting", "\(ended.words)")
        return try #require(try ended.json["id"]?.stringValue)
    }

    func state(_ id: String, on country: String) async throws -> JSON? {
        let ended = try await selat("show", id, "--json", on: country)
        return try ended.json["state"]
    }
}

extension CommandTests {
    /// Officers at their own programs: what they see, and what their word does.
    @Suite struct ApprovalTests {
        let sandbox: Sandbox
        let scratch: Scratch
        private let role = "releasing-officer"

        init() throws {
            sandbox = try Sandbox.current()
            scratch = try Scratch()
        }

        private func levels() throws -> String {
            try scratch.write("gauge,level\nMekong,4.2\n\"Tonle, Sap\",3.1\n", to: "d/levels.csv")
            return "\(scratch.path)/d"
        }

        private func yes(_ id: String, _ more: String...) -> [String] {
            ["approve", id, "--reason", "compared with the request", "--yes"] + more
        }

        @Test func anOfficerSeesWhatLeavesAndReleasesIt() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.awaiting(try levels())
            let list = try await sandbox.selat("approve", "list", on: "SG")
            #expect(list.stdout.contains(id))
            #expect(list.stdout.contains("1 × releasing-officer (source)"))

            let approved = try await sandbox.officer(yes(id), by: role, of: "SG", at: "SG")
            try #require(approved.status == 0, "\(approved.words)")
            #expect(approved.stdout.contains("approved by SG/hub/releasing-officer"))
            #expect(approved.stdout.contains("queued"))
            #expect(approved.stderr.contains("2 rows, 2 columns: gauge, level"))
            #expect(!approved.stderr.contains("Mekong"))
            #expect(approved.stderr.contains("label: unclassified"))
            #expect(approved.stderr.contains("route: SG/hub > VN/hub"))
            #expect(approved.stderr.contains("ASEAN"))

            try await sandbox.until("delivered") {
                try await sandbox.state(id, on: "SG") == "delivered"
            }
            let shown = try await sandbox.selat("show", id, on: "SG")
            #expect(shown.stdout.contains("approved: SG/hub/releasing-officer"))
            #expect(shown.stdout.contains("approval.given"))
            #expect(try await sandbox.inbox("VN").contains(id))
        }

        @Test func whatTheDescriptorSaysIsShownTooSinceItLeaves() async throws {
            defer { scratch.remove() }
            let dataset = try levels()
            let long = String(repeating: "A", count: 3_000)
            try scratch.write(
                #"""
                {"title": "levels", "description": "see\nbelow\u202e", "x-data": "\#(long)",
                 "resources": [{"path": "levels.csv", "schema": {"fields": ["born"]}}]}
                """#, to: "d/datapackage.json")
            let id = try await sandbox.awaiting(dataset)
            func shows(_ ended: Ended) {
                #expect(ended.stderr.contains("dataset: levels, "), "\(ended.words)")
                let lines = ended.stderr.split(separator: "\n")
                #expect(lines.contains(#"  also leaves "description":"see\nbelow\#u{FFFD}""#))
                #expect(lines.contains(#"    also leaves "schema":{"fields":["born"]}"#))
                let cut = lines.first { $0.hasPrefix("  also leaves 3011 bytes, sha256:") }
                #expect(cut?.contains(", cut after 2048: \"x-data\":\"AAAA") == true)
                #expect(cut?.hasSuffix("A…") == true)
                #expect(lines.count { $0.contains("also leaves") } == 3, "\(ended.words)")
            }

            let request = "\(scratch.path)/to-vn.request"
            let exported = try await sandbox.selat(
                "approve", "export", id, request, "--description", on: "SG")
            try #require(exported.status == 0, "\(exported.words)")
            let theirs = try await sandbox.officer(
                [
                    "approve", "--request", request, "--out", "\(scratch.path)/yes.cms", "--role",
                    role, "--reason", "compared", "--yes",
                ], by: role, of: "VN")
            #expect(theirs.stderr.contains("described and not opened here"))
            shows(theirs)

            let approved = try await sandbox.officer(
                yes(id, "--json"), by: role, of: "SG", at: "SG")
            try #require(approved.status == 0, "\(approved.words)")
            shows(approved)
            let described = try approved.json["request"]?["dataset"]?["x-data"]?.stringValue
            #expect(described == long)
        }

        @Test func aListThatIsCutSaysSo() async throws {
            defer { scratch.remove() }
            for _ in 0..<2 { _ = try await sandbox.awaiting(try levels()) }
            let cut = try await sandbox.selat(
                "approve", "list", "--limit", "1", "--json", on: "SG")
            #expect(try cut.json["approvals"]?.arrayValue?.count == 1, "\(cut.words)")
            #expect(cut.stderr.contains("the newest 1 that wait"), "\(cut.words)")
            let whole = try await sandbox.selat("approve", "list", on: "SG")
            #expect(whole.stderr.isEmpty, "\(whole.words)")
        }

        @Test func rowsAreShownWhereTheOfficerAsks() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.awaiting(try levels())
            let approved = try await sandbox.officer(
                yes(id, "--show", "1", "--json"), by: role, of: "SG", at: "SG")
            try #require(approved.status == 0, "\(approved.words)")
            #expect(approved.stderr.contains("| Mekong | 4.2"))
            #expect(!approved.stderr.contains("Tonle"))
            let files = try approved.json["request"]?["files"]?.arrayValue
            #expect(files?.first?["rows"] == 2)
        }

        @Test func nothingOfATableIsCutWithoutASign() async throws {
            defer { scratch.remove() }
            let many = (1...300).map { "c\($0)" }.joined(separator: ",")
            let long = String(repeating: "n", count: 5_000)
            let wide = String(repeating: "v", count: 300)
            try scratch.write(
                "\(many)\n\(wide)\(String(repeating: ",", count: 299))\n", to: "d/many.csv")
            try scratch.write("gauge,\(long)\n1,2,3\n", to: "d/long.csv")
            try scratch.write("gauge;name;born\n1;Tan;1980\n", to: "d/other.csv")
            try scratch.write("gauge\tname\n", to: "d/tabs.csv")
            try scratch.write("\u{FEFF}\"gauge; in cm\"\n1\n", to: "d/quoted.csv")
            let id = try await sandbox.awaiting("\(scratch.path)/d")
            let approved = try await sandbox.officer(
                yes(id, "--show", "1", "--json"), by: role, of: "SG", at: "SG")
            try #require(approved.status == 0, "\(approved.words)")
            for words in [
                "1 rows, 300 columns: c1, c2", ", c256, … and 44 more, not shown\n",
                "v… (300 bytes) | ", "n… (5000 bytes)\n",
                "a row has 3 fields, more than there are columns",
                "1 rows, 1 columns: gauge;name;born\n    its one column holds semicolons: ",
                "its one column holds tabs: ", "1 rows, 1 columns: gauge; in cm\n    | 1\n",
            ] {
                #expect(approved.stderr.contains(words), "\(words): \(approved.words)")
            }
            let files = try approved.json["request"]?["files"]?.arrayValue ?? []
            let table = files.first { $0["path"] == "many.csv" }
            #expect(table?["column_count"] == 300)
            #expect(table?["columns"]?.arrayValue?.count == 256)
            let other = files.first { $0["path"] == "other.csv" }
            #expect(other?["remarks"]?.arrayValue?.count == 1)
        }

        @Test func aRefusalNeedsAReasonAndEndsTheTransfer() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.awaiting(try levels())
            let silent = try await sandbox.officer(
                ["refuse", id, "--yes"], by: role, of: "SG", at: "SG")
            #expect(silent.status == 64)
            #expect(silent.stderr.contains("--reason"))
            let refused = try await sandbox.officer(
                ["refuse", id, "--yes", "--reason", "the wrong gauges"], by: role, of: "SG",
                at: "SG")
            try #require(refused.status == 0, "\(refused.words)")
            let shown = try await sandbox.selat("show", id, on: "SG")
            #expect(shown.stdout.contains("state: refused"))
            #expect(shown.stdout.contains("the wrong gauges"))
            let late = try await sandbox.officer(yes(id), by: role, of: "SG", at: "SG")
            #expect(late.status == 1)
        }

        @Test func whoDoesNotAnswerForItChangesNothing() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.awaiting(try levels())
            let stranger = try await sandbox.officer(yes(id), by: role, of: "MY", at: "SG")
            #expect(stranger.status == 2)
            #expect(stranger.stderr.contains("answers for neither SG nor VN"))
            let other = try await sandbox.officer(
                yes(id, "--role", role), by: "data-protection-officer", of: "SG", at: "SG")
            #expect(other.status == 3)
            #expect(other.stderr.contains("is no releasing-officer"))
            let theirs = try await sandbox.officer(
                yes(id, "--role", role, "--description"), by: role, of: "VN", at: "SG")
            #expect(theirs.status == 3)
            let blind = try await sandbox.officer(
                yes(id, "--description"), by: role, of: "SG", at: "SG")
            #expect(blind.status == 3)
            #expect(blind.stderr.contains("was not opened"))
            let alone = try await sandbox.officer(
                yes(id, "--break-glass"), by: "emergency-officer", of: "SG", at: "SG")
            #expect(alone.status == 3)
            let unconfirmed = try await sandbox.officer(
                ["approve", id, "--reason", "x"], by: role, of: "SG", at: "SG")
            #expect(unconfirmed.status == 64)
            #expect(try await sandbox.state(id, on: "SG") == "waiting")
        }

        @Test func anotherMachineIsEnough() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.awaiting(try levels())
            let request = "\(scratch.path)/levels.request"
            let exported = try await sandbox.selat("approve", "export", id, request, on: "SG")
            try #require(exported.status == 0, "\(exported.words)")
            #expect(exported.stderr.contains("opens the dataset"))
            let mode = try FileManager.default.attributesOfItem(atPath: request)[.posixPermissions]
            #expect(mode as? Int == 0o600)

            let out = "\(scratch.path)/yes.cms"
            let sign = [
                "approve", "--request", request, "--out", out, "--reason", "compared", "--yes",
            ]
            let signed = try await sandbox.officer(sign, by: role, of: "SG")
            try #require(signed.status == 0, "\(signed.words)")
            #expect(signed.stderr.contains("2 rows, 2 columns"))
            let added = try await sandbox.selat("approve", "add", id, out, on: "SG")
            try #require(added.status == 0, "\(added.words)")
            #expect(try await sandbox.selat("approve", "add", id, out, on: "SG").status != 0)
            try await sandbox.until("delivered") {
                try await sandbox.state(id, on: "SG") == "delivered"
            }
        }

        @Test func aRequestThatWasChangedIsNotSigned() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.awaiting(try levels())
            let request = "\(scratch.path)/levels.request"
            _ = try await sandbox.selat("approve", "export", id, request, on: "SG")
            let good = try scratch.bytes("levels.request")
            let end = try #require(good.firstIndex(of: 0x0A))
            var flipped = good
            flipped[good.count - 1] ^= 1
            let wrong: [[UInt8]] = [
                flipped, Array(good.dropLast()), good + [0], Array(good[..<end]),
                Array(good[...end]), Array(good[end...]), [],
                replaced(good, "\"size\":", "\"size\":1"),
            ]
            for (index, bytes) in wrong.enumerated() where bytes != good {
                let path = try scratch.write(bytes, to: "wrong-\(index)")
                let out = "\(scratch.path)/wrong-\(index).cms"
                let ended = try await sandbox.officer(
                    ["approve", "--request", path, "--out", out, "--reason", "x", "--yes"],
                    by: role, of: "SG")
                #expect(ended.status == 3, "\(index): \(ended.words)")
                #expect(!scratch.exists("wrong-\(index).cms"))
            }
        }

        private func replaced(_ bytes: [UInt8], _ old: String, _ new: String) -> [UInt8] {
            let end = bytes.firstIndex(of: 0x0A) ?? 0
            var line = String(decoding: bytes[..<end], as: UTF8.self)
            line.replace(old, with: new)
            return Array(line.utf8) + bytes[end...]
        }
    }
}
