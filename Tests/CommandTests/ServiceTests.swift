import Foundation
import SelatCore
import SelatTestSupport
import Testing

extension CommandTests {
    /// The daemon as a service: what it tells its manager, what it reads again, what it answers to
    /// what watches it.
    @Suite struct ServiceTests {
        let node: OwnNode

        init() throws { node = try OwnNode() }

        @Test func theManagerHearsOfEachStep() async throws {
            defer { node.scratch.remove() }
            let manager = try NotifySocket("\(node.scratch.path)/notify")
            let environment = ["NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "200000"]
            try await node.serving([:], environment: environment) { daemon in
                let ready = try manager.wait(for: "READY=1")
                #expect(ready.contains("STATUS=serving as SG/hub"), "\(ready)")
                for _ in 0..<3 { _ = try manager.wait(for: "WATCHDOG=1") }
                daemon.signal(SIGHUP)
                let reloading = try manager.wait(for: "RELOADING=1")
                #expect(reloading.contains("MONOTONIC_USEC="))
                _ = try manager.wait(for: "READY=1")
                // The beat comes from the daemon's own work, not from a timer beside it.
                daemon.signal(SIGSTOP)
                defer { daemon.signal(SIGCONT) }
                manager.drain()
                #expect(manager.next(milliseconds: 600) == nil)
            }
            _ = try manager.wait(for: "STOPPING=1")
        }

        /// As on a full disk: the writer answers that it can write nothing, for a while.
        @Test(
            .enabled(
                if: Run.sqlite3 != nil && Run.curl != nil, "sqlite3 or curl is not installed"))
        func aBeatThatFailsIsFollowedByOthers() async throws {
            defer { node.scratch.remove() }
            let manager = try NotifySocket("\(node.scratch.path)/notify")
            let environment = ["NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "200000"]
            let port = Int(try FreePort.any())
            let lines = ["sandbox:": "sandbox: yes\nmetrics: {host: 127.0.0.1, port: \(port)}"]
            try await node.serving(lines, environment: environment) { _ in
                let place = try Scratch()
                defer { place.remove() }
                var isAlive = false
                // Longer than the five seconds that the writer waits for another one.
                let other = try Running(
                    try #require(Run.sqlite3),
                    [
                        node.database, ".timeout 10000", "BEGIN IMMEDIATE",
                        ".shell sleep 9", "COMMIT",
                    ], place: place)
                // Ends once the writer waits: there are no more beats then.
                manager.drain()
                try await says("a beat failed")
                let ready = try await fetch("readyz", port)
                #expect(ready.stdout.contains("locked by another process"), "\(ready.words)")
                // It lives, and says so with the reason.
                while let told = manager.next(milliseconds: 1_000) {
                    if told.contains("WATCHDOG=1") { isAlive = true }
                    if told.contains("locked by another process") { break }
                }
                #expect(isAlive)
                #expect(await other.end() == 0)
                try await says("beats pass again")
                for _ in 0..<3 { _ = try manager.wait(for: "WATCHDOG=1") }
                let again = try await fetch("readyz", port)
                #expect(!again.stdout.contains("locked by another process"), "\(again.words)")
                let said = try node.scratch.text("stderr").split(separator: "\n")
                #expect(said.filter { $0.contains("a beat failed") }.count == 1, "\(said)")
            }
        }

        /// From the moment at which the node is called ready.
        @Test func aHangupJustAfterReadyIsHeard() async throws {
            defer { node.scratch.remove() }
            let manager = try NotifySocket("\(node.scratch.path)/notify")
            let file = try node.scratch.write(try node.configuration(), to: "selatd.yaml")
            let daemon = try Running(
                Run.selatd, ["--config", file], environment: ["NOTIFY_SOCKET": manager.path],
                place: node.scratch)
            do {
                _ = try manager.wait(for: "READY=1")
                daemon.signal(SIGHUP)
                _ = try manager.wait(for: "RELOADING=1")
                _ = try manager.wait(for: "READY=1")
            } catch {
                daemon.signal(SIGKILL)
                _ = await daemon.end()
                throw error
            }
            daemon.signal(SIGTERM)
            #expect(await daemon.end() == 0)
        }

        @Test func aReloadAppliesWhatItCanAndNamesTheRest() async throws {
            defer { node.scratch.remove() }
            try await node.serving([:]) { daemon in
                let file = "\(node.scratch.path)/selatd.yaml"
                let good = try node.scratch.text("selatd.yaml")
                try node.scratch.write(good + "retenion: {}\n", to: "selatd.yaml")
                daemon.signal(SIGHUP)
                try await says("reload refused")
                #expect(try node.scratch.text("stderr").contains("unknown key `retenion`"))
                let changed =
                    good.replacing("state:", with: "witnesses: {patience: 7}\nstate:")
                    + "retention: {offer.refused: 90d}\n"
                try node.scratch.write(changed, to: "selatd.yaml")
                daemon.signal(SIGHUP)
                try await says("takes effect at the next start keys=witnesses")
                let log = try await Run.run(
                    Run.selat,
                    ["audit", "log", "--kind", "node.reloaded", "--json", "--socket", node.control])
                let entries = try log.json["entries"]?.arrayValue ?? []
                #expect(entries.count == 1, "\(log.words)")
                #expect(entries.first?["details"]?["waiting"] == ["witnesses"], "\(log.words)")
                #expect(file.hasSuffix("selatd.yaml") && daemon.isRunning)
            }
        }

        /// A mark behind a space makes another character of both.
        @Test func aWordWithASpaceIsQuotedInTheLog() async throws {
            defer { node.scratch.remove() }
            let roles = "sandbox: yes\nroles: {officer: [\"none \u{301}role=auditor\"]}"
            try await node.serving(["sandbox:": roles]) { _ in
                let said = try node.scratch.text("stderr")
                #expect(said.contains("group=\"none \u{301}role=auditor\" role=officer"), "\(said)")
            }
        }

        @Test func aReserveThatIsReachedShowsAndAReloadLiftsIt() async throws {
            defer { node.scratch.remove() }
            let reserve = "sandbox: yes\nreserve: 1000000000000000"
            try await node.serving(["sandbox:": reserve]) { daemon in
                let status = try await node.status().json
                #expect(status["disk"]?["reached"] == true, "\(status)")
                #expect(status["disk"]?["reserve_bytes"] == 1_000_000_000_000_000)
                let warnings = status["warnings"]?.arrayValue?.compactMap(\.stringValue) ?? []
                #expect(warnings.contains { $0.hasPrefix("only flash is taken in: ") })
                try node.scratch.write(
                    try node.configuration(["sandbox:": "sandbox: yes\nreserve: 0"]),
                    to: "selatd.yaml")
                daemon.signal(SIGHUP)
                try await says("configuration read again")
                let after = try await node.status().json
                #expect(after["disk"]?["reached"] == false, "\(after)")
                let log = try await Run.run(
                    Run.selat,
                    ["audit", "log", "--kind", "intake", "--json", "--socket", node.control])
                let kinds = (try log.json["entries"]?.arrayValue ?? []).map { $0["kind"] }
                #expect(kinds == ["intake.stopped", "intake.resumed"], "\(log.words)")
            }
        }

        private func says(_ words: String) async throws {
            let deadline = ContinuousClock.now + .seconds(60)
            while !(try node.scratch.text("stderr").contains(words)) {
                try #require(ContinuousClock.now < deadline, "it does not say `\(words)`")
                try await Task.sleep(for: .milliseconds(20))
            }
        }

        @Test func aConfigurationIsCheckedWithoutAStart() async throws {
            defer { node.scratch.remove() }
            let file = try node.scratch.write(try node.configuration(), to: "selatd.yaml")
            let good = try await Run.run(Run.selatd, ["--check", "--config", file])
            #expect(good.status == 0 && good.stdout == "`\(file)` is valid\n", "\(good.words)")
            #expect(!node.scratch.exists("state"))
            try node.scratch.write("node: singapore\n", to: "selatd.yaml")
            let bad = try await Run.run(Run.selatd, ["--check", "--config", file])
            #expect(bad.status == 78 && bad.stderr.contains("selatd.yaml:1:7: "), "\(bad.words)")
        }

        @Test(arguments: [
            ["LISTEN_FDS": "1", "LISTEN_FDNAMES": "web"],
            ["LISTEN_FDS": "x", "LISTEN_FDNAMES": "control"],
        ])
        func socketsOfAnotherProcessAreNothing(_ environment: [String: String]) async throws {
            defer { node.scratch.remove() }
            let other = environment.merging(["LISTEN_PID": "1"]) { $1 }
            try await node.serving([:], environment: other) { _ in
                let ended = try await node.status()
                #expect(ended.status == 0, "\(ended.words)")
            }
        }

        @Test(.enabled(if: Run.curl != nil, "curl is not installed"))
        func whatWatchesTheDaemonIsAnswered() async throws {
            defer { node.scratch.remove() }
            let port = Int(try FreePort.any())
            let lines = ["sandbox:": "sandbox: yes\nmetrics: {host: 127.0.0.1, port: \(port)}"]
            try await node.serving(lines) { _ in
                let health = try await fetch("healthz", port)
                #expect(health.stdout == "ok\n200", "\(health.words)")
                let ready = try await fetch("readyz", port)
                #expect(
                    ready.stdout == "ok\n200" || ready.stdout.hasSuffix("\n503"), "\(ready.words)")
                let metrics = try await fetch("metrics", port).stdout
                for name in [
                    "selat_build_info{node=\"SG/hub\",version=\"\(Program.version)\"} 1",
                    "# TYPE selat_log_entries_total counter", "selat_ready ",
                    "selat_certificate_expiry_timestamp_seconds{purpose=\"tls\"} ",
                    "selat_crl_expiry_timestamp_seconds{country=\"VN\"} ",
                    "selat_spool_free_bytes ", "process_open_fds ",
                    // Nothing was sent yet, and an alert has something to begin with.
                    "selat_transfers{direction=\"outbound\",state=\"delivered\"} 0",
                    "selat_transfers{direction=\"outbound\",state=\"relayed\"} 0",
                    "selat_transfers{direction=\"inbound\",state=\"receiving\"} 0",
                ] {
                    #expect(metrics.contains(name), "\(metrics) lacks \(name)")
                }
                #expect(try await fetch("v1/status", port).stdout.hasSuffix("404"))
            }
        }

        private func fetch(_ path: String, _ port: Int) async throws -> Ended {
            try await Run.run(
                try #require(Run.curl),
                ["-sS", "-w", "%{http_code}", "http://127.0.0.1:\(port)/\(path)"])
        }

        @Test(arguments: ["0.0.0.0", "192.0.2.1", "node.example", "::"])
        func metricsAreForThisMachineAlone(_ host: String) async throws {
            defer { node.scratch.remove() }
            let line = "sandbox: yes\nmetrics: {host: \"\(host)\", port: 9743}"
            let ended = try await node.refused(["sandbox:": line])
            #expect(ended.status == 78)
            #expect(ended.stderr.contains("`metrics` must listen on a loopback address"))
        }
    }

