import Hummingbird
import SelatCore

/// The newest transfers.
struct TransfersPage: ConsolePageContent {
    private let transfers: [JSON]
    private let direction: Direction?
    let title = "Transfers"

    private enum Direction: String, CaseIterable { case outbound, inbound, relayed }

    init(_ source: ConsoleSource, _ request: Request) async throws {
        direction = request.uri.queryParameters["direction"].flatMap {
            Direction(rawValue: String($0))
        }
        let filter = direction.map { "&direction=\($0.rawValue)" } ?? ""
        transfers = try await source.get("/v1/transfers?limit=200\(filter)")[0].array("transfers")
    }

    var body: Html {
        let choices: [Html] =
            [.link("in and out", Address("transfers"))]
            + Direction.allCases.map {
                .link($0.rawValue, Address("transfers", query: ["direction": $0.rawValue]))
            }
        var table = HtmlTable(
            direction.map { "The newest, \($0.rawValue)" } ?? "The newest, in and out",
            ["transfer", "way", "state", "title", "precedence", "size", "created"],
            whenEmpty: "There are none.")
        for transfer in transfers {
            table.add(
                .transfer(transfer.text("id")), Html(Self.way(transfer)),
                .state(transfer.text("state")), Html(transfer.text("title")),
                Html(transfer.text("precedence")), Html(transfer.size("size_bytes")),
                .time(transfer.text("created")))
        }
        return Html([
            .element(.h1, [], "Transfers"),
            .element(.nav, [.label("Direction")], .list(choices)), table.html,
        ])
    }

    static func way(_ transfer: JSON) -> String {
        switch transfer.text("direction") {
        case "inbound": "from \(transfer.text("peer"))"
        case "relayed": "\(transfer.text("from")) to \(transfer.text("to"))"
        default: "to \(transfer.text("peer"))"
        }
    }
}

/// One transfer with its timeline.
struct TransferPage: ConsolePageContent {
    private let transfer: JSON
    private let id: TransferID

    init(_ source: ConsoleSource, _ id: TransferID) async throws {
        self.id = id
        transfer = try await source.get("/v1/transfers/\(id.text)")[0]
    }

    var title: String { "Transfer \(id.text)" }

    var body: Html {
        Html([
            .element(
                .h1, [], Html(transfer["title"] == nil ? "Transfer" : transfer.text("title"))),
            facts, approvals, timeline, verdict, receipts, debts, dataset,
        ])
    }

    private var facts: Html {
        func text(_ key: String) -> Html? {
            transfer[key] == nil ? nil : Html(transfer.text(key))
        }
        return .facts([
            ("id", .code(id.text)), ("state", .state(transfer.text("state"))),
            ("cause", text("cause")), ("way", Html(TransfersPage.way(transfer))),
            (
                "route",
                transfer["route"].map { _ in
                    Html(transfer.strings("route").joined(separator: " → "))
                }
            ),
            ("label", .label(transfer["label"])), ("precedence", text("precedence")),
            ("size", Html(transfer.size("size_bytes"))), ("suite", text("suite_name")),
            ("created", .time(transfer.text("created"))),
            ("expires", .time(transfer.text("expires"))),
            (
                "to be destroyed by",
                transfer["destroy_by"] == nil ? nil : .time(transfer.text("destroy_by"))
            ),
            ("envelope", transfer["envelope"] == nil ? nil : .code(transfer.text("envelope"))),
        ])
    }

    private var timeline: Html {
        let entries = transfer.array("timeline").map { entry in
            Html.element(
                .li, [], .time(entry.text("time")), .element(.strong, [], Html(entry.text("kind"))),
                " by \(entry.text("actor")), ", .entry(entry),
                entry["witnessed"] == true ? ", witnessed" : ", not witnessed yet")
        }
        return .section("Timeline", .element(.ol, [.class("timeline")], entries))
    }

    private var approvals: Html {
        guard let approvals = transfer["approvals"] else { return .nothing }
        return .section("Approvals", ApprovalsPage.standing(approvals, id: id.text))
    }

