import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// Suites and OpenSSL's provider, with the real programs.
    @Suite struct SuiteTests {
        let sandbox: Sandbox

        init() throws { sandbox = try Sandbox.current() }

        @Test func aSandboxExchangesUnderSuiteTwo() async throws {
            let scratch = try Scratch()
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("wind,12\n", to: "x.csv"))
            for country in ["SG", "VN"] {
                let shown = try await sandbox.selat("show", id, "--json", on: country).json
                #expect(shown["suite"]?.integerValue == 2)
                #expect(shown["suite_name"] == "P-256, ML-KEM-768")
                let words = try await sandbox.selat("show", id, on: country).stdout
                #expect(words.contains("suite: 2 (P-256, ML-KEM-768)\n"))
            }
            let package = "\(scratch.path)/p.selat"
            _ = try await sandbox.selat("package", "export", id, package, on: "VN")
            let inspected = try await Run.run(Run.selat, ["package", "inspect", package])
            #expect(inspected.stdout.hasSuffix("\nsuite 2 (P-256, ML-KEM-768)\n"))
            let verified = try await Run.run(
                Run.selat,
                [
                    "package", "verify", package, "--membership", sandbox.membership, "--trust",
                    try sandbox.trust(),
                ])
            #expect(verified.status == 0)
            #expect(verified.stdout.contains("suite 2 (P-256, ML-KEM-768)"))
        }

        @Test func statusNamesTheSuiteOfEachPeerAndWhoComputes() async throws {
            let status = try await sandbox.selat("status", "--json", on: "SG").json
            #expect(status["suites"]?["profile"] == "standard")
            let peers = status["suites"]?["peers"]?.arrayValue ?? []
            #expect(peers.compactMap { $0["node"]?.stringValue } == ["MY/hub", "VN/hub"])
            #expect(peers.allSatisfy { $0["suite"]?.integerValue == 2 })
            #expect(peers.allSatisfy { $0["post_quantum"] == true })
            #expect(status["openssl"]?["providers"] == ["default"])
            let warnings = (status["warnings"]?.arrayValue ?? []).compactMap(\.stringValue)
            #expect(!warnings.contains { $0.contains("ML-KEM") })
            let words = try await sandbox.selat("status", on: "SG").stdout
            #expect(
                words.contains("suites: profile standard; MY/hub suite 2, VN/hub suite 2\n"))
            #expect(words.contains(", providers default\n"))
        }

        @Test func withoutTheListedMLKEMKeyTheDaemonDoesNotStart() async throws {
            let node = try OwnNode()
            defer { node.scratch.remove() }
            let ended = try await node.refused(["mlkem:": ""])
            #expect(ended.status == 78)
            #expect(
                ended.stderr.contains(
                    "the member's record lists a key of `SG/hub` for ML-KEM-768 that is not held here; "
                        + "name its file under `keys`"),
                "\(ended.stderr)")
        }

        /// One line for `openssl` and what the daemon says of it.
        struct Unfit: Sendable, CustomTestStringConvertible {
            let line: String
            let says: String
            var testDescription: String { line }
        }

        @Test(arguments: [
            Unfit(
                line: "{provider: nowhere}",
                says: "openssl: OpenSSL's provider `nowhere` cannot be loaded: "),
            Unfit(
                line: "{provider: legacy}",
                says: "openssl: provider `legacy` lacks SHA2-256, "),
            Unfit(
                line: "{properties: \"fips=yes\"}",
                says: "openssl: query `fips=yes` lacks SHA2-256, "),
            Unfit(line: "{properties: \"=,=\"}", says: "`=,=` is no property query"),
            Unfit(
                line: "{provider: /tmp/evil.so}",
                says: "a provider is named by letters, digits, `-` and `_`"),
            Unfit(line: "{provder: fips}", says: "did you mean `provider`?"),
        ])
        func aProviderThatCannotServeStopsTheStart(unfit: Unfit) async throws {
            let node = try OwnNode()
            defer { node.scratch.remove() }
            let ended = try await node.refused([
                "sandbox:": "sandbox: yes\nopenssl: \(unfit.line)"
            ])
            #expect(ended.status == 78)
            #expect(ended.stderr.contains(unfit.says), "\(ended.stderr)")
            #expect(!FileManager.default.fileExists(atPath: node.database))
        }

        @Test(
            .enabled(if: !hasFIPS, "this machine has OpenSSL's FIPS provider"))
        func theFIPSProviderThatDebianDoesNotShipStopsTheStart() async throws {
            let node = try OwnNode()
            defer { node.scratch.remove() }
            let ended = try await node.refused([
                "sandbox:": "sandbox: yes\nopenssl: {provider: fips, properties: \"fips=yes\"}"
            ])
            #expect(ended.status == 78)
            #expect(
                ended.stderr.contains("openssl: OpenSSL's provider `fips` cannot be loaded: "),
                "\(ended.stderr)")
            #expect(ended.stderr.contains("; install it, or leave `openssl` out of `"))
        }

        @Test func aNamedProviderServesAndStandsInStatus() async throws {
            let node = try OwnNode()
            defer { node.scratch.remove() }
            let line = "openssl: {provider: default, properties: \"provider=default\"}"
            try await node.serving(["sandbox:": "sandbox: yes\n\(line)"]) {
                let status = try await node.status().json
                #expect(status["openssl"]?["providers"] == ["base", "default"])
                #expect(status["openssl"]?["properties"] == "provider=default")
            }
        }

        private static let hasFIPS = FileManager.default.fileExists(
            atPath: "/usr/lib/x86_64-linux-gnu/ossl-modules/fips.so")
    }
}
