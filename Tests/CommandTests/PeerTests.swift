import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// The daemon as other people's tools see it.
    @Suite struct PeerTests {
        let sandbox: Sandbox
        let scratch: Scratch

        init() throws {
            sandbox = try Sandbox.current()
            scratch = try Scratch()
        }

        /// A TLS certificate from one country's authority, as `certs/README.md` says.
        private func certificate(_ uri: String, from country: String) async throws -> [String] {
            let openssl = try #require(Run.openssl)
            let profiles = "\(Run.root)/certs/profiles.cnf"
            let authority = "\(sandbox.path)/authority-\(country)"
            for words in [
                ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "p.key"],
                [
                    "req", "-new", "-sha256", "-key", "p.key", "-subj", "/CN=peer", "-config",
                    profiles, "-out", "p.csr",
                ],
                [
                    "x509", "-req", "-sha256", "-in", "p.csr", "-CA", "\(authority)/root.pem",
                    "-CAkey", "\(authority)/root.key", "-days", "2", "-extfile", profiles,
                    "-extensions", "tls", "-out", "p.pem",
                ],
            ] {
                let ended = try await Run.run(
                    openssl, words,
                    environment: ["SELAT_URI": uri, "SELAT_DNS": "localhost"], in: scratch.path)
                try #require(ended.status == 0, "\(ended.words)")
            }
            return ["-cert", "\(scratch.path)/p.pem", "-key", "\(scratch.path)/p.key"]
        }

        /// Connects to VN's node and asks for something.
        private func connect(_ words: [String]) async throws -> Ended {
            try await Run.run(
                try #require(Run.openssl),
                [
                    "s_client", "-connect", "127.0.0.1:\(try sandbox.port("VN"))", "-servername",
                    "localhost", "-CAfile", "\(sandbox.path)/authority-VN/root.pem",
                    "-verify_return_error", "-quiet", "-ign_eof",
                ] + words,
                input: "GET /v1/none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                seconds: 60)
        }

        @Test(.enabled(if: Run.openssl != nil, "openssl is not installed"))
        func aMembersCertificateIsHeard() async throws {
            defer { scratch.remove() }
            let ended = try await connect(
                try await certificate("selat://MY/hub", from: "MY"))
            #expect(ended.stdout.hasPrefix("HTTP/1.1 4"), "\(ended.words)")
            #expect(ended.stdout.contains("Content-Type: application/problem+json"))
        }

        /// Who shall be refused: the name, whose authority vouches for it, and what else is said.
        struct Stranger: Sendable, CustomTestStringConvertible {
            var uri: String?
            var authority = "MY"
            var words: [String] = []
            let says: String
            var testDescription: String { "\(uri ?? "nobody") by \(authority) \(words)" }
        }

        @Test(
            .enabled(if: Run.openssl != nil, "openssl is not installed"),
            arguments: [
                Stranger(says: "certificate required"),
                Stranger(uri: "selat://VN/hub", says: "handshake failure"),
                Stranger(uri: "selat://SG/hub", says: "handshake failure"),
                Stranger(uri: "selat://MY/ghost", says: "handshake failure"),
                Stranger(uri: "selat://MY/hub", words: ["-tls1_2"], says: "protocol version"),
            ])
        func aStrangerIsRefused(_ stranger: Stranger) async throws {
            defer { scratch.remove() }
            var words = stranger.words
            if let uri = stranger.uri {
                words += try await certificate(uri, from: stranger.authority)
            }
            let ended = try await connect(words)
            #expect(ended.status != 0)
            #expect(!ended.stdout.contains("HTTP/"))
            #expect(ended.stderr.contains(stranger.says), "\(ended.stderr)")
            let status = try await sandbox.selat("status", on: "VN")
            #expect(status.status == 0, "the daemon lives on")
        }

        @Test(.enabled(if: Run.curl != nil, "curl is not installed"))
        func theControlSocketSpeaksPlainHTTP() async throws {
            defer { scratch.remove() }
            let status = try await ask("/v1/status")
            #expect(status.stdout.hasPrefix("HTTP/1.1 200 OK\r\n"))
            let body = try #require(status.stdout.split(separator: "\r\n\r\n").last)
            #expect(try JSON(parsing: Array(body.utf8))["node"] == "SG/hub")
        }

        @Test(
            .enabled(if: Run.curl != nil, "curl is not installed"),
            arguments: [
                ("/v1/none", 404), ("/", 404), ("/v1/transfers/xyz", 400),
                ("/v1/transfers/0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11", 404),
                ("/v1/transfers/0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11/state", 404),
                ("/v1/transfers/xyz/state", 400),
                ("/v1/transfers?limit=0", 400), ("/v1/audit/entries?after=x", 400),
            ])
        func aWrongRequestGetsAProblemDocument(_ path: String, _ code: Int) async throws {
            defer { scratch.remove() }
            let answer = try await ask(path)
            #expect(answer.stdout.hasPrefix("HTTP/1.1 \(code) "), "\(answer.stdout)")
            #expect(answer.stdout.contains("Content-Type: application/problem+json\r\n"))
            let body = try #require(answer.stdout.split(separator: "\r\n\r\n").last)
            let problem = try JSON(parsing: Array(body.utf8))
            #expect(problem["status"]?.integerValue == .init(code))
            #expect(problem["title"]?.stringValue?.isEmpty == false)
        }

        @Test(.enabled(if: Run.curl != nil, "curl is not installed"))
        func whoeverWaitsIsToldWhereItStands() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("1\n", to: "warning.csv"))
            let state = try await answer("/v1/transfers/\(id)/state?wait_seconds=5")
            let all = try await answer("/v1/transfers?direction=outbound")
            let listed = all["transfers"]?.arrayValue?.first { $0["id"] == .string(id) }
            #expect(state == listed)
            #expect(state["ended"] == true && state["state"] == "delivered")
        }

        private func answer(_ path: String) async throws -> JSON {
            let body = try await ask(path).stdout.split(separator: "\r\n\r\n").last
            return try JSON(parsing: Array(try #require(body).utf8))
        }

        private func ask(_ path: String) async throws -> Ended {
            try await Run.run(
                try #require(Run.curl),
                ["-s", "-i", "--unix-socket", sandbox.socket("SG"), "http://selat\(path)"],
                seconds: 60)
        }
    }
}
