import ArgumentParser
import SelatControl
import SelatCore
import SelatCrypto
import SelatFederation

struct RecallSign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign",
        abstract: "Recall a dataset with an officer's own key (what `selat recall ID` does).",
        discussion: """
            Your key and certificate are read here and never reach the daemon. With --out,
            --from and --to nothing is asked of a daemon: the signed recall is handed in
            elsewhere.

            Examples:
              selat recall 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11 \\
                --reason "the wrong roster" --key lee.key --certificate lee.pem \\
                --federation sha256:4f62…
              selat recall 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11 \\
                --reason "the wrong roster" --from SG/csa --to VN/mps --out recall.cms \\
                --key lee.key --certificate lee.pem --federation sha256:4f62…
            """)

    @Argument(help: "The transfer's id.")
    var id: TransferID

    @Option(help: "Why: for those who hold it, and for those who audit this later.")
    var reason: String

    @Option(help: "The sender, where no daemon is asked.")
    var from: NodeID?

    @Option(help: "The recipient, where no daemon is asked.")
    var to: NodeID?

    @Option(help: "Write the signed recall to this file in place of handing it to the daemon.")
    var out: String?

    @Flag(help: "Ask for no confirmation.")
    var yes = false

    @OptionGroup var own: OfficerKey
    @OptionGroup var client: ClientOptions

    func validate() throws {
        guard (from == nil) == (to == nil) else {
            throw ValidationError("--from and --to belong together")
        }
        guard from == nil || out != nil else {
            throw ValidationError("--from and --to need --out: the recall is handed in elsewhere")
        }
    }

    func run() async throws {
        let signer = try own.signer()
        let ends = try await ends()
        try RecallWord.confirm(
            id, "you recall \(id), which \(ends.from) sent to \(ends.to): \(reason)", yes: yes)
        let statement = RecallStatement(
            federation: own.federation, from: ends.from, to: ends.to, id: id, reason: reason,
            issued: SystemClock().now())
        let message: [UInt8]
        do { message = try statement.signed(by: signer) } catch {
            throw Ending(.usage, "\(error)", hint: "nothing was signed")
        }
        try await RecallWord(message: message, statement: statement.json, id: id).hand(
            on: out, client)
    }

    private func ends() async throws -> (from: NodeID, to: NodeID) {
        if let from, let to { return (from, to) }
        return try await client.withDaemon { daemon in
            let transfer = try await daemon.getJSON("/v1/transfers/\(id.text)")
            guard transfer.text("direction") == "outbound" else {
                throw Ending(
                    .failed, "`\(id)` was not sent from here",
                    hint: "its sender's officers recall it; `selat recall answer` answers them")
            }
            return (try await daemon.node(), try NodeID(transfer.text("peer")))
        }
    }
}
