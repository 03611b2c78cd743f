import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// What the command makes of answers that no sound daemon gives.
    @Suite struct AnswerTests {
        let scratch: Scratch

        init() throws { scratch = try Scratch() }

        /// Runs `selat` against what gives each call this answer.
        private func asking(
            _ words: [String], status: String = "200 OK", type: String = "application/json",
            _ answer: [UInt8]
        ) async throws -> Ended {
            let daemon = try FakeDaemon(
                at: "\(scratch.path)/control.sock", status: status, type: type, answer)
            defer { daemon.end() }
            return try await Run.run(Run.selat, words + ["--socket", daemon.path])
        }

        /// It runs, and answered: that is no daemon out of reach.
        @Test func anAnswerThatIsTooLargeSaysSo() async throws {
            defer { scratch.remove() }
            let ended = try await asking(
                ["audit", "log", "--limit", "10000", "--json"],
                [UInt8](repeating: UInt8(ascii: " "), count: (64 << 20) + 1))
            #expect(ended.status == 1, "\(ended.words)")
            #expect(ended.stdout.isEmpty)
            #expect(
                ended.stderr == """
                    selat: error: the daemon's answer is larger than 64.0 MiB
                    selat: hint: ask for less at a time, with a smaller --limit

                    """)
        }
    }
}
