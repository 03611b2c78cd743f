import ArgumentParser
import SelatCore
import SelatCrypto
import SelatFederation

struct MembersMerge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Join copies of one list or record that were signed apart.",
        discussion: """
            Who has signed two copies stands once. The signatures themselves are verified
            by whoever signs or takes the result.

            With --json, `digest` names what was signed, as in `selat members sign`.

            Example:
              selat members merge cut-SG.cms cut-MY.cms --out cut.cms
            """)

    @Argument(help: "The signed copies.")
    var files: [String]

    @Option(help: "The file to write; it must not exist yet.")
    var out: String

    @Flag(help: "Print one JSON document instead of text.")
    var json = false

    func run() async throws {
        let copies = try files.map { try ProposalFile($0) }
        guard let first = copies.first else { throw Ending(.usage, "no file is named") }
        let messages = try copies.map { copy in
            guard let message = copy.message, copy.proposal == first.proposal else {
                throw Ending(
                    .invalidConfiguration,
                    "`\(copy.path)` is no signed copy of what `\(first.path)` says",
                    hint: "compare them: selat members diff \(first.path) \(copy.path)")
            }
            return message
        }
        let type = first.proposal.type
        let merged = try CMS.merged(messages, type: type)
        try ProposalFile.write(merged, to: out, replacing: false)
        let count = try CMS.unverifiedSigners(of: merged, type: type).count
        if json {
            return Terminal.result([
                "path": .string(out), "signatures": .integer(Int64(count)),
                "digest": .string(first.proposal.digest(signed: merged).text),
            ])
        }
        Terminal.result("\(out): \(count) signatures")
    }
}
