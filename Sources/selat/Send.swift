import ArgumentParser
import Foundation
import HTTPTypes
import NIOCore
import SelatControl
import SelatCore
import SelatCrypto
import SelatHTTP
import SelatPolicy

/// What `send` and `check` ask for.
struct TransferOptions: ParsableArguments {
    @Argument(help: "The dataset: a file, or a folder with sub-folders.")
    var path: String

    @Option(help: "The node that shall receive it, such as VN/mps.")
    var to: NodeID

    @Option(
        help: "What the recipient may use it for, a term such as selat:EarlyWarning. Repeatable.")
    var purpose: [String]

    @Option(help: "Classification: unclassified, restricted, confidential, secret or top-secret.")
    var label: Classification

    @Option(help: "Whether the dataset holds personal data: yes or no.")
    var personalData: YesNo

    @Option(
        help: "More facts: a JSON file such as {\"records\": 120, \"subjects\": [\"dpv:Citizen\"]}."
    )
    var facts: String?

    @Option(help: "Traffic Light Protocol (default TLP:AMBER).")
    var tlp: TLP = .amber

    @Option(help: "Countries to which it is released (default: the recipient's). Repeatable.")
    var releasableTo: [Country] = []

    @Option(help: "The national marking, verbatim, such as \"Official (Closed)\".")
    var marking: String?

    @Option(
        help: "The legal ground relied on, such as SG/consent (default: the first that applies).")
    var ground: String?

    @Option(
        help:
            "A received transfer that the dataset derives from: what was owed for it goes on. As CC/node:ID where two senders have used the id. Repeatable."
    )
    var derivedFrom: [TransferReference] = []

    @Option(help: "The reference of a declared emergency that this transfer relies on.")
    var emergency: String?

    @Option(help: "A name for transfers that hold the same persons, such as relief-2026.")
    var series: Series?

    @Option(help: "A title for the dataset.")
    var title: String?

    @Option(help: "flash, immediate, priority or routine.")
    var precedence: Precedence = .routine

    @Option(help: "How long the transfer lives: 90s, 15m, 72h, 7d; at most 30d.")
    var expires: String = "7d"

    func request(for dataset: DatasetFolder) throws -> SendRequest {
        var facts = try FactsFile.read(self.facts)
        facts["personal-data"] = Fact(.flag(personalData == .yes), .stated)
        facts["purpose"] = Fact(.set(Set(purpose)), .stated)
        let label = Label(
            classification: label, releasableTo: releasableTo.isEmpty ? [to.country] : releasableTo,
            tlp: tlp, marking: marking)
        let life = try Span.seconds(expires)
        guard (1...Limits.envelopeLifeSecondsMax).contains(life) else {
            throw Ending(.usage, "--expires `\(expires)`: a transfer lives from 1s to 30d")
        }
        return SendRequest(
            to: to, label: label, facts: facts, ground: ground, title: title,
            precedence: precedence, lifeSeconds: life,
            dataset: try dataset.dataPackage(title: title), series: series,
            derivedFrom: derivedFrom, emergency: emergency)
    }
}

