import ArgumentParser
import SelatControl
import SelatCore

struct ApproveAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Hand in an approval or a refusal that was signed elsewhere.",
        discussion: "Example: selat approve add 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11 approval.cms")

    @Argument(help: "The transfer's id.")
    var id: TransferID

    @Argument(help: "The signed statement.")
    var file: String

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let message = try OfficerKey.bytes(of: file)
        let answer = try await client.withDaemon { try await $0.hand(in: message, about: id) }
        if client.json { return Terminal.result(answer) }
        ApprovalText.report(answer)
    }
}
