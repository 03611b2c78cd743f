import ArgumentParser
import SelatCore
import SelatCrypto

struct IDVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "id",
        abstract: "Print a fresh id for `selat send --id`.",
        discussion: """
            Keep it before you send: a script that was interrupted runs the same command
            again, with the same id, and nothing is sent twice. It is good for five
            minutes; once something was sent under it, for ever.

            Example:
              id=$(selat id)
              selat send gauges.csv --to VN/mps --purpose selat:EarlyWarning \\
                --label unclassified --personal-data no --id "$id"
            """)

    func run() {
        Terminal.result(lines: [TransferID(madeAt: SystemClock().now(), SystemEntropy()).text])
    }
}