    /// What every verb tells of itself.
    @Suite struct HelpTests {
        /// Every verb that does something, under each name that it has: a group's default verb has
        /// the group's own too.
        private static func verbs(
            _ command: JSON, _ path: [String]
        ) -> [(names: [String], command: JSON)] {
            let below = (command["subcommands"]?.arrayValue ?? []).filter {
                $0["commandName"] != "help"
            }
            let own = path + [command["commandName"]?.stringValue ?? ""]
            guard !below.isEmpty else { return [([own.joined(separator: " ")], command)] }
            return below.flatMap { verb in
                verbs(verb, own).map { names, found in
                    let isDefault = verb["commandName"] == command["defaultSubcommand"]
                    return (names + (isDefault ? [own.joined(separator: " ")] : []), found)
                }
            }
        }

        @Test func everyVerbHasAnExampleOfItself() async throws {
            let dump = try await Run.run(Run.selat, ["--experimental-dump-help"])
            let verbs = Self.verbs(try #require(try dump.json["command"]), [])
            #expect(verbs.count > 40)
            for (names, command) in verbs {
                let text = command["discussion"]?.stringValue ?? ""
                #expect(names.contains { text.contains($0) }, "`\(names[0]) --help`: no example")
                #expect(command["abstract"]?.stringValue?.isEmpty == false, "`\(names[0])`")
                // A longer line is broken where it stands, and an example is two commands then.
                for line in text.split(separator: "\n") {
                    #expect(line.count <= 80, "`\(names[0]) --help`: \(line)")
                }
                for argument in command["arguments"]?.arrayValue ?? []
                where argument["shouldDisplay"] != false {
                    let abstract = argument["abstract"]?.stringValue ?? ""
                    #expect(!abstract.isEmpty, "`\(names[0])`: \(argument["valueName"] ?? .null)")
                }
            }
        }

        @Test(arguments: ["bash", "zsh", "fish"])
        func completionsKnowTheVerbs(_ shell: String) async throws {
            let ended = try await Run.run(Run.selat, ["--generate-completion-script", shell])
            #expect(ended.status == 0)
            for verb in ["send", "transfers", "policy", "rotate"] {
                #expect(ended.stdout.contains(verb), "\(shell): \(verb)")
            }
            guard shell == "bash" else { return }
            let read = try await Run.run("/bin/bash", ["-n"], input: ended.stdout)
            #expect(read.status == 0, "\(read.words)")
        }
    }
}

/// What a service manager listens at.
private final class NotifySocket {
    let path: String
    private let descriptor: Int32

    init(_ path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
    }

    deinit { close(descriptor) }

    /// The next datagram; nil where none comes in that time.
    func next(milliseconds: Int32) -> String? {
        var question = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&question, 1, milliseconds) > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }

    func drain() { while next(milliseconds: 100) != nil {} }

    /// The next datagram that holds a line.
    func wait(for line: String) throws -> String {
        while true {
            let message = try #require(next(milliseconds: 60_000), "no `\(line)` came")
            if message.split(separator: "\n").contains(Substring(line)) { return message }
        }
    }
}
