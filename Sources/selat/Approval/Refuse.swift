import ArgumentParser
import SelatFederation

struct Refuse: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refuse",
        abstract: "Refuse a release with an officer's own key; that ends the transfer.",
        discussion: """
            A refusal needs a reason, and cannot be taken back: the dataset is destroyed
            here, and whoever wants to send it sends it anew.

            Example:
              selat refuse 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11 \\
                --reason "column 3 names persons" --key lee.key --certificate lee.pem \\
                --federation sha256:4f62…
            """)

    @OptionGroup var word: OfficersWord

    func run() async throws { try await word.decide(.refuse, opensDataset: false) }
}