struct Send: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Judge, seal and send a dataset.",
        discussion: """
            The dataset is judged first; where the answer is no, nothing of it is sealed
            or sent. Once an id is printed, the transfer ends in exactly one outcome, also
            through crashes. With --id the same command can be run again, also after no
            answer came: what was taken is shown, and not sent twice; what was broken off
            within the last ten minutes is sent from its beginning.

            Examples:
              selat send gauges.csv --to VN/mps --purpose selat:EarlyWarning \\
                --label unclassified --personal-data no
              selat send relief/ --to SG/csa --purpose selat:HumanitarianAssistance \\
                --label restricted --personal-data yes --facts facts.json \\
                --precedence flash --wait
            """)

    @OptionGroup var transfer: TransferOptions
    @OptionGroup var client: ClientOptions

    @Flag(help: "Wait until the transfer has ended.")
    var wait = false

    @Option(help: "With --wait: give up waiting after this long; the transfer goes on.")
    var timeout: String = "1h"

    @Option(help: "An id of your own, made by `selat id`; one that is known is shown.")
    var id: TransferID?

    func run() async throws {
        let patience = try Span.seconds(timeout)
        let dataset = try DatasetFolder(transfer.path)
        var request = try transfer.request(for: dataset)
        request.id = id
        if dataset.size <= UInt64(Limits.payloadWithRequestBytesMax) {
            request.payload = try DatasetReader.whole(dataset)
        }
        try await client.withDaemon { [request] daemon in
            let (begun, isKnown) = try await begin(request, daemon)
            let id = try begunID(begun)
            let sealed: JSON
            do {
                let isSealed = request.payload != nil || isKnown
                sealed = isSealed ? begun : try await seal(id, dataset, daemon)
            } catch let fault as HTTPFault {
                throw Ending(
                    .unreachable, "the daemon went away while `\(id)` was sealed: \(fault)",
                    hint: "once it runs again, see `selat show \(id)`: what was not sealed whole is"
                        + " cancelled, and can be sent anew")
            }
            if sealed["state"] == "waiting", !wait {
                report(sealed, verdict: begun["verdict"])
                throw Ending(
                    .notYet, "`\(id)` waits for an approval",
                    hint: "officers see it with `selat approve list`, and sign with "
                        + "`selat approve \(id)`")
            }
            // What was taken just now is under way.
            let hasEnded = isKnown && sealed["ended"] == true
            guard wait, !hasEnded else {
                report(sealed, verdict: begun["verdict"])
                return hasEnded ? try finish(sealed) : ()
            }
            if !client.json {
                Terminal.note("\(id)  sealed, \(Quantity.bytes(dataset.size)) of files; waiting")
            }
            let ended: JSON
            do {
                ended = try await daemon.ended(id, patienceSeconds: patience)
                report(
                    client.json ? try await daemon.getJSON("/v1/transfers/\(id)") : ended,
                    verdict: begun["verdict"])
            } catch let fault as HTTPFault {
                report(sealed, verdict: begun["verdict"])
                throw Ending(
                    .notYet, "the daemon went away: \(fault); `\(id)` is sealed",
                    hint: "it goes on once the daemon runs again; see `selat show \(id)`")
            }
            try finish(ended)
        }
    }

    /// Asks for the transfer, a small dataset with it: that is sealed with the answer.
    private func begin(
        _ request: SendRequest, _ daemon: ControlClient
    ) async throws -> (begun: JSON, isKnown: Bool) {
        // Without its payload it waits for nobody.
        let turn = request.payload.map { _ in TurnNotice() }
        defer { turn?.finish() }
        do {
            return (try await daemon.post("/v1/transfers", request.json), false)
        } catch let problem as Problem where problem.type == Self.knownTransferType {
            guard let id else { throw problem }
            return (try await known(id, request, daemon), true)
        } catch let fault as HTTPFault {
            guard let id else { throw fault }
            if case .unreachable = fault { throw fault }
            throw Ending(
                .unreachable, "the daemon went away while `\(id)` was sent: \(fault)",
                hint: "once it runs again, run the same command with `--id \(id)` again")
        }
    }

    private static let knownTransferType = "urn:selat:problem:known-transfer"

    /// What an earlier call has sent under this id.
    private func known(
        _ id: TransferID, _ request: SendRequest, _ daemon: ControlClient
    ) async throws -> JSON {
        let transfer = try await daemon.getJSON("/v1/transfers/\(id)")
        let same = ["peer": JSON.string(request.to.text), "label": request.label.json]
        guard transfer["direction"] == "outbound",
            same.allSatisfy({ transfer[$0.key] == $0.value }),
            transfer["dataset"]?["resources"] == request.dataset["resources"]
        else {
            throw Ending(
                .failed, "`\(id)` is another transfer; nothing was sent",
                hint: "see `selat show \(id)`; each dataset takes an id of its own: `selat id`")
        }
        switch transfer["state"] {
        case "sealing":
            throw Ending(
                .notYet, "another call has begun `\(id)` and seals it; nothing was sent now",
                hint: "where that is broken off, run the very same command again within ten"
                    + " minutes")
        case "cancelled":
            let cause = transfer["cause"]?.stringValue.map { ": \($0)" } ?? ""
            throw Ending(
                .refused, "`\(id)` was cancelled before\(cause); nothing was sent now",
                hint: "what is to be sent after all takes another id: `selat id`")
        default: break
        }
        if !client.json { Terminal.note("`\(id)` was sent before; nothing was sent now") }
        return transfer
    }

    /// The id of what is permitted.
    /// - Throws: `Ending` where the verdict does not permit, after having printed it.
    private func begunID(_ begun: JSON) throws -> String {
        guard begun["verdict"]?["outcome"] == "permitted", let id = begun["id"]?.stringValue else {
            report(begun, verdict: begun["verdict"])
            throw VerdictText.ending(begun["verdict"])
        }
        return id
    }

    private func seal(
        _ id: String, _ dataset: DatasetFolder, _ daemon: ControlClient
    ) async throws -> JSON {
        let turn = TurnNotice()
        if let opened = try OpenedDataset(dataset),
            let files = FileHandover(opened.descriptors, control: client.path)
        {
            let progress = HandoverProgress("sealing", total: dataset.size, of: files) {
                turn.taken()
            }
            defer {
                progress.finish()
                turn.finish()
            }
            return try JSON(
                parsing: try await daemon.send(.put, "/v1/transfers/\(id)/payload", with: files))
        }
        var reader = DatasetReader(dataset)
        var progress = Progress("sealing", total: dataset.size)
        defer {
            progress.finish()
            turn.finish()
        }
        return try await daemon.put("/v1/transfers/\(id)/payload", length: dataset.size) {
            turn.taken()
            guard let piece = try reader.next() else { return nil }
            progress.advance(by: piece.readableBytes)
            return piece
        }
    }

    private func report(_ transfer: JSON, verdict: JSON?) {
        if client.json {
            var members = transfer.objectValue ?? [:]
            members["verdict"] = verdict
            Terminal.result(.object(members))
            return
        }
        if let verdict { Terminal.result(lines: VerdictText.lines(verdict)) }
        if let id = transfer["id"]?.stringValue, let state = transfer["state"]?.stringValue {
            let cause = transfer["cause"]?.stringValue.map { ": \($0)" } ?? ""
            Terminal.result(lines: ["\(id)  \(state)\(cause)"])
        }
    }

    private func finish(_ transfer: JSON) throws {
        switch transfer["state"]?.stringValue {
        case "delivered": return
        case "refused", "cancelled": throw Ending(.refused)
        case "expired", "unconfirmed": throw Ending(.failed)
        default:
            throw Ending(
                .notYet, "still \(transfer["state"]?.stringValue ?? "under way") after \(timeout)",
                hint: "it goes on; see `selat show \(transfer["id"]?.stringValue ?? "ID")`")
        }
    }
}

struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Show the verdict on a transfer, explained, and send nothing.",
        discussion: """
            Takes what `send` takes. Exit status: 0 permitted, 2 refused, 4 facts are
            missing.

            Example:
              selat check roster.csv --to VN/mps --purpose dpv:ScientificResearch \\
                --label unclassified --personal-data yes --facts facts.json
            """)

    @OptionGroup var transfer: TransferOptions
    @OptionGroup var client: ClientOptions

    func run() async throws {
        let request = try transfer.request(for: try DatasetFolder(transfer.path))
        let answer = try await client.withDaemon { try await $0.post("/v1/verdicts", request.json) }
        if client.json {
            Terminal.result(answer)
        } else if let verdict = answer["verdict"] {
            Terminal.result(lines: VerdictText.lines(verdict))
        }
        guard answer["verdict"]?["outcome"] != "permitted" else { return }
        throw VerdictText.ending(answer["verdict"])
    }
}

extension ControlClient {
    /// Where a transfer stands once it has ended, or when patience is over.
    func ended(_ id: String, patienceSeconds: Int64) async throws -> JSON {
        let deadline = ContinuousClock.now + .seconds(patienceSeconds)
        while true {
            let left = max(0, Int((deadline - .now) / .seconds(1)))
            // Longer than it was asked to wait a daemon is silent only where it hangs.
            let transfer = try await getJSON(
                "/v1/transfers/\(id)/state?wait_seconds=\(min(left, 60))")
            if transfer["ended"] == true || ContinuousClock.now >= deadline { return transfer }
        }
    }
}

/// A verdict for people.
enum VerdictText {
    static func lines(_ verdict: JSON) -> [String] {
        var lines = ["verdict: \(verdict["outcome"]?.stringValue ?? "unknown")"]
        lines += texts(verdict, "summary").map { "  \($0)" }
        lines += texts(verdict, "reasons").map { "  because \($0)" }
        return lines
    }

    private static func texts(_ verdict: JSON, _ key: String) -> [String] {
        (verdict[key]?.arrayValue ?? []).compactMap(\.stringValue)
    }

    static func ending(_ verdict: JSON?) -> Ending {
        switch verdict?["outcome"]?.stringValue {
        case "incomplete":
            Ending(.notYet, "facts are missing; nothing was sent", hint: "state them with --facts")
        case "refused": Ending(.refused, "the answer is no; nothing was sent")
        default: Ending(.failed, "the daemon gave no verdict")
        }
    }
}
