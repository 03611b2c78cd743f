import Foundation
import SelatCore
import Testing

/// Three daemons that witness for each other, with short intervals.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct WitnessTests {
    /// A sandbox whose nodes ask their witnesses every second.
    private static func witnessed(_ body: (Sandbox) async throws -> Void) async throws {
        try await Sandbox.fresh { sandbox in
            for country in ["SG", "MY", "VN"] {
                let file = "\(sandbox.folder(country))/selatd.yaml"
                let text = try String(contentsOfFile: file, encoding: .utf8)
                try sandbox.crash(country)
                try Data((text + "witnesses: {interval: 1, refresh: 2, patience: 3600}\n").utf8)
                    .write(to: URL(filePath: file))
            }
            try await sandbox.start()
            try await body(sandbox)
        }
    }

    private static func log(_ country: String, _ sandbox: Sandbox) async throws -> JSON {
        let ended = try await sandbox.selat("status", "--json", on: country)
        return try #require(try ended.json["log"], "\(ended.words)")
    }

    /// Asks until the answer is as wanted.
    private static func eventually(
        _ what: String, seconds: Int = 180, _ isSo: () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while try await !isSo() {
            try #require(ContinuousClock.now < deadline, "never: \(what)")
            try await Task.sleep(for: .milliseconds(250))
        }
    }

    private static func isWitnessed(_ country: String, _ sandbox: Sandbox) async throws -> Bool {
        let log = try await log(country, sandbox)
        return log["standing"] == "proven" && log["unwitnessed"]?.integerValue == 0
            && (log["witnessed"]?.integerValue ?? 0) > 0
    }

    private static func kinds(_ country: String, _ sandbox: Sandbox) async throws -> [String] {
        let ended = try await sandbox.selat("audit", "log", "--json", on: country)
        return (try ended.json["entries"]?.arrayValue ?? []).compactMap { $0["kind"]?.stringValue }
    }

    @Test func quorumsAreMetAndReceiptsBecomeWitnessed() async throws {
        try await Self.witnessed { sandbox in
            try await Self.eventually("SG has its quorum") {
                try await Self.isWitnessed("SG", sandbox)
            }
            let dataset = try sandbox.scratch.write("station\n1\n", to: "gauges.csv")
            let id = try await sandbox.delivered(dataset)
            try await Self.eventually("the receipt is witnessed") {
                let shown = try await sandbox.selat("show", id, on: "SG")
                return shown.words.contains(", witnessed")
            }
            let verified = try await sandbox.selat("audit", "verify", on: "SG")
            #expect(verified.status == 0, "\(verified.words)")
            let kinds = try await Self.kinds("SG", sandbox)
            #expect(kinds.contains("peer.program"))
            // Nobody's checkpoints are news to anybody: the logs come to rest.
            let before = try await Self.log("SG", sandbox)["size"]
            try await Task.sleep(for: .seconds(5))
            #expect(try await Self.log("SG", sandbox)["size"] == before)
        }
    }

    @Test func aWitnessThatIsDownIsShownAndCaughtUp() async throws {
        try await Self.witnessed { sandbox in
            try await Self.eventually("SG has its quorum") {
                try await Self.isWitnessed("SG", sandbox)
            }
            try sandbox.crash("MY")
            let dataset = try sandbox.scratch.write("station\n1\n", to: "gauges.csv")
            let id = try await sandbox.delivered(dataset)
            try await Self.eventually("the missing witness is shown") {
                let status = try await sandbox.selat("status", on: "SG")
                return status.words.contains("witness MY/hub does not cosign")
            }
            let log = try await Self.log("SG", sandbox)
            #expect((log["unwitnessed"]?.integerValue ?? 0) > 0)
            let shown = try await sandbox.selat("show", id, on: "SG")
            #expect(shown.words.contains(", signed"))
            try await sandbox.start()
            try await Self.eventually("it is caught up") {
                try await Self.isWitnessed("SG", sandbox)
            }
        }
    }

    @Test func aRestoredBackupIsRecognisedAndGoesOnAsTheNextEpoch() async throws {
        try await Self.witnessed { sandbox in
            let dataset = try sandbox.scratch.write("station\n1\n", to: "gauges.csv")
            try await Self.eventually("VN has its quorum") {
                try await Self.isWitnessed("VN", sandbox)
            }
            try sandbox.crash("VN")
            let (database, copy) = (sandbox.database("VN"), "\(sandbox.scratch.path)/backup")
            for suffix in ["", "-wal", "-shm"]
            where FileManager.default.fileExists(atPath: database + suffix) {
                try FileManager.default.copyItem(atPath: database + suffix, toPath: copy + suffix)
            }
            try await sandbox.start()
            _ = try await sandbox.delivered(dataset)
            try await Self.eventually("VN's growth is witnessed") {
                try await Self.isWitnessed("VN", sandbox)
            }
            let lost = try await Self.log("VN", sandbox)["witnessed"]?.integerValue ?? 0

            try sandbox.crash("VN")
            for suffix in ["", "-wal", "-shm"] {
                try? FileManager.default.removeItem(atPath: database + suffix)
                guard FileManager.default.fileExists(atPath: copy + suffix) else { continue }
                try FileManager.default.copyItem(atPath: copy + suffix, toPath: database + suffix)
            }
            try await sandbox.start()
            try await Self.eventually("VN knows that its log is not what it was") {
                let standing = try await Self.log("VN", sandbox)["standing"]?.stringValue
                return standing == "behind" || standing == "forked"
            }
            let refused = try await sandbox.selat(
                ["send", dataset, "--to", "SG/hub"] + Sandbox.harmless, on: "VN")
            #expect(refused.status != 0 && refused.words.contains("log"), "\(refused.words)")
            let status = try await sandbox.selat("status", on: "VN")
            #expect(status.words.contains("selat restore --continue"))

            let early = try await sandbox.selat(
                "restore", "--continue", "--reason", "none", on: "SG")
            #expect(early.status == 1, "\(early.words)")
            let restored = try await sandbox.selat(
                "restore", "--continue", "--reason", "the disk failed", on: "VN")
            #expect(restored.status == 0 && restored.words.contains("/VN/hub/2"))
            let id = try await sandbox.delivered(dataset)
            try await Self.eventually("the new epoch is witnessed") {
                try await Self.isWitnessed("VN", sandbox)
            }
            // What it tells of the time before, it may have written anew.
            let folder = "\(sandbox.scratch.path)/proof"
            let proved = try await sandbox.selat("audit", "prove", id, "--out", folder, on: "VN")
            try #require(proved.status == 0, "\(proved.words)")
            let standing = try await sandbox.selat("status", "--json", on: "VN").json
            let trust = try #require(standing["membership"]?["federation"]?.stringValue)
            let proof = try await Run.run(
                Run.selat, ["audit", "verify", folder, "--trust", trust])
            #expect(proof.status == 0, "\(proof.words)")
            #expect(proof.stdout.contains("before its epoch 2"), "\(proof.words)")
            let verified = try await sandbox.selat("audit", "verify", on: "VN")
            #expect(verified.status == 0, "\(verified.words)")
            #expect(try await Self.kinds("SG", sandbox).contains("witness.epoch"))
            let entries = try await sandbox.selat(
                "audit", "log", "--kind", "log.continued", "--json", on: "VN")
            let details = try entries.json["entries"]?.arrayValue?.first?["details"]
            #expect(details?["size"]?.integerValue == lost)
            #expect(details?["reason"] == "the disk failed")
            // The next start finds the epoch it is in.
            try sandbox.crash("VN")
            try await sandbox.start()
            try await Self.eventually("it starts again") {
                try await Self.isWitnessed("VN", sandbox)
            }
            let origin = try await Self.log("VN", sandbox)["origin"]?.stringValue
            #expect(origin?.hasSuffix("/VN/hub/2") == true)
        }
    }
}
