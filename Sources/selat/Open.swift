import ArgumentParser
import HTTPTypes
import NIOCore
import SelatControl
import SelatCore

struct Open: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "open",
        abstract: "Open a delivered dataset into a new folder.",
        discussion: """
            The folder appears only when every byte has been verified and is on disk;
            until then it grows under a hidden name beside it. `datapackage.json`
            describes the files.

            Example:
              selat open 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11 --out flood-warning
            """)

    @OptionGroup var transfer: TransferArgument

    @Option(help: "The folder to make; it must not exist yet.")
    var out: String

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let folder = try OpenedFolder(out)
        let descriptor = try await client.withDaemon { daemon in
            let answer = try await daemon.getJSON(transfer.path("/manifest"))
            guard let descriptor = answer["dataset"] else {
                throw Ending(.failed, "the daemon described no dataset")
            }
            try folder.expect(descriptor)
            if let made = try folder.makeAll(),
                let files = FileHandover(made, control: client.path)
            {
                let progress = HandoverProgress("opening", total: folder.size, of: files)
                defer { progress.finish() }
                _ = try await daemon.send(.post, transfer.path("/opening"), with: files)
                try folder.finishAll()
                return descriptor
            }
            var progress = Progress("opening", total: folder.size)
            defer { progress.finish() }
            try await daemon.stream(.post, transfer.path("/opening")) { piece in
                progress.advance(by: piece.readableBytes)
                try folder.write(piece)
            }
            return descriptor
        }
        try folder.publish(describedBy: descriptor)
        if client.json {
            Terminal.result([
                "id": .string(transfer.id.text), "path": .string(out), "dataset": descriptor,
            ])
        } else {
            Terminal.result(out)
        }
    }
}
