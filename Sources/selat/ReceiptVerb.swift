import ArgumentParser
import SelatControl
import SelatCore

struct ReceiptVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "receipt",
        abstract: "Carry receipts by hand, where packages are carried by hand.",
        subcommands: [Export.self, Import.self])

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "export",
            abstract: "Write a transfer's receipts, for whoever carries them back to the sender.",
            discussion: """
                Into a folder: all that this node has stated of the dataset, a file for each
                (ID.KIND.receipt: delivered, opened, recalled, retained, destroyed), as often
                as something was added. Into a file: the receipt of its arrival alone.

                A proof is against the newest checkpoint that others have witnessed, where
                there is one: written again later, it may prove more.

                Examples:
                  selat receipt export 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11 /media/courier
                  selat receipt export 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11 out.receipt
                """)

        @Argument(help: "The transfer's id.")
        var id: TransferID

        @Argument(help: "A folder, or a file; a receipt of the same transfer is replaced.")
        var path: String

        @OptionGroup var client: ClientOptions

        func run() async throws {
            let transfer = try await client.withDaemon {
                try await $0.getJSON("/v1/transfers/\(id.text)")
            }
            if EvidenceFolder.isFolder(path) { return try writeAll(transfer) }
            guard let receipt = transfer["receipt"], let written = try write(receipt, to: path)
            else { throw lacking(transfer) }
            if client.json { return Terminal.result(.object(written)) }
            Terminal.result(path)
        }

        /// Each under a name of its own, so that the next time adds what is new.
        private func writeAll(_ transfer: JSON) throws {
            let receipts =
                [transfer["receipt"]].compactMap { $0 } + (transfer["receipts"]?.arrayValue ?? [])
            let written = try receipts.compactMap { receipt in
                try write(receipt, to: "\(path)/\(id).\(receipt.text("kind")).receipt")
            }
            guard !written.isEmpty else { throw lacking(transfer) }
            if client.json {
                return Terminal.result([
                    "id": .string(id.text), "receipts": .array(written.map { .object($0) }),
                ])
            }
            Terminal.result(lines: written.compactMap { $0["path"]?.stringValue })
        }

        /// - Returns: what was written where; nil for a receipt without its document.
        private func write(_ receipt: JSON, to file: String) throws -> JSON.Object? {
            guard let document = receipt["document"] else { return nil }
            try ReceiptFile.write(document, of: id, to: AbsolutePath.of(file))
            return [
                "id": .string(id.text), "path": .string(file),
                "kind": receipt["kind"] ?? .null, "signer": receipt["signer"] ?? .null,
            ]
        }

        private func lacking(_ transfer: JSON) -> Ending {
            Ending(
                .notYet, "`\(id)` is \(transfer.text("state")): there is no receipt yet",
                hint: "see `selat show \(id)`")
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "import",
            abstract: "Take receipts that were brought back: they settle the transfers here.",
            discussion: """
                PATH is a receipt, or a folder of them (*.receipt). Exit status: 0 all of them
                are good; 69 the daemon is gone, and the rest was not tried; 3 one proves
                nothing, 1 one failed.

                Example: selat receipt import /media/courier
                """)

        @Argument(help: "A receipt, or a folder of them.")
        var path: String

        @OptionGroup var client: ClientOptions

        func run() async throws {
            let files = try PackageImport.files(at: path, ending: ".receipt")
            var results: [JSON] = []
            var ends: [(file: String, ending: Ending?)] = []
            for file in files {
                let (result, ending) = await take(file)
                results.append(result)
                ends.append((file, ending))
                // Each further one would end with the same words.
                if ending?.status == .unreachable { break }
                if !client.json { Terminal.result(lines: [Self.line(result)]) }
            }
            if client.json {
                Terminal.result([
                    "receipts": .array(results),
                    "not_tried": .integer(Int64(files.count - results.count)),
                ])
            }
            if let ending = Ending(ofFiles: ends, outOf: files.count) { throw ending }
        }

        /// What became of one file; nil where it is good.
        private func take(_ file: String) async -> (JSON, Ending?) {
            do {
                let receipt = try ReceiptFile.read(file)
                let answer = try await client.withDaemon { daemon in
                    try await daemon.post("/v1/receipts", receipt)
                }
                var members = answer.objectValue ?? [:]
                members["file"] = .string(file)
                return (.object(members), nil)
            } catch {
                let ending = error as? Ending ?? Ending(explaining: error)
                let members: JSON = [
                    "file": .string(file), "error": .string(ending.message ?? "it failed"),
                ]
                return (members, ending)
            }
        }

        private static func line(_ result: JSON) -> String {
            guard result["error"] == nil else {
                return "\(result.text("file"))  \(result.text("error"))"
            }
            let before = result["new"]?.boolValue == true ? "" : " (as before)"
            return "\(result.text("file"))  \(result.text("id"))  \(result.text("kind")) by "
                + "\(result.text("signer")): \(result.text("state"))\(before)"
        }
    }
}
