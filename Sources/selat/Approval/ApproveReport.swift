import ArgumentParser
import SelatControl
import SelatCore
import SelatCrypto

struct ApproveReport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Enter the report on a release by one officer; only its digest is kept.",
        discussion: """
            Example:
              selat approve report 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11 --file report.pdf
            """)

    @Argument(help: "The transfer's id.")
    var id: TransferID

    @Option(help: "The report.")
    var file: String

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let digest = SHA256.digest(try OfficerKey.bytes(of: file))
        let answer = try await client.withDaemon {
            try await $0.post(
                "/v1/transfers/\(id.text)/report", ["report": .string(digest.text)])
        }
        if client.json { return Terminal.result(answer) }
        Terminal.result(
            "\(id): the report on its release by \(answer.text("officer")) is entered, \(digest)")
    }
}
