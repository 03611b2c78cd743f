import ArgumentParser
import SelatControl
import SelatCore

struct Cancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Take a transfer back that has not left whole.",
        discussion: """
            Key and sealed payload are destroyed here; what a recipient has of it opens
            for nobody. What may have arrived whole, or lies whole at a relay, can only be
            answered by the recipient; an officer can recall it (`selat recall`).

            Example:
              selat cancel 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11 --reason "the wrong file"
            """)

    @Argument(help: "The transfer's id.")
    var id: TransferID

    @Option(help: "Why; it is entered.")
    var reason: String

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let request = CancelRequest(reason: reason)
        let answer = try await client.withDaemon {
            try await $0.post("/v1/transfers/\(id.text)/cancellation", request.json)
        }
        if client.json { return Terminal.result(answer) }
        Terminal.result("\(id.text)  \(answer.text("state"))")
    }
}
