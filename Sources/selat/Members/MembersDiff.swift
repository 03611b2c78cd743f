import ArgumentParser
import SelatCore
import SelatFederation

struct MembersDiff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Show in what two lists, or two records of one member, differ.",
        discussion: """
            Takes signed files and proposals alike. Nothing is verified: what a signed
            file says is shown as it stands.

            Example:
              selat members diff membership.cms cut.json
            """)

    @Argument(help: "The older file.")
    var old: String

    @Argument(help: "The newer file.")
    var new: String

    @Flag(help: "Print one JSON document instead of text.")
    var json = false

    func run() async throws {
        let (older, newer) = (try ProposalFile(old), try ProposalFile(new))
        let differences: [Difference]
        do {
            differences = try newer.proposal.differences(from: older.proposal)
        } catch {
            throw Ending(.usage, "`\(old)` and `\(new)`: \(error)")
        }
        if json {
            return Terminal.result([
                "document": .string(newer.proposal.description),
                "differences": .array(differences.map(\.json)),
            ])
        }
        Terminal.result(
            lines: differences.isEmpty ? ["no difference"] : differences.map(\.description))
    }
}
