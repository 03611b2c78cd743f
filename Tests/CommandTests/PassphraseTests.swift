import Foundation
import Testing

extension CommandTests {
    /// Secrets that are typed at a terminal.
    @Suite struct PassphraseTests {
        /// Whoever breaks the question off sees again what is typed.
        @Test(arguments: RoadTests.endings)
        func aQuestionThatIsBrokenOffHidesNothingMore(_ signal: Int32) async throws {
            let sandbox = try Sandbox.current()
            let (scratch, terminal) = (try Scratch(), try PseudoTerminal())
            defer {
                scratch.remove()
                terminal.remove()
            }
            let shipped = try String(contentsOfFile: "\(sandbox.policies)/SG.yaml", encoding: .utf8)
            let file = try scratch.write(shipped, to: "SG.yaml")
            let key = try scratch.write("-----BEGIN ENCRYPTED PRIVATE KEY-----\n", to: "lee.key")
            let signing = try Running(
                Run.selat,
                [
                    "policy", "sign", file, "--key", key, "--certificate",
                    "\(sandbox.path)/authority-SG/policy-1.pem", "--federation", sandbox.trust(),
                ], terminal: terminal, place: scratch)
            while try scratch.text("stderr").isEmpty, signing.isRunning { usleep(500) }
            #expect(try scratch.text("stderr") == "passphrase of `\(key)`: ")
            #expect(!terminal.isShowing)
            signing.signal(signal)
            #expect(await signing.end() == -signal, "it ends as the signal would have ended it")
            #expect(terminal.isShowing)
        }
    }
}
