import ArgumentParser
import SelatControl
import SelatCore
import SelatCrypto
import SelatFederation

struct RecallAnswer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "answer",
        abstract: "Answer a recall of a dataset that lies here, with an own officer's key.",
        discussion: """
            --destroy agrees: it is destroyed once the hold of 24 hours is over. --refuse
            names the legal ground on which it is kept; it can then be opened again, and
            the sender reads the ground.

            Example:
              selat recall answer 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11 \\
                --refuse "Court order 17/2026 preserves it" --key tran.key \\
                --certificate tran.pem --federation sha256:4f62…
            """)

    @Argument(help: "The transfer's id, as `selat recall list` shows it.")
    var id: TransferID

    @Flag(help: "It is to be destroyed.")
    var destroy = false

    @Option(help: "It is kept, on this legal ground.")
    var refuse: String?

    @Option(help: "The recall's digest, where no daemon is asked.")
    var recall: Digest?

    @Option(help: "The sender, where no daemon is asked.")
    var from: NodeID?

    @Option(help: "The recipient, where no daemon is asked.")
    var to: NodeID?

    @Option(help: "Write the signed answer to this file in place of handing it to the daemon.")
    var out: String?

    @Flag(help: "Ask for no confirmation.")
    var yes = false

    @OptionGroup var own: OfficerKey
    @OptionGroup var client: ClientOptions

    func validate() throws {
        guard destroy == (refuse == nil) else {
            throw ValidationError("say either --destroy or --refuse GROUND")
        }
        let given = [recall != nil, from != nil, to != nil]
        guard Set(given).count == 1 else {
            throw ValidationError("--recall, --from and --to belong together")
        }
        guard recall == nil || out != nil else {
            throw ValidationError("--recall needs --out: the answer is handed in elsewhere")
        }
    }

    func run() async throws {
        let signer = try own.signer()
        let subject = try await subject()
        let words = refuse.map { "you refuse its recall: \($0)" } ?? "you agree to its destruction"
        try RecallWord.confirm(id, "\(id), which \(subject.from) sent: \(words)", yes: yes)
        let statement = SelatFederation.RecallAnswer(
            federation: own.federation, recall: subject.recall, from: subject.from, to: subject.to,
            id: id, decision: refuse == nil ? .destroy : .refuse, ground: refuse,
            issued: SystemClock().now())
        let message: [UInt8]
        do { message = try statement.signed(by: signer) } catch {
            throw Ending(.usage, "\(error)", hint: "nothing was signed")
        }
        try await RecallWord(message: message, statement: statement.json, id: id).hand(
            on: out, client)
    }

    private func subject() async throws -> (recall: Digest, from: NodeID, to: NodeID) {
        if let recall, let from, let to { return (recall, from, to) }
        return try await client.withDaemon { daemon in
            let transfer = try await daemon.getJSON("/v1/transfers/\(id.text)")
            guard transfer.text("direction") == "inbound", let recall = transfer["recall"] else {
                throw Ending(
                    .failed, "no recall of `\(id)` waits for an answer here",
                    hint: "see `selat recall list`")
            }
            return (
                try Digest(recall.text("digest")), try NodeID(transfer.text("peer")),
                try await daemon.node()
            )
        }
    }
}
