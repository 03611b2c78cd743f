import ArgumentParser
import SelatControl
import SelatCore

struct Retry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Try a transfer now that waits for its next try.",
        discussion: """
            Nothing needs it: a transfer is tried again by itself, at most five minutes
            apart. It saves the wait once a link is back.

            Example: selat retry 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11
            """)

    @Argument(help: "The transfer's id.")
    var id: TransferID

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let answer = try await client.withDaemon {
            try await $0.post("/v1/transfers/\(id.text)/retry")
        }
        if client.json { return Terminal.result(answer) }
        let cause = answer.text("cause")
        Terminal.result(lines: [
            "\(id.text)  \(answer.text("state"))" + (cause.isEmpty ? "" : "; last: \(cause)")
        ])
    }
}
