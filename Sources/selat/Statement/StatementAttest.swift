import ArgumentParser
import SelatCore
import SelatCrypto
import SelatFederation

struct StatementAttest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attest",
        abstract: "Sign, with an officer's own key, that a document is there; needs no daemon.",
        discussion: """
            You must have the role that the policy file names as the document's
            `attested-by`. The paper itself stays with you: only its digest is signed.
            Hand the statement to the node with `selat statement add`; it counts for the
            time that the policy file gives it.

            Example:
              selat statement attest MY:tia --from MY/hub --to SG/csa --paper tia-sg.pdf \\
                --key lee.key --certificate lee.pem --federation sha256:4f62… \\
                --out tia-sg.cms
            """)

    @Argument(help: "The document, as the policy file names it, such as MY:tia.")
    var document: String

    @Option(help: "The node that sends, such as MY/hub.")
    var from: NodeID

    @Option(help: "The node that receives, such as SG/csa.")
    var to: NodeID

    @Option(help: "The paper that you attest: a file.")
    var paper: String

    @OptionGroup var officer: OfficerOptions

    func run() async throws {
        try officer.sign(
            .attestation(
                OfficerStatement.Attestation(
                    federation: officer.own.federation, document: document, from: from, to: to,
                    paper: SHA256.digest(try OfficerKey.bytes(of: paper)),
                    issued: SystemClock().now())))
    }
}
