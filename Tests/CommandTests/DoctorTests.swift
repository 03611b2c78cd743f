import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// What a node finds wrong with itself, and how it reaches others.
    @Suite struct DoctorTests {
        private let names: Set = [
            "ready", "clock", "disk", "permissions", "limits", "entropy", "backup", "openssl",
            "keys", "certificates",
            "membership", "revocation", "witnesses", "policies", "transfers", "database",
            "peer MY/hub", "peer VN/hub",
        ]

        private func state(_ report: JSON, of name: String) -> String? {
            report["checks"]?.arrayValue?.first { $0["name"]?.stringValue == name }?["state"]?
                .stringValue
        }

        @Test func aHealthyNodeFailsInNothing() async throws {
            let sandbox = try Sandbox.current()
            let ended = try await sandbox.selat("doctor", "--json", on: "SG")
            #expect(ended.status == 0, "\(ended.words)")
            let report = try ended.json
            let checks = report["checks"]?.arrayValue ?? []
            #expect(Set(checks.compactMap { $0["name"]?.stringValue }) == names)
            for check in checks {
                #expect(check["looked_at"] != nil && check["found"] != nil, "\(check)")
                #expect((check["remedy"] == nil) == (check["state"] == "ok"), "\(check)")
                #expect(check["state"] != "failure", "\(check)")
            }
            for name in ["database", "permissions", "peer VN/hub", "clock"] {
                #expect(state(report, of: name) == "ok", "\(report)")
            }
            let page = try await sandbox.selat("doctor", on: "SG")
            #expect(page.status == 0)
            #expect(page.stdout.contains("\(checks.count) checks: 0 failures, "), "\(page.words)")
        }

        @Test func aKeyThatOthersCanReadFails() async throws {
            let node = try OwnNode()
            defer { node.scratch.remove() }
            try await node.serving([:]) { _ in
                let key = "\(node.state)/storage.key"
                chmod(key, 0o640)
                let ended = try await Run.run(Run.selat, ["doctor", "--socket", node.control])
                #expect(ended.status == 1, "\(ended.words)")
                #expect(ended.stdout.contains("chmod go= \(key)"), "\(ended.words)")
                let report = try await Run.run(
                    Run.selat, ["doctor", "--json", "--socket", node.control])
                #expect(report.status == 1)
                #expect(state(try report.json, of: "permissions") == "failure", "\(report.words)")
            }
        }

        @Test func whereNobodyAnswersItSaysWhereToLook() async throws {
            let ended = try await Run.run(
                Run.selat, ["doctor", "--socket", "/nowhere/control.sock"])
            #expect(ended.status == 69)
            #expect(ended.stderr.contains("selatd --check"), "\(ended.words)")
        }

        @Test func aPeerAnswersACall() async throws {
            let sandbox = try Sandbox.current()
            let ended = try await sandbox.selat("ping", "VN/hub", "--json", on: "SG")
            #expect(ended.status == 0, "\(ended.words)")
            let answer = try ended.json
            #expect(answer["node"] == "VN/hub" && answer["same_list"] == true, "\(answer)")
            for key in ["handshake_ms", "round_trip_ms"] {
                let time = try #require(answer[key]?.integerValue)
                #expect((1...10_000).contains(time))
            }
            #expect(answer["address"] == .string("127.0.0.1:\(try sandbox.port("VN"))"))
            let page = try await sandbox.selat("ping", "VN/hub", on: "SG")
            #expect(page.stdout.hasPrefix("VN/hub at 127.0.0.1:"), "\(page.words)")
        }

        @Test(arguments: ["SG/hub", "TH/hub", "VN/other"])
        func whomNobodyCanCallIsSaid(_ node: String) async throws {
            let ended = try await Sandbox.current().selat("ping", node, on: "SG")
            #expect(ended.status == 64, "\(ended.words)")
            #expect(ended.stderr.contains("`\(node)`"), "\(ended.words)")
        }
    }
}
