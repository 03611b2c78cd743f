import ArgumentParser
import SelatControl
import SelatCore
import SelatPolicy

struct Route: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "route",
        abstract: "Show the ways to a node, and why each may be taken or not.",
        discussion: """
            A way leads over the membership's links; each country between the two ends
            must let a label pass. The first that is lawful and in reach is taken; whether
            anything may be sent at all is for `selat check`.

            Example: selat route VN/mps --label unclassified
            """)

    @Argument(help: "The node that shall receive, such as VN/mps.")
    var to: NodeID

    @Option(help: "Classification: unclassified, restricted, confidential, secret or top-secret.")
    var label: Classification

    @Option(help: "Traffic Light Protocol (default TLP:AMBER).")
    var tlp: TLP = .amber

    @Option(help: "The national marking, verbatim, such as \"Official (Closed)\".")
    var marking: String?

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let label = Label(
            classification: label, releasableTo: [to.country], tlp: tlp, marking: marking)
        let request = RouteRequest(to: to, label: label)
        let answer = try await client.withDaemon {
            try await $0.post("/v1/routes", request.json)
        }
        let routes = answer["routes"]?.arrayValue ?? []
        if client.json { Terminal.result(answer) } else { Terminal.result(Self.table(routes)) }
        guard routes.contains(where: { $0["lawful"] == true }) else {
            throw Ending(
                .refused,
                routes.isEmpty
                    ? "no link leads to `\(to)`" : "no way to `\(to)` is lawful for this label",
                hint: "see `selat members show` for links, `selat policy explain` for the rules")
        }
    }

    private static func table(_ routes: [JSON]) -> String {
        var table = Table(["route", "lawful", "reach", "why"])
        for route in routes {
            table.add([
                (route["nodes"]?.arrayValue ?? []).compactMap(\.stringValue)
                    .joined(separator: " > "),
                route.text("lawful"), route["out_of_reach"] == true ? "failed lately" : "",
                (route["transit"]?.arrayValue ?? []).map(reason).joined(separator: "; "),
            ])
        }
        return table.text
    }

    private static func reason(_ transit: JSON) -> String {
        let rules = (transit["rules"]?.arrayValue ?? []).compactMap(\.stringValue)
            .map { BuiltIn.sentence($0) }
        let clauses = (transit["clauses"]?.arrayValue ?? []).compactMap(\.stringValue)
        let words = rules.isEmpty ? "no ground" : rules.joined(separator: ", ")
        return "\(transit.text("country")): \(words)"
            + (clauses.isEmpty ? "" : " (\(clauses.joined(separator: "; ")))")
    }
}
