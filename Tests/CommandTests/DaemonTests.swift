import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// A daemon that is told something wrong, or finds its state touched.
    @Suite struct DaemonTests {
        let node: OwnNode

        init() throws { node = try OwnNode() }

        /// One wrong line of the configuration and what the daemon says of it.
        struct Mistake: Sendable, CustomTestStringConvertible {
            let key: String
            let line: String
            let says: String
            var testDescription: String { line.isEmpty ? "no \(key)" : line }
        }

        @Test(arguments: [
            Mistake(
                key: "policies:", line: "polices: /tmp",
                says: ":7:1: unknown key `polices` in the configuration; did you mean `policies`?"),
            Mistake(key: "policies:", line: "", says: "the configuration lacks `policies`"),
            Mistake(
                key: "state:", line: "state: state",
                says: ":3:8: `state` must be an absolute path, not `state`"),
            Mistake(key: "node:", line: "node: singapore", says: ":2:7: `node`: "),
            Mistake(
                key: "listen:", line: "listen: {host: 127.0.0.1, port: 70000}",
                says: "`port` must be from 1 to 65535"),
            Mistake(key: "sandbox:", line: "sandbox: maybe", says: "`sandbox`"),
            Mistake(
                key: "sandbox:", line: "", says: "a sandbox's; a production node refuses it"),
            Mistake(key: "keys:", line: "keys: [", says: "[syntax]"),
            Mistake(
                key: "sandbox:", line: "sandbox: yes\nretention: {offer.refused: never}",
                says: "`offer.refused` must be kept for a span such as `90d`, not `never`"),
            Mistake(
                key: "sandbox:", line: "sandbox: yes\nretention: {Offer: 90d}",
                says: "`Offer` is no kind of an entry"),
            Mistake(
                key: "sandbox:", line: "sandbox: yes\nretention: {details: 90d}",
                says: "`details` is kept for good: it says what was erased"),
            Mistake(
                key: "sandbox:", line: "sandbox: yes\nretention: {details.erased: 90d}",
                says: "`details.erased` is kept for good: it says what was erased"),
            Mistake(
                key: "sandbox:", line: "sandbox: yes\nbandwidth: [{bytes: 2047}]",
                says: "expected 2048 a second or more, or `unlimited`"),
            Mistake(
                key: "sandbox:", line: "sandbox: yes\nbandwidth: [{hours: 8-18, bytes: 2048}]",
                says: "expected two hours of the day in UTC, such as 08-18"),
            Mistake(
                key: "sandbox:", line: "sandbox: yes\nbandwidth: [{to: VN/hub}]",
                says: "an entry of `bandwidth` lacks `bytes`"),
            Mistake(
                key: "sandbox:", line: "sandbox: yes\nqueue: {recipient: {transfers: many}}",
                says: "`transfers`: `many` is no number"),
            Mistake(
                key: "sandbox:", line: "sandbox: yes\nqueue: {transfers: 9}",
                says: "unknown key `transfers`"),
            Mistake(
                key: "sandbox:", line: "sandbox: yes\nreserve: 1GiB",
                says: ":10: `reserve`: `1GiB` is no number"),
            Mistake(
                key: "sandbox:", line: "sandbox: yes\nreserve: -1", says: "`-1` is no number"),
            Mistake(
                key: "sandbox:", line: "sandbox: yes\nrequests: 0",
                says: "`requests` must be from 10 to 1000000"),
            Mistake(key: "tls:", line: "  tls: /nowhere/tls.key", says: "`/nowhere/tls.key`"),
        ])
        func aWrongConfigurationIs78(_ mistake: Mistake) async throws {
            defer { node.scratch.remove() }
            let ended = try await node.refused([mistake.key: mistake.line])
            #expect(ended.status == 78)
            #expect(ended.stderr.contains(mistake.says), "\(ended.stderr)")
            #expect(ended.stdout.isEmpty)
        }

        @Test func aConfigurationThatIsNotThereSaysWhy() async throws {
            defer { node.scratch.remove() }
            let path = "\(node.scratch.path)/absent.yaml"
            let ended = try await Run.run(Run.selatd, ["--config", path], seconds: 60)
            #expect(ended.status == 78)
            #expect(
                ended.stderr.contains("`\(path)`: No such file or directory"), "\(ended.words)")
        }

        @Test func anotherListsDigestIs78() async throws {
            defer { node.scratch.remove() }
            let text = try node.configuration()
                .replacingOccurrences(
                    of: try node.sandbox.trust(),
                    with: "sha256:" + String(repeating: "a", count: 64))
            let ended = try await node.refused(configuration: text)
            #expect(ended.status == 78)
            let trust = try node.sandbox.trust()
            #expect(ended.stderr.contains(trust))
        }

        @Test func aKeyThatOthersCanReadIs78() async throws {
            defer { node.scratch.remove() }
            let key = "\(node.scratch.path)/tls.key"
            let own = "\(node.sandbox.folder("SG"))/keys/tls.key"
            try FileManager.default.copyItem(atPath: own, toPath: key)
            chmod(key, 0o644)
            let ended = try await node.refused(["tls:": "  tls: \(key)"])
            #expect(ended.status == 78)
            #expect(ended.stderr.contains("chmod 600 \(key)"))
        }

        @Test(.enabled(if: geteuid() == 0, "only the superuser can give files away"))
        func aKeyThatIsSomebodyElsesIs78() async throws {
            defer { node.scratch.remove() }
            let key = "\(node.scratch.path)/tls.key"
            let own = "\(node.sandbox.folder("SG"))/keys/tls.key"
            try FileManager.default.copyItem(atPath: own, toPath: key)
            try #require(chmod(key, 0o600) == 0 && chown(key, 1, 1) == 0)
            let ended = try await node.refused(["tls:": "  tls: \(key)"])
            #expect(ended.status == 78)
            #expect(ended.stderr.contains("chown 0 \(key)"), "\(ended.stderr)")
        }

        /// There is no way back to an earlier version with a later one's database.
        @Test(.enabled(if: Run.sqlite3 != nil, "sqlite3 is not installed"))
        func aDatabaseOfALaterVersionIs78() async throws {
            defer { node.scratch.remove() }
            try await node.serving([:]) { _ in }
            let later = try await Run.run(
                try #require(Run.sqlite3),
                [node.database, "INSERT INTO migrations (name) VALUES ('of-the-future')"])
            try #require(later.status == 0, "\(later.words)")
            let ended = try await node.refused()
            #expect(ended.status == 78)
            #expect(
                ended.stderr.contains("a later version has been here; install that one again"),
                "\(ended.stderr)")
        }

        @Test func aSecondDaemonOnTheSameStateIsRefused() async throws {
            defer { node.scratch.remove() }
            let state = "\(node.sandbox.folder("SG"))/state"
            let ended = try await node.refused(["state:": "state: \(state)"])
            #expect(ended.status == 1)
            #expect(
                ended.stderr.contains(
                    "database `\(state)/selat.sqlite` is in use by another daemon"))
            #expect(try await node.sandbox.selat("status", on: "SG").status == 0)
        }

        @Test func aPortInUseIsNamed() async throws {
            defer { node.scratch.remove() }
            let port = try node.sandbox.port("SG")
            let ended = try await node.refused(
                ["listen:": "listen: {host: 127.0.0.1, port: \(port)}"])
            #expect(ended.status == 1)
            #expect(ended.stderr.contains("listening at `127.0.0.1:\(port)`: "), "\(ended.stderr)")
        }

        @Test func aLivingSocketIsNotReplaced() async throws {
            defer { node.scratch.remove() }
            let socket = node.sandbox.socket("SG")
            let ended = try await node.refused(["control:": "control: \(socket)"])
            #expect(ended.status == 1)
            #expect(ended.stderr.contains(socket), "\(ended.stderr)")
            let status = try await node.sandbox.selat("status", "--json", on: "SG")
            #expect(try status.json["node"] == "SG/hub")
        }

        @Test func aStaleSocketIsReplaced() async throws {
            defer { node.scratch.remove() }
            try stale(node.control)
            let before = try await node.status()
            #expect(before.status == 69)
            let during = try await node.serving { try await node.status() }
            #expect(during.status == 0)
            #expect(!node.scratch.exists("control.sock"), "a stopped daemon takes its socket along")
        }

        /// A socket that nobody answers on any more.
        private func stale(_ path: String) throws {
            let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let length = socklen_t(MemoryLayout<sockaddr_un>.size)
            let bound = withUnsafePointer(to: &address) { address in
                address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, length)
                }
            }
            try #require(bound == 0)
        }

        @Test func editingAPolicyFileChangesNothing() async throws {
            defer { node.scratch.remove() }
            let folder = "\(node.scratch.path)/policies"
            try FileManager.default.copyItem(atPath: node.sandbox.policies, toPath: folder)
            let changed = ["policies:": "policies: \(folder)"]
            let good = try await node.serving(changed) {
                try await node.status().json["policies"]
            }
            let text = try node.scratch.text("policies/SG.yaml")
            try node.scratch.write(text + "retenion: 5 years\n", to: "policies/SG.yaml")
            let after = try await node.serving(changed) {
                try await node.status().json["policies"]
            }
            #expect(after == good)
        }

        @Test func aFirstStartNeedsGoodPolicies() async throws {
            defer { node.scratch.remove() }
            let folder = "\(node.scratch.path)/p"
            try FileManager.default.copyItem(atPath: node.sandbox.policies, toPath: folder)
            let changed = ["policies:": "policies: \(folder)"]
            let text = try node.scratch.text("p/VN.yaml")
            let file = try node.scratch.write("retenion: 5 years\n" + text, to: "p/VN.yaml")
            let forged = try await node.refused(changed)
            #expect(forged.status == 78)
            #expect(forged.stderr.contains("VN.yaml`: the signature of `selat://VN/hub/policy-"))
            try await node.sandbox.sign([file], by: "VN", persons: [1], "--anew")
            let halfSigned = try await node.refused(changed)
            #expect(halfSigned.stderr.contains("VN.yaml`: 1 of 2 signatures"))
            try await node.sandbox.sign([file], by: "VN", persons: [2])
            let ended = try await node.refused(changed)
            #expect(ended.status == 78)
            #expect(ended.stderr.contains("VN.yaml:1:1: unknown key `retenion`"))
            try FileManager.default.removeItem(atPath: "\(file).p7s")
            let unsigned = try await node.refused(changed)
            #expect(unsigned.stderr.contains("VN.yaml`: 0 of 2 signatures"))
        }

        @Test(.enabled(if: Run.sqlite3 != nil, "sqlite3 is not installed"))
        func sqliteCannotRewriteTheLog() async throws {
            defer { node.scratch.remove() }
            try await node.serving {}
            for statement in [
                "UPDATE entries SET actor = 'nobody'", "DELETE FROM entries",
                "INSERT OR REPLACE INTO entries SELECT * FROM entries WHERE sequence = 0",
            ] {
                let ended = try await sqlite(statement)
                #expect(ended.status != 0)
                #expect(ended.stderr.contains("the log"), "\(ended.stderr)")
            }
            #expect(try await verified().status == 0)
        }

        @Test(
            .enabled(if: Run.sqlite3 != nil, "sqlite3 is not installed"),
            arguments: [
                (
                    "DROP TRIGGER entries_never_change; "
                        + "UPDATE entries SET actor = 'nobody' WHERE sequence = 1",
                    "entry 1"
                ),
                (
                    "DROP TRIGGER details_never_change; "
                        + "UPDATE details SET details = X'7B7D' WHERE sequence = 0",
                    "entry 0"
                ),
                ("DROP TRIGGER entries_are_kept; DELETE FROM entries WHERE sequence = 1", "1"),
            ])
        func aTamperedLogDoesNotVerify(_ statement: String, _ names: String) async throws {
            defer { node.scratch.remove() }
            try await node.serving {}
            #expect(try await verified().status == 0)
            let tampered = try await sqlite(statement)
            try #require(tampered.status == 0, "\(tampered.words)")
            let ended = try await verified()
            #expect(ended.status == 3, "\(ended.words)")
            #expect((ended.stdout + ended.stderr).contains(names), "\(ended.words)")
        }

        @Test func verifyingAFileWritesNothing() async throws {
            defer { node.scratch.remove() }
            try await node.serving {}
            try FileManager.default.createDirectory(
                atPath: "\(node.scratch.path)/copy", withIntermediateDirectories: false)
            let copy = "\(node.scratch.path)/copy/log.sqlite"
            try FileManager.default.copyItem(atPath: node.database, toPath: copy)
            let before = try node.scratch.bytes("copy/log.sqlite")
            chmod(copy, 0o400)
            let ended = try await Run.run(Run.selat, ["audit", "verify", copy])
            #expect(ended.status == 0, "\(ended.words)")
            #expect(try node.scratch.bytes("copy/log.sqlite") == before)
        }

        @Test func aCutOffDatabaseIsDamaged() async throws {
            defer { node.scratch.remove() }
            try await node.serving {}
            let bytes = try node.scratch.bytes("state/selat.sqlite")
            let cut = try node.scratch.write(Array(bytes.prefix(bytes.count / 2)), to: "cut.sqlite")
            let other = try node.scratch.write("no database", to: "other.sqlite")
            for file in [cut, other] {
                let ended = try await Run.run(Run.selat, ["audit", "verify", file])
                #expect(ended.status == 3, "\(ended.words)")
                #expect(ended.stderr.contains("`\(file)`"))
            }
            let absent = try await Run.run(Run.selat, ["audit", "verify", "/nowhere.sqlite"])
            #expect(absent.status == 1)
            #expect(absent.stderr.lowercased().contains("`/nowhere.sqlite`: no such file"))
        }

        private func sqlite(_ statement: String) async throws -> Ended {
            try await Run.run(try #require(Run.sqlite3), [node.database, statement])
        }

        private func verified() async throws -> Ended {
            try await Run.run(Run.selat, ["audit", "verify", node.database])
        }
    }
}
