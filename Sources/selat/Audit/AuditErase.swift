import ArgumentParser
import Foundation
import SelatControl
import SelatCore

extension AuditVerb {
    struct Erase: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "erase",
            abstract: "Erase the details of audit entries for good; that is itself an entry.",
            discussion: """
                The entries stay, and every proof holds; their details and salts are
                overwritten in the node's database. Backups still hold them until the time
                that is printed, and whoever is named after `also held by` has a copy of its
                own. With --statement an officer's signed order is entered as it is; nobody
                verifies it here.

                Example: selat audit erase 48213 --reason 'order 17/2026 of the data
                authority'
                """)

        @Argument(help: "The entries' sequences.")
        var sequences: [UInt64]

        @Option(help: "Why; it stays in the log, so it names nobody.")
        var reason: String

        @Option(help: "A file with an officer's signed order (CMS, DER).")
        var statement: String?

        @OptionGroup var client: ClientOptions

        func validate() throws {
            for sequence in sequences {
                try EntryOptions.sequences.require(sequence, of: "a sequence")
            }
        }

        func run() async throws {
            var request: JSON.Object = [
                "entries": .array(sequences.map { .integer($0) }), "reason": .string(reason),
            ]
            if let statement {
                guard let bytes = FileManager.default.contents(atPath: statement) else {
                    throw Ending(
                        .failed,
                        "reading statement `\(statement)`: \(InputFile.hindrance(statement))")
                }
                request["statement"] = .string(Base64.encode(Array(bytes)))
            }
            let document = JSON.object(request)
            let answer = try await client.withDaemon {
                try await $0.post("/v1/audit/erasures", document)
            }
            if client.json { return Terminal.result(answer) }
            Terminal.result("erased; entry \(answer.text("sequence")) says so")
            Terminal.result("complete when backups have expired: \(answer.text("complete"))")
            for holder in answer["holders"]?.arrayValue ?? [] {
                Terminal.result("also held by: \(holder.stringValue ?? "")")
            }
        }
    }
}
