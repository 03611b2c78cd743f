import ArgumentParser

struct Approve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve",
        abstract: "Show what leaves, and approve its release with an officer's own key.",
        discussion: """
            `selat approve ID` fetches the sealed dataset, checks and opens it in this
            process, shows what it found beside the verdict, asks, and signs here: only
            the signature leaves. The same on another machine: `export`, `approve
            --request FILE --out FILE`, `add`.
            """,
        subcommands: [
            ApproveSign.self, ApproveList.self, ApproveExport.self, ApproveAdd.self,
            ApproveReport.self,
        ], defaultSubcommand: ApproveSign.self)
}
