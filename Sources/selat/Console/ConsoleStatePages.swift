import Hummingbird
import SelatCore
import SelatCrypto

/// The moment in UTC, as the machine has it.
enum SystemTime {
    static var now: String { SystemClock().now().text }
}

/// How the node stands, on one page.
struct OverviewPage: ConsolePageContent {
    private let status: JSON
    private let approvals: [JSON]

    init(_ source: ConsoleSource) async throws {
        let answers = try await source.get("/v1/status")
        status = answers[0]
        approvals =
            status["state"] == "ready"
            ? try await source.get("/v1/approvals?limit=1000")[0].array("approvals") : []
    }

    var title: String { status.text("node") }

    var body: Html {
        Html([
            .element(
                .h1, [], "\(status.text("node")) is ", .state(status.text("state"))),
            .warnings(status.strings("warnings")),
            .element(.div, [.class("cards")], cards), queues, peers, witnesses,
        ])
    }

    private var cards: [Html] {
        [
            card(
                "Waiting for officers", "\(approvals.count)",
                .link("approvals", Address("approvals"))),
            card("Sent", counts("outbound"), .link("transfers", Address("transfers"))),
            card("Received", counts("inbound"), .link("holdings", Address("holdings"))),
            card(
                "Log", "\(status["log"]?.text("size") ?? "0") entries, ",
                .state(status["log"]?.text("standing") ?? "unknown")),
            card(
                "Membership",
                "list \(status["membership"]?.text("serial") ?? "?"), until ",
                .time(status["membership"]?.text("expires") ?? "")),
            card(
                "Program", "selatd \(status.text("version"))",
                Html(status["openssl"]?.text("version") ?? "")),
        ]
    }

    private func card(_ title: String, _ words: Html, _ more: Html) -> Html {
        .element(
            .section, [], .element(.h2, [], Html(title)), .paragraph(words, " ", more))
    }

    private func counts(_ direction: String) -> Html {
        let counts = (status[direction]?.objectValue ?? [:]).sorted { $0.key < $1.key }
        let words = counts.map { "\($0.value.integerValue ?? 0) \($0.key)" }
        return Html((words.isEmpty ? "nothing" : words.joined(separator: ", ")) + ". ")
    }

    private var queues: Html {
        var table = HtmlTable(
            "Under way, by precedence", ["precedence", "transfers", "size"],
            whenEmpty: "Nothing is under way.")
        for precedence in Precedence.allCases {
            guard let queue = status["queues"]?[precedence.rawValue] else { continue }
            let states = (queue["states"]?.objectValue ?? [:]).sorted { $0.key < $1.key }
            let words = states.map { "\($0.value.integerValue ?? 0) \($0.key)" }
            table.add(
                Html(precedence.rawValue), Html(words.joined(separator: ", ")),
                Html(queue.size("size_bytes")))
        }
        return table.html
    }

    private var peers: Html {
        var table = HtmlTable(
            "Peers", ["node", "reach", "suite", "sent since the start", "received"],
            whenEmpty: "No other node is listed.")
        let suites = status["suites"]?.array("peers") ?? []
        for peer in status.array("peers") {
            let suite = suites.first { $0["node"] == peer["node"] }
            table.add(
                Html(peer.text("node")), .reach(peer),
                Html(suite.map { $0["name"] == nil ? $0.text("fault") : $0.text("name") } ?? ""),
                Html(peer.size("sent_bytes")), Html(peer.size("received_bytes")))
        }
        return table.html
    }

    private var witnesses: Html {
        var table = HtmlTable(
            "Witnesses of this node's log", ["node", "cosigned", "missing", "last", "cause"],
            whenEmpty: "Nobody witnesses this log.")
        for witness in status["log"]?.array("witnesses") ?? [] {
            table.add(
                Html(witness.text("node")), Html(witness.text("size")),
                Html(witness.text("missing")),
                .time(witness.text("time")), Html(witness.text("cause")))
        }
        return table.html
    }
}

extension Html {
    static func reach(_ peer: JSON) -> Html {
        peer["out_of_reach"] == true
            ? .element(.span, [.class("bad")], "out of reach")
            : .element(.span, [.class("good")], "reachable")
    }
}

/// Who holds what, and until when.
struct HoldingsPage: ConsolePageContent {
    private let holdings: JSON
    let title = "Holdings"

    init(_ source: ConsoleSource) async throws {
        holdings = try await source.get("/v1/holdings?limit=1000")[0]
    }

    var body: Html {
        Html([
            .element(.h1, [], "Holdings"),
            .paragraph(
                "Until when somebody may keep a dataset follows from the duties of both verdicts."),
            table("Ours, held by others", "held by", "ours"),
            table("Others', held here", "from", "theirs"),
        ])
    }

    private func table(_ caption: String, _ peer: String, _ key: String) -> Html {
        var table = HtmlTable(
            caption, ["dataset", peer, "state", "label", "size", "since", "until"],
            whenEmpty: "Nothing.")
        let now = SystemTime.now
        for holding in holdings.array(key) {
            let name = holding.text("title")
            let until = holding.text("until")
            table.add(
                Html([
                    name.isEmpty ? .nothing : Html(name) + " ", .transfer(holding.text("id")),
                ]),
                Html(holding.text("peer")), .state(HoldingText.state(holding)),
                .label(holding["label"]),
                Html(holding.size("size_bytes")), .time(holding.text("since")),
                until.isEmpty
                    ? "no end"
                    : .time(until)
                        + (until < now ? .element(.span, [.class("bad")], " overdue") : .nothing))
        }
        return table.html
    }
}
