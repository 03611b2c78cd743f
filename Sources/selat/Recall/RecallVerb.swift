import ArgumentParser
import NIOCore
import SelatControl
import SelatCore
import SelatCrypto

struct Recall: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recall",
        abstract:
            "Have a dataset back: an officer of the sender asks, one of the recipient answers.",
        discussion: """
            `selat recall ID` signs with an officer's own key and hands the recall to the
            node. What has not left whole is cancelled. Else the recipient's node makes
            the dataset unopenable at once, and says in a signed receipt which copies that
            does not reach. It is destroyed after 24 hours where a retention duty has it
            destroyed anyway, or once an officer there agrees; an officer there may refuse
            with a legal ground.

            Where no link leads there, `selat recall export` writes the recall for whoever
            carries it, and `selat recall add` takes it at the recipient.
            """,
        subcommands: [
            RecallSign.self, RecallList.self, RecallAnswer.self, RecallAdd.self,
            RecallExport.self,
        ],
        defaultSubcommand: RecallSign.self)
}

extension ControlClient {
    /// Hands a signed recall, or an answer to one, to the daemon.
    func hand(inRecall message: [UInt8]) async throws -> JSON {
        try await post("/v1/recalls", ["statement": .string(Base64.encode(message))])
    }

    /// The name of the node itself.
    func node() async throws -> NodeID {
        try NodeID(try await getJSON("/v1/status").text("node"))
    }
}

/// What is signed about a recall, and where it goes then.
struct RecallWord {
    let message: [UInt8]
    let statement: JSON
    let id: TransferID

    /// Writes it where it is to be carried elsewhere, else hands it in.
    func hand(on out: String?, _ client: ClientOptions) async throws {
        guard let out else {
            let answer = try await client.withDaemon { try await $0.hand(inRecall: message) }
            if client.json { return Terminal.result(answer) }
            return Terminal.result(RecallText.line(answer))
        }
        let file = try ExportedFile(out)
        try file.write(ByteBuffer(bytes: message))
        try file.publish()
        guard !client.json else {
            return Terminal.result([
                "path": .string(out), "statement": statement,
                "digest": .string(SHA256.digest(message).text),
            ])
        }
        Terminal.result("\(out): signed; hand it in with `selat recall add \(out)`")
    }

    /// Asks the one who signs, unless the flag says not to.
    static func confirm(_ id: TransferID, _ words: String, yes: Bool) throws {
        Terminal.note(lines: [words])
        guard !yes else { return }
        try Prompt.confirm(
            "the last six characters of the transfer's id", is: String(id.text.suffix(6)))
    }
}

/// A recall in words.
enum RecallText {
    /// What became of it, in one line.
    static func line(_ recall: JSON) -> String {
        Terminal.plain(
            "\(recall.text("id"))  recalled by \(recall.text("officer")): \(recall.text("reason")); "
                + standing(recall))
    }

    static func standing(_ recall: JSON) -> String {
        var words = "it is \(recall.text("state"))"
        let said = (recall["answers"]?.arrayValue ?? []).compactMap(\.stringValue)
        if ["outbound", "relayed"].contains(recall.text("direction")) {
            words = said.isEmpty ? words : "its recipient says: \(said.joined(separator: ", "))"
            // Whether an officer there agreed to that is told with its destruction.
            if said.last == "recalled", recall["hold_until"] != nil {
                words += ", and may destroy it from \(recall.text("hold_until")) on"
            }
        } else if recall.text("state") == "recalled" {
            words += ", and may be destroyed from \(recall.text("hold_until")) on"
            if recall["ordered"] != true, recall["decision"] == nil {
                words += "; an own officer must agree or refuse"
            }
        }
        if let cause = recall["cause"]?.stringValue { words += "; it is not there yet: \(cause)" }
        if let decision = recall["decision"]?.stringValue { words += "; answered: \(decision)" }
        return words
    }

    /// What `selat show` prints of it.
    static func lines(_ recall: JSON?) -> [String] {
        guard let recall else { return [] }
        return [
            Terminal.plain(
                "recalled by \(recall.text("officer")) at \(recall.text("issued")): "
                    + "\(recall.text("reason")); \(standing(recall))")
        ] + onward(recall)
    }

    /// Copies that were sent on and that only an own officer can recall.
    static func onward(_ recall: JSON) -> [String] {
        (recall["onward"]?.arrayValue ?? []).map { copy in
            "sent on to \(copy.text("to")) in \(copy.text("id")): "
                + (copy["recalled"] == true
                    ? "recalled" : "`selat recall \(copy.text("id"))` asks for it back")
        }
    }
}
