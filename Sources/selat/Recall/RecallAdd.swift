import ArgumentParser
import SelatControl
import SelatCore

struct RecallAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Hand in a recall, or an answer to one, that was signed elsewhere.",
        discussion: """
            A recall is taken at the sender, and at the recipient where it was carried there
            by hand: the dataset is unopenable at once, and `selat receipt export` writes
            what goes back. An answer is taken at the recipient.

            Example: selat recall add recall.cms
            """)

    @Argument(help: "The signed statement.")
    var file: String

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let message = try OfficerKey.bytes(of: file)
        let answer = try await client.withDaemon { try await $0.hand(inRecall: message) }
        if client.json { return Terminal.result(answer) }
        Terminal.result(RecallText.line(answer))
    }
}
