import ArgumentParser
import HTTPTypes
import NIOCore
import SelatControl
import SelatCore

struct ApproveExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a request to a file, for an officer at another machine.",
        discussion: """
            The file holds the sealed dataset AND its key: it is as secret as the dataset
            itself. With --description it holds neither: what the destination's officers
            decide on.

            Examples:
              selat approve export 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11 roster.request
              selat approve export 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11 to-vn.request \\
                --description
            """)

    @Argument(help: "The transfer's id.")
    var id: TransferID

    @Argument(help: "The file to write; it must not exist yet. Only its owner may read it.")
    var file: String

    @Flag(help: "Leave the dataset and its key out.")
    var description = false

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let output = try ExportedFile(file)
        try await client.withDaemon { daemon in
            if description {
                let bytes = try await daemon.get("/v1/transfers/\(id.text)/approval")
                let line = try JSON(parsing: bytes, floats: true).canonical + [0x0A]
                return try output.write(ByteBuffer(bytes: line))
            }
            var progress = Progress("exporting", total: 0)
            defer { progress.finish() }
            try await daemon.stream(
                .post, "/v1/transfers/\(id.text)/review", begun: { progress.expect($0) },
                take: { piece in
                    progress.advance(by: piece.readableBytes)
                    try output.write(piece)
                })
        }
        try output.publish()
        if !description {
            Terminal.warning("`\(file)` opens the dataset: keep it as the dataset itself")
        }
        if client.json {
            Terminal.result(["id": .string(id.text), "path": .string(file)])
        } else {
            Terminal.result(file)
        }
    }
}
