import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// The main road: from one folder to the same folder in another country.
    @Suite struct RoadTests {
        let sandbox: Sandbox
        let scratch: Scratch

        init() throws {
            sandbox = try Sandbox.current()
            scratch = try Scratch()
        }

        @Test func sendDeliversAFolderWithSubFolders() async throws {
            defer { scratch.remove() }
            try scratch.write("gauge,level\nMekong,4.2\n", to: "d/levels.csv")
            try scratch.write("deep", to: "d/a/b/c/deep.txt")
            try scratch.write([], to: "d/a/empty.bin")
            let sent = try await sandbox.send("\(scratch.path)/d")
            #expect(sent.status == 0)
            #expect(sent.stdout.contains("verdict: permitted"))
            #expect(sent.stdout.contains("SG/not-personal"))
            let id = try #require(
                sent.stdout.firstMatch(of: #/(?m)^([0-9a-f-]{36})  delivered$/#)?.output.1)

            let inbox = try await sandbox.selat("inbox", on: "VN")
            #expect(inbox.stdout.contains(id))
            try await opens(String(id), like: "d")
        }

        /// Around the size from which files go past the page cache, which takes whole blocks alone.
        @Test func largeFilesAndSmallOnesAreOpenedAlike() async throws {
            defer { scratch.remove() }
            let least = 8 << 20
            for (name, size) in [
                ("a", least - 1), ("b", least), ("c", least + 1), ("d/e", 10_000_001), ("f", 3),
            ] {
                try scratch.write(noise(size), to: "d/\(name).bin")
            }
            let id = try await sandbox.delivered("\(scratch.path)/d")
            try await opens(id, like: "d")
        }

        /// More files than are handed over: their bytes come with the calls.
        @Test func manyLargeFilesAreOpenedLikeFew() async throws {
            defer { scratch.remove() }
            for number in 0..<65 { try scratch.write(noise(140_000 + number), to: "d/\(number)") }
            let id = try await sandbox.delivered("\(scratch.path)/d")
            try await opens(id, like: "d")
        }

        /// An older daemon, or one that could not make its socket.
        @Test func whereNoFilesAreTakenTheirBytesComeWithTheCalls() async throws {
            defer { scratch.remove() }
            let sockets = ["SG", "VN"].map { "\(sandbox.socket($0)).files" }
            for socket in sockets { try #require(rename(socket, socket + ".away") == 0) }
            defer { for socket in sockets { _ = rename(socket + ".away", socket) } }
            try scratch.write(noise(9_000_001), to: "d/a/large.bin")
            try scratch.write(noise(3), to: "d/small.bin")
            let id = try await sandbox.delivered("\(scratch.path)/d")
            try await opens(id, like: "d")
        }

        @Test(.enabled(if: Run.curl != nil, "curl is not installed"))
        func aTicketThatNobodyHoldsIsNamed() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("x", to: "x.txt"))
            let answer = try await Run.run(
                try #require(Run.curl),
                [
                    "-sS", "--unix-socket", sandbox.socket("VN"), "-X", "POST",
                    "http://selat/v1/transfers/\(id)/opening?files=00",
                ])
            #expect(try answer.json["type"] == "urn:selat:problem:bad-files", "\(answer.words)")
        }

        /// Opens at VN and compares every file with what was sent.
        private func opens(_ id: String, like source: String, on country: String = "VN")
            async throws
        {
            let out = "\(scratch.path)/out"
            let opened = try await sandbox.selat("open", id, "--out", out, on: country)
            try #require(opened.status == 0, "\(opened.words)")
            #expect(opened.stdout == "\(out)\n")
            let sent = scratch.files(source).filter { $0 != "datapackage.json" }
            #expect(scratch.files("out") == (sent + ["datapackage.json"]).sorted())
            for file in sent {
                #expect(try scratch.bytes("out/\(file)") == scratch.bytes("\(source)/\(file)"))
            }
            let described = try JSON(parsing: try scratch.bytes("out/datapackage.json"))
            let paths = (described["resources"]?.arrayValue ?? []).map { $0["path"]?.stringValue }
            #expect(paths == sent.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        }

        @Test func openRefusesAFolderThatExists() async throws {
            defer { scratch.remove() }
            let file = try scratch.write("one", to: "one.txt")
            let id = try await sandbox.delivered(file)
            try scratch.write("mine", to: "out/mine.txt")
            let opened = try await sandbox.selat(
                "open", id, "--out", "\(scratch.path)/out", on: "VN")
            #expect(opened.status == 1)
            #expect(opened.stdout.isEmpty)
            #expect(opened.stderr.contains("selat: error: `\(scratch.path)/out` exists already"))
            #expect(opened.stderr.contains("selat: hint: "))
            #expect(scratch.files("out") == ["mine.txt"])
            #expect(try scratch.text("out/mine.txt") == "mine")
        }

        /// Ctrl-C, a service's stop, a closed terminal: those that are not ignored here, as a shell has it
        /// for what it runs in the background.
        static let endings = [SIGINT, SIGTERM, SIGHUP].filter { number in
            var action = sigaction()
            sigaction(number, nil, &action)
            return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
                != unsafeBitCast(SIG_IGN, to: Int.self)
        }

        @Test(arguments: endings)
        func whatIsBrokenOffLeavesNothingBehind(_ signal: Int32) async throws {
            defer { scratch.remove() }
            let file = try scratch.write(noise(32 << 20), to: "s/large.bin")
            let id = try await sandbox.delivered(file)
            let out = try Scratch()
            defer { out.remove() }
            func names() throws -> [String] {
                try FileManager.default.contentsOfDirectory(atPath: out.path)
            }
            let opening = try Running(
                Run.selat,
                ["open", id, "--out", "\(out.path)/o", "--socket", sandbox.socket("VN")],
                place: scratch)
            while try names().isEmpty, opening.isRunning { usleep(500) }
            // Frozen, so that it cannot end before the signal comes.
            opening.signal(SIGSTOP)
            #expect(try names() == [".o.selat-\(opening.id)"])
            opening.signal(signal)
            opening.signal(SIGCONT)
            #expect(await opening.end() == -signal, "it ends as the signal would have ended it")
            #expect(try names() == [])
        }

        /// The daemon has nothing of it then, or waits for it, or has the whole.
        @Test func aSendingThatIsBrokenOffGoesOnUnderItsID() async throws {
            defer { scratch.remove() }
            let file = try scratch.write(noise(32 << 20), to: "s/large.bin")
            let made = try await Run.run(Run.selat, ["id"]).stdout
            let id = made.trimmingCharacters(in: .newlines)
            let words = ["send", file, "--to", "VN/hub", "--id", id] + Sandbox.harmless
            let sending = try Running(
                Run.selat, words + ["--socket", sandbox.socket("SG")], place: scratch)
            while try await sandbox.selat("show", id, on: "SG").status != 0, sending.isRunning {}
            sending.signal(SIGKILL)
            _ = await sending.end()
            var again = try await sandbox.selat(words + ["--wait"], on: "SG")
            // It hears a little later that the first call is gone.
            while again.status == 4, again.stderr.contains("another call has begun") {
                again = try await sandbox.selat(words + ["--wait"], on: "SG")
            }
            #expect(again.status == 0, "\(again.words)")
            try await opens(id, like: "s")
        }

        @Test func openingTwiceGivesTheSameFiles() async throws {
            defer { scratch.remove() }
            let file = try scratch.write("twice", to: "s/twice.txt")
            let id = try await sandbox.delivered(file)
            for out in ["first", "second"] {
                let opened = try await sandbox.selat(
                    "open", id, "--out", "\(scratch.path)/\(out)", on: "VN")
                #expect(opened.status == 0, "\(opened.words)")
            }
            #expect(try scratch.bytes("first/twice.txt") == scratch.bytes("second/twice.txt"))
        }

        @Test(arguments: [0, 1, 100_000, 1_048_576, 3_500_000])
        func sendDeliversAFileOf(bytes count: Int) async throws {
            defer { scratch.remove() }
            try scratch.write(noise(count), to: "d/file.bin")
            let id = try await sandbox.delivered("\(scratch.path)/d/file.bin")
            try await opens(id, like: "d")
        }

        @Test func sendKeepsComposedUnicodeNames() async throws {
            defer { scratch.remove() }
            for name in [
                "d/rivi\u{E8}re.csv", "d/s\u{F4}ng M\u{EA} K\u{F4}ng/n\u{1B0}\u{1EDB}c.csv",
            ] {
                try scratch.write(name, to: name)
            }
            let id = try await sandbox.delivered("\(scratch.path)/d")
            try await opens(id, like: "d")
        }

        @Test func aRightHashOfTheSendersDescriptorOpens() async throws {
            defer { scratch.remove() }
            try scratch.write("abc", to: "d/abc.txt")
            // SHA-256 of "abc", FIPS 180-4.
            try scratch.write(
                descriptor("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
                to: "d/datapackage.json")
            let id = try await sandbox.delivered("\(scratch.path)/d")
            try await opens(id, like: "d")
            let described = try JSON(parsing: try scratch.bytes("out/datapackage.json"))
            #expect(described["name"] == "alphabet")
        }

        @Test func aWrongHashOfTheSendersDescriptorLeavesNothingBehind() async throws {
            defer { scratch.remove() }
            try scratch.write("abc", to: "d/abc.txt")
            try scratch.write(
                descriptor(String(repeating: "0", count: 64)), to: "d/datapackage.json")
            let id = try await sandbox.delivered("\(scratch.path)/d")
            let opened = try await sandbox.selat(
                "open", id, "--out", "\(scratch.path)/o/out", on: "VN")
            #expect(opened.status == 1, "the folder above is missing")
            try scratch.write("", to: "o/beside")
            let again = try await sandbox.selat(
                "open", id, "--out", "\(scratch.path)/o/out", on: "VN")
            #expect(again.status == 3)
            #expect(again.stderr.contains("`abc.txt` has sha256:ba7816bf"))
            #expect(again.stdout.isEmpty)
            #expect(scratch.files("o") == ["beside"])
            let left = try FileManager.default.contentsOfDirectory(atPath: "\(scratch.path)/o")
            #expect(left == ["beside"])
        }

        /// The daemon writes it, and who asked for it compares.
        @Test func aWrongHashOfALargeFileLeavesNothingBehind() async throws {
            defer { scratch.remove() }
            try scratch.write(noise(9_000_000), to: "d/abc.txt")
            try scratch.write(
                descriptor(String(repeating: "0", count: 64)), to: "d/datapackage.json")
            let id = try await sandbox.delivered("\(scratch.path)/d")
            try scratch.write("", to: "o/beside")
            let opened = try await sandbox.selat(
                "open", id, "--out", "\(scratch.path)/o/out", on: "VN")
            #expect(opened.status == 3, "\(opened.words)")
            #expect(opened.stderr.contains("`abc.txt` has sha256:"))
            let left = try FileManager.default.contentsOfDirectory(atPath: "\(scratch.path)/o")
            #expect(left == ["beside"])
        }

        private func descriptor(_ hash: String) -> String {
            """
            {"name": "alphabet", "resources": [
              {"name": "abc", "path": "abc.txt", "hash": "sha256:\(hash)"}]}
            """
        }

        @Test func bothEndsShowTheTransferWithItsReceipt() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("x", to: "x.txt"))
            let sender = try await sandbox.selat("show", id, on: "SG")
            #expect(sender.status == 0)
            #expect(sender.stdout.contains("direction: outbound\npeer: VN/hub\nstate: delivered"))
            #expect(sender.stdout.contains("receipt: delivered signed by VN/hub"))
            let recipient = try await sandbox.selat("show", id, on: "VN")
            #expect(recipient.stdout.contains("direction: inbound\npeer: SG/hub\nstate: delivered"))
            let documents = [
                try await sandbox.selat("show", id, "--json", on: "SG").json,
                try await sandbox.selat("show", id, "--json", on: "VN").json,
            ]
            #expect(documents[0]["receipt"]?["document"]?["statement"] != nil)
            #expect(
                documents[0]["receipt"]?["document"]?["statement"]
                    == documents[1]["receipt"]?["document"]?["statement"])
        }

        @Test func theLogsTellTheTransfer() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("x", to: "x.txt"))
            let out = "\(scratch.path)/out"
            #expect(try await sandbox.selat("open", id, "--out", out, on: "VN").status == 0)
            // Its own receipt tells the sender of the opening, a moment later.
            try await sandbox.until("SG's log tells of the opening too") {
                try await kinds(id, "SG") == [
                    "transfer.permitted", "transfer.accepted", "transfer.released",
                    "transfer.delivered", "receipt.taken",
                ]
            }
            #expect(
                try await kinds(id, "VN") == [
                    "transfer.received", "transfer.arrived", "transfer.opened",
                ])
        }

        private func kinds(_ id: String, _ country: String) async throws -> [String] {
            let ended = try await sandbox.selat(
                "audit", "log", "--transfer", id, "--json", on: country)
            return (try ended.json["entries"]?.arrayValue ?? [])
                .compactMap { $0["kind"]?.stringValue }
        }

        @Test(arguments: ["SG", "VN"])
        func bothLogsVerify(_ country: String) async throws {
            defer { scratch.remove() }
            _ = try await sandbox.delivered(try scratch.write("x", to: "x.txt"))
            let live = try await sandbox.selat("audit", "verify", on: country)
            #expect(live.status == 0)
            #expect(live.stdout.hasPrefix("sound: "))
            let file = try await Run.run(
                Run.selat, ["audit", "verify", sandbox.database(country), "--json"])
            #expect(file.status == 0, "\(file.words)")
            #expect(try file.json["sound"] == true)
            #expect(try file.json["key_is_its_own"] == true)
            let key = try #require(try file.json["key"]?.stringValue)
            let keyed = try await Run.run(
                Run.selat, ["audit", "verify", sandbox.database(country), "--key", key])
            #expect(keyed.status == 0)
            #expect(keyed.stderr.isEmpty)
        }

        @Test func theCheckpointIsASignedNote() async throws {
            defer { scratch.remove() }
            let note = try await sandbox.selat("audit", "checkpoint", on: "SG")
            #expect(note.status == 0)
            let origin = #/selat/[0-9a-f]{64}/SG/hub/1/#
            // Once the log rests, its witnesses' cosignatures stand below its own signature.
            let form =
                #/(?<origin>[^\n]+)\n[1-9][0-9]*\n[A-Za-z0-9+/]{43}=\n\n— (?<key>[^ \n]+) [A-Za-z0-9+/]+=*\n(?:— [^ \n]+/witness [A-Za-z0-9+/]+=*\n)*/#
            let match = try #require(note.stdout.wholeMatch(of: form))
            #expect(match.origin.wholeMatch(of: origin) != nil)
            #expect(match.key == match.origin)
        }
    }
}
