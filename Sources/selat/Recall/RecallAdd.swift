import ArgumentParser
import SelatControl
import SelatCore

struct RecallAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Hand in a recall, or an answer to one, that was signed elsewhere.",
        discussion: "Example: selat recall add recall.cms")

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
