import ArgumentParser
import SelatControl
import SelatCore

struct Destroy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "destroy",
        abstract: "Destroy a received dataset for good: its key first, then its bytes.",
        discussion: """
            The sender gets a signed receipt of it, which says what it does not reach:
            what was opened or exported here, what was sent on, and backups until they are
            over. What an officer keeps on a legal ground is destroyed with a --reason
            alone.

            Example:
              selat destroy 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11 \\
                --reason "order 17/2026" --yes
            """)

    @OptionGroup var transfer: TransferArgument

    @Option(help: "Why; it is entered, and the sender reads it.")
    var reason: String?

    @Flag(help: "Ask for no confirmation.")
    var yes = false

    @OptionGroup var client: ClientOptions

    func run() async throws {
        try confirm()
        let request = DestroyRequest(reason: reason)
        let answer = try await client.withDaemon {
            try await $0.post(transfer.path("/destruction"), request.json)
        }
        if client.json { return Terminal.result(answer) }
        Terminal.result(
            (["\(transfer.id.text)  \(answer.text("state"))"] + StoryText.unreached(answer)).joined(
                separator: "\n"))
    }

    private func confirm() throws {
        guard !yes else { return }
        let wanted = String(transfer.id.text.suffix(6))
        let typed = try Prompt.ask(
            "type the last six characters of the transfer's id to destroy it: ", flag: "--yes")
        guard typed == wanted else {
            throw Ending(.refused, "`\(typed)` is not \(wanted): nothing was destroyed")
        }
    }
}

/// What a transfer's recipient has stated about it, in words.
enum StoryText {
    static func lines(_ story: JSON?) -> [String] {
        guard let lines = story?.arrayValue, !lines.isEmpty else { return [] }
        return ["story:"]
            + lines.flatMap { line in
                let reason = line["reason"] == nil ? "" : ": \(line.text("reason"))"
                return [
                    Terminal.plain(
                        "  \(line.text("time"))  \(line.text("kind"))  by \(line.text("signer")), "
                            + "entry \(line.text("entry")) of its log\(reason)")
                ] + unreached(line).map { "    \($0)" }
            }
    }

    /// The copies that a destruction does not reach.
    static func unreached(_ statement: JSON) -> [String] {
        (statement["unreached"]?.arrayValue ?? []).map { copy in
            switch copy.text("copy") {
            case "backup": "not reached: backups until \(copy.text("until"))"
            case "onward": "not reached: sent on to \(copy.text("to")) in \(copy.text("id"))"
            case let way:
                "not reached: \(way) by \(copy.text("by")), \(copy.text("times")) times, last at "
                    + copy.text("last")
            }
        }
    }

    /// What others are still to be told.
    static func owed(_ letters: JSON?) -> [String] {
        (letters?.arrayValue ?? []).map {
            "on its way: \($0.text("kind")) to \($0.text("to")), until \($0.text("until"))"
                + ($0["cause"] == nil
                    ? "" : "; not taken since \($0.text("since")): \($0.text("cause"))")
        }
    }
}
