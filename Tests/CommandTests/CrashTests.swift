import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// Daemons that end between any two instructions.
    @Suite struct CrashTests {
        /// Kills one end's daemon again and again while a dataset travels.
        @Test(arguments: [["SG", "VN"], ["VN", "SG", "VN"]])
        func killedDaemonsDeliverExactlyOnce(_ victims: [String]) async throws {
            try await Sandbox.fresh { sandbox in
                let scratch = sandbox.scratch
                let file = try scratch.write(noise(64 << 20), to: "d/large.bin")
                let id = try await accepted(file, in: sandbox)
                for (round, victim) in victims.enumerated() {
                    // Where the payload stands at the recipient says that it is on its way.
                    try await durable(UInt64(round) * 4 << 20, of: id, in: sandbox)
                    try sandbox.crash(victim)
                    try await sandbox.start()
                }
                try await delivered(id, in: sandbox)
                #expect(try await sandbox.transfers("VN").map { $0["id"]?.stringValue } == [id])
                let out = "\(scratch.path)/out"
                let opened = try await sandbox.selat("open", id, "--out", out, on: "VN")
                #expect(opened.status == 0, "\(opened.words)")
                #expect(try scratch.bytes("out/large.bin") == scratch.bytes("d/large.bin"))
                for country in ["SG", "VN"] {
                    let log = try await sandbox.selat("audit", "verify", on: country)
                    #expect(log.status == 0, "\(log.words)")
                }
                let arrivals = try await sandbox.selat(
                    "audit", "log", "--kind", "transfer.arrived", "--json", on: "VN")
                #expect(try arrivals.json["entries"]?.arrayValue?.count == 1)
            }
        }

        /// Whoever waits is told how it stands, and the next start finds nobody in its place.
        @Test func aDaemonStopsAlthoughSomebodyWaits() async throws {
            try await Sandbox.fresh { sandbox in
                let scratch = sandbox.scratch
                let file = try scratch.write("x", to: "x.txt")
                try sandbox.crash("VN")
                let sending = try Running(
                    Run.selat,
                    ["send", file, "--to", "VN/hub", "--wait"] + Sandbox.harmless
                        + ["--socket", "\(sandbox.folder("SG"))/control.sock"],
                    place: scratch)
                try await until("it waits") {
                    try await sandbox.transfers("SG").first?["state"] == "queued"
                }
                let id = try #require(
                    try await sandbox.transfers("SG").first?["id"]?.stringValue)
                let start = ContinuousClock.now
                let daemon = try sandbox.process("SG")
                kill(daemon, SIGTERM)
                #expect(await sending.end() == 4)
                try await until("SG has stopped") { !sandbox.isDaemon(daemon) }
                #expect(ContinuousClock.now - start < .seconds(15))
                let words = try scratch.text("stderr")
                #expect(words.contains("`\(id)` is sealed"), "\(words)")
                #expect(words.contains("see `selat show \(id)`"), "\(words)")
                try await sandbox.start()
                try await delivered(id, in: sandbox)
            }
        }

        /// A script that was interrupted runs again, and knows nothing but the id.
        @Test func whatIsRunAgainUnderOneIDIsSentOnce() async throws {
            try await Sandbox.fresh { sandbox in
                let file = try sandbox.scratch.write("x", to: "x.txt")
                func send(_ id: TransferID, _ words: String..., to: String = "VN/hub") async throws
                    -> Ended
                {
                    try await sandbox.selat(
                        ["send", file, "--to", to, "--id", id.text] + Sandbox.harmless + words,
                        on: "SG")
                }
                func new(_ age: UInt64 = 0) -> TransferID {
                    TransferID(
                        milliseconds: (UInt64(Date().timeIntervalSince1970) - age) * 1_000,
                        entropy: (0..<10).map { _ in UInt8.random(in: 0...255) })
                }
                let made = try await Run.run(Run.selat, ["id"]).stdout
                let first = try TransferID(made.trimmingCharacters(in: .newlines))
                let second = new()
                let sent = try await send(first, "--wait")
                #expect(
                    sent.status == 0 && sent.stdout.contains("\(first)  delivered"), "\(sent.words)"
                )
                for words in [[], ["--wait"]] {
                    let again = try await sandbox.selat(
                        ["send", file, "--to", "VN/hub", "--id", first.text] + Sandbox.harmless
                            + words,
                        on: "SG")
                    #expect(again.status == 0, "\(again.words)")
                    #expect(again.stdout.contains("\(first)  delivered"), "\(again.words)")
                    #expect(again.stderr.contains("was sent before"), "\(again.words)")
                }
                let other = try await send(first, to: "SG/hub")
                #expect(
                    other.status == 1 && other.stderr.contains("another transfer"),
                    "\(other.words)")
                let longer = try sandbox.scratch.write("xx", to: "y.txt")
                let mistaken = try await sandbox.selat(
                    ["send", longer, "--to", "VN/hub", "--id", first.text] + Sandbox.harmless,
                    on: "SG")
                #expect(
                    mistaken.status == 1 && mistaken.stderr.contains("another transfer"),
                    "\(mistaken.words)")
                try sandbox.crash("VN")
                #expect(try await send(second).status == 0)
                try sandbox.crash("SG")
                try await sandbox.start()
                let again = try await send(second, "--wait", "--json")
                #expect(
                    try again.status == 0 && again.json["state"] == "delivered", "\(again.words)")
                let stray = try await send(new(400))
                #expect(
                    stray.status == 64 && stray.stderr.contains("nothing was sent"),
                    "\(stray.words)")
                #expect(
                    try await sandbox.inbox("VN").sorted() == [first.text, second.text].sorted())
                #expect(try await sandbox.transfers("SG").count == 2)
            }
        }

        /// Sends without waiting; the id is the promise.
        private func accepted(_ file: String, in sandbox: Sandbox) async throws -> String {
            let ended = try await sandbox.selat(
                ["send", file, "--to", "VN/hub", "--json"] + Sandbox.harmless, on: "SG")
            try #require(ended.status == 0, "\(ended.words)")
            return try #require(try ended.json["id"]?.stringValue)
        }

        /// Waits until VN has `count` bytes on disk, or all.
        private func durable(_ count: UInt64, of id: String, in sandbox: Sandbox) async throws {
            try await until("\(count) bytes of \(id) are durable") {
                let transfer = try await sandbox.transfers("VN").first {
                    $0["id"]?.stringValue == id
                }
                guard let transfer else { return count == 0 }
                let durable = transfer["durable_bytes"]?.integerValue ?? 0
                return transfer["state"] == "delivered" || durable >= .init(count)
            }
        }

        private func delivered(_ id: String, in sandbox: Sandbox) async throws {
            try await until("\(id) is delivered at both ends") {
                let shown = try await sandbox.selat("show", id, "--json", on: "SG")
                let arrived = try await sandbox.inbox("VN").contains(id)
                return try shown.json["state"] == "delivered" && arrived
            }
        }

        private func until(
            _ what: String, _ holds: () async throws -> Bool
        ) async throws {
            let deadline = ContinuousClock.now + .seconds(180)
            while try await !holds() {
                try #require(ContinuousClock.now < deadline, "\(what): not in three minutes")
            }
        }

        @Test func aTransferOutlivesAPeerThatIsDown() async throws {
            try await Sandbox.fresh { sandbox in
                try sandbox.crash("VN")
                let file = try sandbox.scratch.write("x", to: "x.txt")
                let ended = try await sandbox.selat(
                    ["send", file, "--to", "VN/hub", "--wait", "--timeout", "1s", "--json"]
                        + Sandbox.harmless, on: "SG")
                #expect(ended.status == 4, "\(ended.words)")
                let id = try #require(try ended.json["id"]?.stringValue)
                let ping = try await sandbox.selat("ping", "VN/hub", on: "SG")
                #expect(ping.status == 1 && ping.stderr.contains("`VN/hub`: "), "\(ping.words)")
                // One that is down is its own operator's failure.
                let doctor = try await sandbox.selat("doctor", on: "SG")
                #expect(doctor.status == 0, "\(doctor.words)")
                #expect(doctor.stdout.contains("warning  peer VN/hub"), "\(doctor.words)")
                try await sandbox.start()
                try await delivered(id, in: sandbox)
            }
        }

        @Test func aKilledSealerLeavesNoHalfTransfer() async throws {
            try await Sandbox.fresh { sandbox in
                let scratch = sandbox.scratch
                let file = try scratch.write(noise(24 << 20), to: "large.bin")
                let place = try Scratch()
                defer { place.remove() }
                let sending = try Running(
                    Run.selat,
                    ["send", file, "--to", "VN/hub", "--socket", sandbox.socket("SG")]
                        + Sandbox.harmless, place: place)
                try await until("sealing has begun") {
                    try await !sandbox.transfers("SG").isEmpty
                }
                try sandbox.crash("SG")
                let status = await sending.end()
                try await sandbox.start()
                let states = try await sandbox.transfers("SG").map { $0["state"]?.stringValue }
                if status == 0 {
                    #expect(states.count == 1)
                } else {
                    #expect(!states.contains("sealing"), "\(states)")
                    #expect(try place.text("stderr").hasPrefix("selat: error: "))
                }
                let log = try await sandbox.selat("audit", "verify", on: "SG")
                #expect(log.status == 0, "\(log.words)")
            }
        }
    }
}
