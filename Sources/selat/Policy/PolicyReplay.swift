import ArgumentParser
import SelatControl
import SelatCore
import SelatCrypto
import SelatPolicy

struct PolicyReplay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Judge the node's real transfers again under draft files.",
        discussion: """
            Takes the verdicts of the log, of what was sent and of what was received, and
            shows which would end otherwise, and why. A draft is judged as if it were in
            force and signed. What was refused to a sender elsewhere is not in the log
            with its facts, nor is what was erased.

            Exit status: 0 shown; 2 a change that --fail-on names; 78 the draft is not
            valid.

            Examples:
              selat policy replay --since 90d Policies
              selat policy replay --since 1d --fail-on newly-permitted \\
                --fail-on newly-refused Policies
            """)

    @Argument(help: "The folder with the draft: a whole set of policy files.")
    var directory: String

    @Option(help: "How far back: 90d, 12h.")
    var since: String = "90d"

    @Option(help: "End with 2 if there is such a change. Repeatable.")
    var failOn: [Replay.Change] = []

    @OptionGroup var client: ClientOptions

    /// Kinds of entries that hold a verdict's record, and under which key.
    private static let kinds = [
        ("transfer.permitted", "verdict"), ("transfer.refused", "verdict"),
        ("transfer.incomplete", "verdict"), ("transfer.received", "import"),
    ]

    private struct Judged {
        let time: String
        let transfer: String
        let isImport: Bool
        let replay: Replay
    }

    func run() async throws {
        let draft = try Draft(directory)
        let entries = try await entries()
        var judged: [Judged] = []
        var unreadable = 0
        for (entry, key) in entries {
            guard let record = entry["details"]?[key]?.canonical,
                let replay = try? Replay(
                    record: record, isImport: key == "import",
                    under: try draft.set(for: record), inForceFrom: draft.beginning)
            else {
                unreadable += 1
                continue
            }
            judged.append(
                Judged(
                    time: entry.text("time"), transfer: entry.text("transfer"),
                    isImport: key == "import", replay: replay))
        }
        judged.sort { ($0.time, $0.transfer) < ($1.time, $1.transfer) }
        report(judged, unreadable: unreadable)
        let changes = Set(judged.compactMap(\.replay.change))
        if !changes.isDisjoint(with: failOn) { throw Ending(.refused) }
    }

    // MARK: What was judged

    private func entries() async throws -> [(entry: JSON, key: String)] {
        let start = SystemClock().now() + -(try Span.seconds(since))
        return try await client.withDaemon { daemon in
            var found: [(entry: JSON, key: String)] = []
            for (kind, key) in Self.kinds {
                for entry in try await Self.all(kind, daemon)
                where entry.text("time") >= start.text && entry["details"]?["receipt"] == nil {
                    found.append((entry, key))
                }
            }
            return found
        }
    }

    /// Every entry of a kind, a thousand at a time.
    private static func all(_ kind: String, _ daemon: ControlClient) async throws -> [JSON] {
        var entries: [JSON] = []
        var after = ""
        while true {
            let answer = try await daemon.getJSON(
                "/v1/audit/entries?kind=\(kind)&limit=1000\(after)")
            let page = answer["entries"]?.arrayValue ?? []
            entries += page
            guard page.count == 1_000, let last = page.last else { return entries }
            after = "&after=\(last.text("sequence"))"
        }
    }

    // MARK: What is shown

    private func report(_ judged: [Judged], unreadable: Int) {
        let changed = judged.filter { $0.replay.change != nil }
        if client.json {
            return Terminal.result([
                "judged": .integer(Int64(judged.count)),
                "without_facts": .integer(Int64(unreadable)),
                "changes": .array(changed.map(Self.document)),
            ])
        }
        for one in changed {
            let change = one.replay.change?.rawValue ?? ""
            Terminal.result(
                "\(one.time)  \(one.transfer)  \(one.isImport ? "received" : "sent")  \(change): "
                    + "\(one.replay.was.rawValue), would be \(one.replay.now.rawValue)")
            for line in one.replay.because { Terminal.result("  \(line)") }
        }
        Terminal.note(
            "\(judged.count) judged again, \(changed.count) would end otherwise"
                + (unreadable == 0 ? "" : ", \(unreadable) have no facts any more"))
    }

    private static func document(_ one: Judged) -> JSON {
        [
            "transfer": .string(one.transfer), "time": .string(one.time),
            "direction": .string(one.isImport ? "inbound" : "outbound"),
            "change": .string(one.replay.change?.rawValue ?? ""),
            "was": .string(one.replay.was.rawValue), "now": .string(one.replay.now.rawValue),
            "because": .strings(one.replay.because),
        ]
    }
}

extension Replay.Change: ExpressibleByArgument {}

/// Draft files as a set, for federations of these or those members.
private final class Draft {
    private let files: [PolicySource]
    private let heads: [EditionHead]
    private var sets: [Set<Country>: PolicySet] = [:]
    /// When the last file comes into force.
    let beginning: Timestamp

    init(_ directory: String) throws {
        files = try PolicyFolder.read(directory)
        heads = try files.map { try EditionHead($0) }
        beginning = heads.map(\.inForce).max() ?? Timestamp(seconds: 0)
        // What is wrong with it is said before anything is asked.
        _ = try PolicySet.load(files: files)
    }

    /// The set in which those instruments count that all their parties could sign.
    func set(for record: [UInt8]) throws -> PolicySet {
        let members = Set(try Question(record: record).sectors.keys)
        if let set = sets[members] { return set }
        let signed = heads.flatMap { $0.instruments(among: members) }
        let set = try PolicySet.load(files: files, signed: Set(signed))
        sets[members] = set
        return set
    }
}
