import ArgumentParser
import SelatCore
import SelatCrypto
import SelatFederation

struct StatementDeclare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "declare",
        abstract: "Declare an emergency with an emergency officer's own key; needs no daemon.",
        discussion: """
            It opens only the rules that name an emergency, and lifts none of the
            language's own. It ends by itself, at most 72 hours from now. Hand it to the
            node with `selat statement add`; it cannot be taken back, only left to end.

            Example:
              selat statement declare --from VN/mps --to SG --to TH --hours 48 \\
                --reference 2026/17 --reason "Typhoon, province of Quang Ninh" \\
                --key tran.key --certificate tran.pem --federation sha256:4f62… \\
                --out typhoon.cms
            """)

    @Option(help: "The node that sends, such as VN/mps.")
    var from: NodeID

    @Option(help: "A country to whose nodes it may send. Repeatable.")
    var to: [Country]

    @Option(help: "How long it lasts: 1 to 72 hours.")
    var hours: Int

    @Option(help: "The reference under which the emergency is filed.")
    var reference: String

    @Option(help: "Why: for the recipient, and for the report that is owed afterwards.")
    var reason: String

    @OptionGroup var officer: OfficerOptions

    func validate() throws {
        try (1...72).require(hours, of: "--hours")
        guard !to.isEmpty, Set(to).count == to.count else {
            throw ValidationError("--to names no country, or one twice")
        }
    }

    func run() async throws {
        let now = SystemClock().now()
        try officer.sign(
            .declaration(
                OfficerStatement.Declaration(
                    federation: officer.own.federation, from: from, to: Set(to),
                    reference: reference, reason: reason, issued: now,
                    until: now + Int64(hours) * 3_600)))
    }
}
