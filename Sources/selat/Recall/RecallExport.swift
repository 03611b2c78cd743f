import ArgumentParser
import NIOCore
import SelatControl
import SelatCore

struct RecallExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a transfer's recall, for whoever carries it to the recipient.",
        discussion: """
            `selat recall add` takes it there, as if it had come over a link.

            Example:
              selat recall export 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11 recall.cms
            """)

    @Argument(help: "The transfer's id, as `selat recall list` shows it.")
    var id: TransferID

    @Argument(help: "The file to write.")
    var file: String

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let transfer = try await client.withDaemon {
            try await $0.getJSON("/v1/transfers/\(id.text)")
        }
        guard let recall = transfer["recall"], let text = recall["statement"]?.stringValue,
            let message = Base64.decode(text)
        else {
            throw Ending(
                .failed, "nobody has recalled `\(id)`", hint: "see `selat recall list`")
        }
        let written = try ExportedFile(file)
        try written.write(ByteBuffer(bytes: message))
        try written.publish()
        guard !client.json else {
            return Terminal.result([
                "id": .string(id.text), "path": .string(file), "digest": recall["digest"] ?? .null,
            ])
        }
        Terminal.result(file)
    }
}
