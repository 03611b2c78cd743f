import Foundation
import SelatCore
import Testing

/// A node is backed up while it runs, dies, and comes back on other ground.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct BackupTests {
    /// What a restore takes to know whose backup it is.
    private static func keys(_ sandbox: Sandbox, _ country: String) throws -> [String] {
        [
            "--key", "\(sandbox.path)/authority-\(country)/backup.key", "--trust",
            try sandbox.trust(),
        ]
    }

    private static func restore(_ words: [String]) async throws -> Ended {
        try await Run.run(Run.selat, ["restore"] + words)
    }

    /// Asks until the answer is as wanted.
    private static func eventually(
        _ what: String, seconds: Int = 180, _ isSo: () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while try await !isSo() {
            try #require(ContinuousClock.now < deadline, "never: \(what)")
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    @Test func aDeadNodeComesBackFromItsBackup() async throws {
        try await Sandbox.fresh { sandbox in
            for country in ["SG", "MY", "VN"] {
                let file = "\(sandbox.folder(country))/selatd.yaml"
                let text = try String(contentsOfFile: file, encoding: .utf8)
                try sandbox.crash(country)
                try Data((text + "witnesses: {interval: 1, refresh: 2, patience: 3600}\n").utf8)
                    .write(to: URL(filePath: file))
            }
            try await sandbox.start()
            let large = noise(2_000_000)
            let dataset = try sandbox.scratch.write(large, to: "gauges.bin")
            let received = try await sandbox.delivered(dataset, to: "MY")
            // VN is away, so this one lies in MY's spool.
            try sandbox.crash("VN")
            let waiting = try await sandbox.selat(
                ["send", dataset, "--to", "VN/hub", "--json"] + Sandbox.harmless, on: "MY")
            try #require(waiting.status == 0, "\(waiting.words)")
            let id = try #require(try waiting.json["id"]?.stringValue)

            let file = "\(sandbox.scratch.path)/my.selatbackup"
            let made = try await sandbox.selat("backup", file, "--json", on: "MY")
            try #require(made.status == 0, "\(made.words)")
            try await Self.isRecorded(try made.json, sandbox)

            // What comes now is lost.
            let lost = try await sandbox.delivered(dataset, to: "MY")
            try await Self.eventually("SG has cosigned what MY has") {
                let status = try await sandbox.selat("status", "--json", on: "MY")
                let witnesses = try status.json["log"]?["witnesses"]?.arrayValue ?? []
                return witnesses.contains {
                    $0["node"] == "SG/hub" && $0["missing"]?.integerValue == 0
                }
            }
            try sandbox.crash("MY")
            try await Self.comesBack(file, sandbox, received, lost, id)
        }
    }

    private static func isRecorded(_ made: JSON, _ sandbox: Sandbox) async throws {
        let log = try await sandbox.selat("audit", "log", "--kind", "backup", "--json", on: "MY")
        let entries = try log.json["entries"]?.arrayValue ?? []
        #expect(
            entries.compactMap { $0["kind"]?.stringValue } == ["backup.begun", "backup.made"])
        #expect(entries.last?["details"]?["digest"] == made["digest"])
        let status = try await sandbox.selat("status", "--json", on: "MY")
        #expect(try status.json["backup"]?["digest"] == made["digest"])
        let doctor = try await sandbox.selat("doctor", on: "MY")
        #expect(doctor.stdout.contains(#/ok +backup/#), "\(doctor.words)")
    }

    private static func comesBack(
        _ file: String, _ sandbox: Sandbox, _ received: String, _ lost: String, _ sending: String
    ) async throws {
        let keys = try keys(sandbox, "MY")
        let place = "\(sandbox.scratch.path)/new"
        let restored = try await restore([file, "--out", place, "--json"] + keys)
        try #require(restored.status == 0, "\(restored.words)")
        #expect(try restored.json["transfers"]?["inbound"]?["delivered"]?.integerValue == 1)

        let (own, others) = (try Scratch(), try Scratch())
        defer { for place in [own, others] { place.remove() } }
        let running = try Running(
            Run.selatd, ["--config", "\(place)/selatd.yaml"], place: own)
        defer { running.signal(SIGKILL) }
        func selat(_ words: String...) async throws -> Ended {
            try await Run.run(Run.selat, words + ["--socket", "\(place)/control.sock"])
        }
        try await eventually("the restored node knows that it is not what it was") {
            let status = try? await selat("status", "--json").json
            let standing = status?["log"]?["standing"]?.stringValue
            return standing == "behind" || standing == "forked"
        }
        let refused = try await Run.run(
            Run.selat,
            ["send", "\(sandbox.scratch.path)/gauges.bin", "--to", "SG/hub"] + Sandbox.harmless
                + ["--socket", "\(place)/control.sock"])
        #expect(refused.status != 0, "\(refused.words)")
        let goes = try await selat("restore", "--continue", "--reason", "the disk failed")
        #expect(goes.status == 0 && goes.stdout.contains("/MY/hub/2"), "\(goes.words)")
        #expect(goes.stdout.contains(#/lost: entries \d+ to \d+ of/#), "\(goes.words)")

        // What it had is there, what was waiting goes on, and what came since is not.
        let opened = try await selat("open", received, "--out", "\(place)/opened")
        #expect(opened.status == 0, "\(opened.words)")
        #expect(try sandbox.scratch.bytes("new/opened/gauges.bin") == noise(2_000_000))
        #expect(try await selat("show", lost).status == 1)
        let peer = try Running(
            Run.selatd, ["--config", "\(sandbox.folder("VN"))/selatd.yaml"], place: others)
        defer { peer.signal(SIGKILL) }
        try await eventually("what waited in the spool is delivered") {
            let shown = try await selat("show", sending, "--json")
            return try shown.json["state"]?.stringValue == "delivered"
        }
        let dataset = try sandbox.scratch.write("station\n1\n", to: "more.csv")
        _ = try await sandbox.delivered(dataset, to: "MY")
        let verified = try await selat("audit", "verify")
        #expect(verified.status == 0, "\(verified.words)")
        running.signal(SIGTERM)
        #expect(await running.end() == 0)
    }

    @Test func whatIsNoBackupOfThisNodeIsRefusedAndLeavesNothing() async throws {
        try await Sandbox.fresh { sandbox in
            let file = "\(sandbox.scratch.path)/sg.selatbackup"
            let made = try await sandbox.selat("backup", file, on: "SG")
            try #require(made.status == 0, "\(made.words)")
            let again = try await sandbox.selat("backup", file, on: "SG")
            #expect(again.status == 1 && again.stderr.contains("exists already"))
            let bytes = try sandbox.scratch.bytes("sg.selatbackup")
            let keys = try Self.keys(sandbox, "SG")
            let place = "\(sandbox.scratch.path)/new"

            func refused(
                _ status: Int32, _ what: String, _ changed: [UInt8]? = nil, _ words: [String]
            ) async throws {
                let name = try sandbox.scratch.write(changed ?? bytes, to: "other.selatbackup")
                let ended = try await Self.restore([name, "--out", place] + words)
                #expect(ended.status == status, "\(what): \(ended.words)")
                #expect(ended.stderr.contains("selat: hint: "), "\(what): \(ended.words)")
                #expect(!sandbox.scratch.exists("new"), "\(what) left something")
            }
            try await refused(3, "cut off", Array(bytes.dropLast()), keys)
            try await refused(3, "cut in half", Array(bytes.prefix(bytes.count / 2)), keys)
            try await refused(3, "longer", bytes + [0], keys)
            for place in [700, bytes.count / 2, bytes.count - 1_100, bytes.count - 3] {
                var flipped = bytes
                flipped[place] ^= 4
                try await refused(3, "flipped at \(place)", flipped, keys)
            }
            try await refused(3, "of another node", nil, keys + ["--node", "VN/hub"])
            try await refused(
                3, "another key", nil, try Self.keys(sandbox, "VN").prefix(2) + keys.suffix(2))
            try await refused(
                3, "another federation", nil,
                keys.prefix(2) + ["--trust", "sha256:" + String(repeating: "0", count: 64)])

            // A place that is not empty is not touched.
            try sandbox.scratch.write("mine", to: "new/file")
            let taken = try await Self.restore([file, "--out", place] + keys)
            #expect(taken.status == 1 && taken.stderr.contains("not empty"), "\(taken.words)")
            #expect(sandbox.scratch.files("new") == ["file"])

            let checked = try await Self.restore([file, "--check", "--node", "SG/hub"] + keys)
            #expect(checked.status == 0 && checked.stdout.contains("verified: SG/hub"))
            let (rooted, synced) = try await Run.synced(
                Run.selat, ["restore", file, "--root", "\(sandbox.scratch.path)/root"] + keys)
            #expect(rooted.status == 0, "\(rooted.words)")
            // Also the folder that was there, in which the topmost one was made.
            if let synced { #expect(synced.contains(sandbox.scratch.path), "\(synced)") }
            let configuration = "root\(sandbox.folder("SG"))/selatd.yaml"
            #expect(
                try sandbox.scratch.text(configuration)
                    == String(
                        contentsOfFile: "\(sandbox.folder("SG"))/selatd.yaml", encoding: .utf8))
            try await Self.misuse(file)
        }
    }

    private static func misuse(_ file: String) async throws {
        for words in [
            [], [file], ["--continue"], [file, "--continue", "--reason", "x"],
            [file, "--key", "k", "--trust", "sha256:" + String(repeating: "0", count: 64)],
        ] {
            #expect(try await restore(words).status == 64, "\(words)")
        }
    }

    @Test func itHoldsTheConfigurationThatWasReloaded() async throws {
        try await Sandbox.fresh { sandbox in
            let file = "\(sandbox.folder("SG"))/selatd.yaml"
            let text = try String(contentsOfFile: file, encoding: .utf8)
            func reload(_ more: String, entries: Int) async throws {
                try Data((text + more).utf8).write(to: URL(filePath: file))
                kill(try sandbox.process("SG"), SIGHUP)
                try await Self.eventually("it was read again") {
                    let log = try await sandbox.selat(
                        "audit", "log", "--kind", "node.reloaded", "--json", on: "SG")
                    return try log.json["entries"]?.arrayValue?.count == entries
                }
            }
            func restored(_ name: String) async throws -> String {
                let made = "\(sandbox.scratch.path)/\(name).selatbackup"
                let ended = try await sandbox.selat("backup", made, on: "SG")
                try #require(ended.status == 0, "\(ended.words)")
                let out = "\(sandbox.scratch.path)/\(name)"
                let back = try await Self.restore(
                    [made, "--out", out] + (try Self.keys(sandbox, "SG")))
                try #require(back.status == 0, "\(back.words)")
                return try sandbox.scratch.text("\(name)/selatd.yaml")
            }
            try await reload("retention: {offer.refused: 90d}\n", entries: 1)
            #expect(try await restored("one").contains("offer.refused: 90d"))
            // Another place waits for the next start, and what is copied lies at the old one.
            let moved = text.replacing("state: ", with: "state: /elsewhere")
            try #require(moved != text)
            try Data(moved.utf8).write(to: URL(filePath: file))
            kill(try sandbox.process("SG"), SIGHUP)
            try await Self.eventually("the new place waits") {
                let log = try await sandbox.selat(
                    "audit", "log", "--kind", "node.reloaded", "--json", on: "SG")
                return try log.json["entries"]?.arrayValue?.last?["details"]?["waiting"]
                    == ["state"]
            }
            #expect(try await restored("two").contains("offer.refused: 90d"))
        }
    }

    /// Who makes another meanwhile takes nothing from who has not confirmed the first yet.
    @Test(
        .enabled(
            if: Run.curl != nil && Run.openssl != nil, "curl or openssl is not installed"))
    func theLastTwoThatWereGivenCanBeConfirmed() async throws {
        try await Sandbox.fresh { sandbox in
            /// - Returns: the status of the answer, whose body goes to `file`.
            func post(_ path: String, _ body: String, to file: String) async throws -> String {
                let ended = try await Run.run(
                    try #require(Run.curl),
                    [
                        "-sS", "--unix-socket", sandbox.socket("SG"), "-d", body, "-o",
                        "\(sandbox.scratch.path)/\(file)", "-w", "%{http_code}",
                        "http://selat/v1/backups\(path)",
                    ])
                return ended.stdout
            }
            var digests: [String] = []
            for file in ["a", "b", "c"] {
                let given = try await post("", "{}", to: file)
                try #require(given == "200")
                let sum = try await Run.run(
                    try #require(Run.openssl),
                    ["dgst", "-sha256", "-r", "\(sandbox.scratch.path)/\(file)"])
                digests.append("sha256:\(sum.stdout.prefix { $0 != " " })")
            }
            var answers: [String] = []
            // The newest stays the last, in whatever order, and however often, they are confirmed.
            for digest in [digests[0], digests[2], digests[1], digests[1]] {
                let body = #"{"digest": "\#(digest)"}"#
                answers.append(try await post("/confirmation", body, to: "answer"))
            }
            #expect(answers[0] != "200" && answers[1...] == ["200", "200", "200"], "\(answers)")
            let status = try await sandbox.selat(["status", "--json"], on: "SG")
            let last = try status.json["backup"]
            #expect(last?["digest"]?.stringValue == digests[2], "\(status.words)")
        }
    }

    /// A new key beside the certificate of an old one would open none of the backups.
    @Test func aKeyPairIsMadeWholeOrNotAtAll() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let words = ["keys", "backup", "--node", "SG/hub", "--out", "\(scratch.path)/usb"]
        let made = try await Run.run(Run.selat, words)
        try #require(made.status == 0, "\(made.words)")
        let certificate = try scratch.bytes("usb/backup.pem")
        let key = "\(scratch.path)/usb/backup.key"
        try FileManager.default.moveItem(atPath: key, toPath: "\(scratch.path)/safe.key")
        let again = try await Run.run(Run.selat, words)
        #expect(again.status == 1 && again.stderr.contains("backup.pem"), "\(again.words)")
        #expect(!scratch.exists("usb/backup.key"))
        #expect(try scratch.bytes("usb/backup.pem") == certificate)
        let whole = try await Run.run(Run.selat, words.dropLast() + ["\(scratch.path)/other"])
        #expect(whole.status == 0 && scratch.exists("other/backup.key"), "\(whole.words)")
    }

    /// Only a certificate for backups is sealed to, and one that has not ended.
    @Test func itIsSealedToTheRightCertificateOrNotAtAll() async throws {
        try await Sandbox.fresh { sandbox in
            func backUp(_ words: String...) async throws -> Ended {
                try await sandbox.selat(
                    ["backup", "\(sandbox.scratch.path)/b"] + words, on: "SG")
            }
            let authority = "\(sandbox.path)/authority-SG"
            let signing = try await backUp("--to", "\(authority)/authority-1.pem")
            #expect(signing.status == 1 && signing.stderr.contains("not for backups"))
            let key = try await backUp("--to", "\(authority)/backup.key")
            #expect(key.status == 1, "\(key.words)")
            #expect(!sandbox.scratch.exists("b"))

            let folder = "\(sandbox.scratch.path)/own"
            try sandbox.scratch.write("a passphrase\n", to: "pass")
            let pass = "\(sandbox.scratch.path)/pass"
            let made = try await Run.run(
                Run.selat,
                ["keys", "backup", "--node", "SG/hub", "--out", folder, "--passphrase-file", pass])
            #expect(made.status == 0, "\(made.words)")
            let other = try await backUp("--to", "\(folder)/backup.pem")
            #expect(other.status == 0, "\(other.words)")
            let checked = try await Self.restore([
                "\(sandbox.scratch.path)/b", "--check", "--key", "\(folder)/backup.key",
                "--passphrase-file", pass, "--trust", try sandbox.trust(),
            ])
            #expect(checked.status == 0, "\(checked.words)")

            let text = try String(
                contentsOfFile: "\(sandbox.folder("SG"))/selatd.yaml", encoding: .utf8)
            try sandbox.crash("SG")
            try Data(text.replacing(#/backup: .*\n/#, with: "").utf8)
                .write(to: URL(filePath: "\(sandbox.folder("SG"))/selatd.yaml"))
            try await sandbox.start()
            let none = try await sandbox.selat("backup", "\(sandbox.scratch.path)/c", on: "SG")
            #expect(none.status == 1 && none.stderr.contains("selat keys backup"), "\(none.words)")
            let doctor = try await sandbox.selat("doctor", on: "SG")
            #expect(doctor.stdout.contains("names no certificate"), "\(doctor.words)")
        }
    }
}
