import Hummingbird
import SelatCore

/// The newest entries of the audit log, and what proves them.
struct AuditPage: ConsolePageContent {
    private let status: JSON
    private let entries: [JSON]
    private let kind: String
    let title = "Audit log"

    init(_ source: ConsoleSource, _ request: Request) async throws {
        kind = request.uri.queryParameters["kind"].map(String.init) ?? ""
        // Only what the daemon's reader takes goes on.
        let isKind = !kind.isEmpty && kind.wholeMatch(of: #/[a-z][a-z0-9.-]{0,63}/#) != nil
        let filter = isKind ? "&kind=\(kind)" : ""
        let answers = try await source.get(
            "/v1/status", "/v1/audit/entries?newest=yes&limit=200\(filter)")
        status = answers[0]
        entries = answers[1].array("entries").reversed()
    }

    var body: Html {
        let kinds = ["transfer", "approval", "policy", "membership", "keys", "witness", "receipt"]
        let choices: [Html] =
            [.link("all", Address("audit"))]
            + kinds.map { .link($0, Address("audit", query: ["kind": $0])) }
        return Html([
            .element(.h1, [], "Audit log"), proof,
            .element(.nav, [.label("Kind")], .list(choices)), table,
        ])
    }

    private var proof: Html {
        let log = status["log"] ?? [:]
        let findings = log.array("findings").map {
            "\($0.text("node")): \($0.text("finding")), \($0.text("detail"))"
        }
        return Html([
            .warnings(findings),
            .facts([
                ("standing", .state(log.text("standing"))), ("entries", Html(log.text("size"))),
                ("witnessed", "\(log.text("witnessed")), \(log.text("unwitnessed")) not yet"),
                ("quorum", log["quorum"] == nil ? nil : "\(log.text("quorum")) countries"),
                ("root", .code(log.text("root"))), ("key", .code(log.text("key"))),
            ]),
            .paragraph(
                "Verify it without trust in this machine: ", .code("selat audit export"), ", ",
                .code("selat audit verify"), "."),
        ])
    }

    private var table: Html {
        var table = HtmlTable(
            "The newest entries", ["entry", "time", "kind", "actor", "transfer", "proof"],
            whenEmpty: "There are none.")
        for entry in entries {
            table.add(
                .link(entry.text("sequence"), Address("audit", entry.text("sequence"))),
                .time(entry.text("time")), Html(entry.text("kind")), Html(entry.text("actor")),
                entry["transfer"] == nil ? .nothing : .transfer(entry.text("transfer")),
                entry["witnessed"] == true ? .state("witnessed") : .state("signed here alone"))
        }
        return table.html
    }
}

/// One entry with its details and its proof.
struct EntryPage: ConsolePageContent {
    private let entry: JSON
    private let sequence: UInt64

    init(_ source: ConsoleSource, _ sequence: UInt64) async throws {
        self.sequence = sequence
        entry = try await source.get("/v1/audit/entries/\(sequence)")[0]
    }

    var title: String { "Entry \(sequence)" }

    var body: Html {
        let details: Html =
            entry["details"].map { .element(.pre, [], .lines($0.pretty)) }
            ?? .paragraph(
                entry["erased_by"] == nil
                    ? "The details are missing."
                    : "The details were erased, as entry \(entry.text("erased_by")) says.")
        return Html([
            .element(.h1, [], "Entry \(sequence): \(entry.text("kind"))"),
            .facts([
                ("time", .time(entry.text("time"))), ("actor", Html(entry.text("actor"))),
                ("transfer", entry["transfer"].map { _ in .transfer(entry.text("transfer")) }),
                ("commitment", .code(entry.text("commitment"))),
                ("leaf", .code(entry.text("leaf"))),
                (
                    "proof",
                    entry["proof"] == nil
                        ? "no checkpoint covers it yet"
                        : entry["witnessed"] == true
                            ? .state("witnessed") : "signed by this node, not yet by its witnesses"
                ),
            ]),
            .section("Details", details),
            entry["proof"]?.stringValue.map {
                .section("Proof", .element(.pre, [], .lines($0)))
            } ?? .nothing,
        ])
    }
}