    private var verdict: Html {
        guard let verdict = transfer["verdict"] else { return .nothing }
        return .section(
            "Verdict: \(verdict.text("outcome"))",
            .list(verdict.strings("summary").map { Html($0) }),
            .facts([("digest", .code(verdict.text("digest")))]))
    }

    private var receipts: Html {
        let receipts = ReceiptText.all(of: transfer)
        guard !receipts.isEmpty else { return .nothing }
        return .section(
            "Receipts",
            .list(
                receipts.map { receipt in
                    Html([
                        "\(receipt.text("kind")), signed by \(receipt.text("signer")) at ",
                        .time(receipt.text("time")),
                        ", entry \(receipt.text("entry")) of its log, ",
                        .state(receipt.text("standing")),
                        receipt["distrust"] == nil ? .nothing : ": \(receipt.text("distrust"))",
                    ])
                }))
    }

    private var debts: Html {
        let debts = transfer.array("debts")
        guard !debts.isEmpty else { return .nothing }
        return .section(
            "Reports owed",
            .list(
                debts.map { debt in
                    Html(debt.text("obligation"))
                        + (debt["due"] == nil
                            ? ", once there is `\(debt.text("event"))`"
                            : ", due " + .time(debt.text("due")))
                }))
    }

    private var dataset: Html {
        guard let dataset = transfer["dataset"] else { return .nothing }
        var table = HtmlTable("Files", ["path", "type", "size"], whenEmpty: "None.")
        for resource in dataset.array("resources").prefix(1_000) {
            table.add(
                .code(resource.text("path")), Html(resource.text("mediatype")),
                Html(resource.size("bytes")))
        }
        return table.html
    }
}

/// What waits for officers: to read. Signing stays with the officer's own key.
struct ApprovalsPage: ConsolePageContent {
    private let approvals: [JSON]
    let title = "Approvals"

    init(_ source: ConsoleSource) async throws {
        approvals = try await source.get("/v1/approvals?limit=1000")[0].array("approvals")
    }

    var body: Html {
        let waiting = approvals.map { approval in
            Html.section(
                approval["title"] == nil
                    ? "To \(approval.text("peer"))"
                    : "\(approval.text("title")), to \(approval.text("peer"))",
                .facts([
                    ("transfer", .transfer(approval.text("id"))),
                    ("label", .label(approval["label"])),
                    ("size", Html(approval.size("size_bytes"))),
                    ("expires", .time(approval.text("expires"))),
                ]),
                Self.standing(approval, id: approval.text("id")))
        }
        return .element(.h1, [], "Waiting for officers")
            + .paragraph(
                "An approval is a signature by an officer's own key, made with `selat approve` where "
                    + "the key is. Nothing is signed here.")
            + (waiting.isEmpty ? .paragraph("Nothing waits.") : Html(waiting))
    }

    /// What is owed, who has spoken, and the command that is next.
    static func standing(_ standing: JSON, id: String) -> Html {
        let owed = standing.array("owed").map { owed in
            Html("\(owed.text("count")) × \(owed.text("role")) of the \(owed.text("side"))")
        }
        let given = standing.array("given").map { given in
            guard given["decision"] != nil else {
                return Html("a word that cannot be read: \(given.text("fault"))")
            }
            return Html(
                "\(given.text("decision")) by \(given["officer"] == nil ? "a signature that is not good any more" : given.text("officer")) "
                    + "as \(given.text("role")): \(given.text("reason"))"
                    + (given["fault"] == nil ? "" : " (does not count: \(given.text("fault")))"))
        }
        guard !owed.isEmpty else { return .list(given) }
        return .element(.h3, [], "Owed") + .list(owed)
            + (given.isEmpty ? .nothing : .element(.h3, [], "Given") + .list(given))
            + .element(
                .pre, [],
                .lines(
                    "selat approve \(id) --key OFFICER.key --certificate OFFICER.pem --federation sha256:…"
                ))
    }
}
