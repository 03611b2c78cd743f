import SelatCore

/// Who is a member, on a map that shows neighbours and not distances.
struct MembersPage: ConsolePageContent {
    private let membership: JSON
    private let status: JSON
    let title = "Members"

    init(_ source: ConsoleSource) async throws {
        let answers = try await source.get("/v1/membership", "/v1/status")
        (membership, status) = (answers[0], answers[1])
    }

    var body: Html {
        Html([
            .element(.h1, [], "Members"), .warnings(membership.strings("warnings")),
            .facts([
                ("federation", .code(membership.text("federation"))),
                (
                    "list",
                    "\(membership.text("serial")), until " + .time(membership.text("expires"))
                ),
                ("quorum", "\(membership.text("quorum")) of \(membership.array("members").count)"),
            ]),
            MemberMap(membership, status).html, members, nodes,
        ])
    }

    private var members: Html {
        var table = HtmlTable(
            "Members", ["country", "sector", "roles", "record", "revocation list"],
            whenEmpty: "None.")
        for member in membership.array("members") {
            let (record, crl) = (member["record"], member["crl"])
            table.add(
                Html(member.text("country")), Html(member.text("sector")),
                Html(member.strings("roles").joined(separator: ", ")),
                record.map { "\($0.text("serial")), until " + .time($0.text("expires")) }
                    ?? .element(.span, [.class("bad")], "none is held"),
                crl.map { "until " + .time($0.text("next_update")) } ?? .nothing)
        }
        return table.html
    }

    private var nodes: Html {
        var table = HtmlTable(
            "Nodes", ["node", "address", "roles", "reach", "certificates until"], whenEmpty: "None."
        )
        for node in membership.array("members").flatMap({ $0.array("nodes") }) {
            let peer = status.array("peers").first { $0["node"] == node["id"] }
            let until = node.array("certificates").map { $0.text("not_after") }.min() ?? ""
            table.add(
                Html(node.text("id")), "\(node.text("host")):\(node.text("port"))",
                Html(node.strings("roles").joined(separator: ", ")),
                node["cut"] == true
                    ? .element(.span, [.class("bad")], "cut off")
                    : peer.map { .reach($0) } ?? "this node",
                .time(until))
        }
        return table.html
    }
}

/// The members as circles where their countries lie, roughly, and the own node's links to theirs.
struct MemberMap {
    private let members: [JSON]
    private let peers: [JSON]
    private let own: String

    init(_ membership: JSON, _ status: JSON) {
        members = membership.array("members")
        peers = status.array("peers")
        own = String(status.text("node").prefix { $0 != "/" })
    }

    private static let (width, height) = (720, 440)

    /// ASEAN's members and today's partners; others stand in a row below.
    private static let places: [String: (Int, Int)] = [
        "DE": (70, 60), "TR": (190, 60), "JP": (650, 60), "MM": (110, 150), "LA": (260, 130),
        "VN": (400, 140), "TH": (210, 220), "KH": (350, 235), "PH": (590, 190), "MY": (240, 310),
        "BN": (450, 285), "SG": (330, 350), "ID": (420, 400), "TL": (610, 385),
    ]

    var html: Html {
        let countries = members.map { $0.text("country") }
        let spots = spots(countries)
        let lines = countries.filter { $0 != own }.compactMap { country in
            spots[own].flatMap { from in spots[country].map { line(from, $0, to: country) } }
        }
        let circles = zip(countries, members).compactMap { country, member in
            spots[country].map { circle(country, member, at: $0) }
        }
        return .section(
            "Map",
            .element(
                .svg,
                [
                    .class("map"), .viewBox(Self.width, Self.height), .fixed("role", "img"),
                    .labelled(by: "map-title map-desc"),
                ],
                [
                    .element(.title, [.id("map-title")], "Map of the members"),
                    .element(.desc, [.id("map-desc")], Html(description)),
                ] + absent(countries) + lines + circles),
            .paragraph(
                "Small circles are no members. A dotted line leads to a member none of whose nodes could be reached; the table of nodes "
                    + "below says the same in words."))
    }

    /// Neighbours that are no members, so that the map is one.
    private func absent(_ countries: [String]) -> [Html] {
        Self.places.keys.filter { !countries.contains($0) }.sorted().compactMap { country in
            guard let place = Self.places[country] else { return nil }
            return .element(
                .g, [.class("absent")],
                .element(
                    .circle, [.number(.cx, place.0), .number(.cy, place.1), .number(.r, 13)]),
                .element(
                    .text, [.class("code"), .number(.x, place.0), .number(.y, place.1 + 4)],
                    Html(country)))
        }
    }

    private func spots(_ countries: [String]) -> [String: (Int, Int)] {
        var spots: [String: (Int, Int)] = [:]
        for country in countries.sorted() {
            let others = spots.keys.filter { Self.places[$0] == nil }.count
            spots[country] = Self.places[country] ?? (40 + others % 9 * 60, 420)
        }
        return spots
    }

    private func isAway(_ country: String) -> Bool {
        let theirs = peers.filter { $0.text("node").hasPrefix("\(country)/") }
        return theirs.allSatisfy { $0["out_of_reach"] == true }
    }

    private var description: String {
        let words = members.map { $0.text("country") }.filter { $0 != own }.map {
            "\($0) \(isAway($0) ? "out of reach" : "reachable")"
        }
        return "Links of \(own): " + words.joined(separator: ", ")
    }

    private func line(_ from: (Int, Int), _ to: (Int, Int), to country: String) -> Html {
        .element(
            .line,
            [
                .number(.x1, from.0), .number(.y1, from.1), .number(.x2, to.0),
                .number(.y2, to.1), isAway(country) ? .class("away") : .class("near"),
            ])
    }

    private func circle(_ country: String, _ member: JSON, at place: (Int, Int)) -> Html {
        let nodes = member.array("nodes")
        let isCut = !nodes.isEmpty && nodes.allSatisfy { $0["cut"] == true }
        let note =
            country == own
            ? "this node"
            : isCut
                ? "cut off"
                : isAway(country)
                    ? "out of reach" : "\(nodes.count) node\(nodes.count == 1 ? "" : "s")"
        return .element(
            .g, [country == own ? .class("own") : isCut ? .class("cut") : .class("member")],
            .element(
                .circle, [.number(.cx, place.0), .number(.cy, place.1), .number(.r, 20)]),
            .element(
                .text, [.class("code"), .number(.x, place.0), .number(.y, place.1 + 5)],
                Html(country)),
            .element(
                .text, [.class("note"), .number(.x, place.0), .number(.y, place.1 + 35)],
                Html(note)))
    }
}
