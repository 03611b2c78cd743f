import ArgumentParser
import SelatFederation

struct ApproveSign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign",
        abstract: "Show one request, and approve it (what `selat approve ID` does).",
        discussion: """
            Your key and certificate are read here and never reach the daemon. The dataset
            is opened in this process; an officer of the destination decides on its
            description. All that the sender's descriptor says is shown; of what is long,
            the beginning with length and digest. The whole of it is in the first line of
            what `selat approve export` writes.

            Examples:
              selat approve 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11 --key lee.key \\
                --certificate lee.pem --federation sha256:4f62…
              selat approve --request roster.request --key lee.key --certificate lee.pem \\
                --federation sha256:4f62… --out approval.cms
            """)

    @OptionGroup var word: OfficersWord

    @Flag(
        help:
            "Release alone, as emergency officer, a transfer that rests on a declared emergency; a report on it is due within 72 hours."
    )
    var breakGlass = false

    @Flag(
        help:
            "Decide on the description: the dataset is not fetched. For the destination's officers."
    )
    var description = false

    func run() async throws {
        try await word.decide(
            .approve, opensDataset: !description, isBreakGlass: breakGlass)
    }
}
