import ArgumentParser
import SelatControl
import SelatCore

struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Go on after a backup was restored.",
        discussion: """
            A node whose log is behind what its witnesses have cosigned sends and takes nothing.
            With --continue its log begins the next epoch, under a new name; the first entry says
            what the old one had reached, and why it ended. Entries that only the lost part held
            stay lost. The act is entered with the caller's user id.

            Example: selat restore --continue --reason "disk failed, backup of Monday restored"
            """)

    @Flag(name: .customLong("continue"), help: "Begin the next epoch of the audit log.")
    var continues = false

    @Option(help: "Why, as it is entered in the log.")
    var reason: String

    @OptionGroup var client: ClientOptions

    func validate() throws {
        guard continues else { throw ValidationError("say --continue: it cannot be undone") }
    }

    func run() async throws {
        let answer = try await client.withDaemon {
            try await $0.post("/v1/audit/epoch", ["reason": .string(reason)])
        }
        if client.json { return Terminal.result(answer) }
        Terminal.result("the log goes on as \(answer.text("origin"))")
    }
}
