import ArgumentParser
import SelatControl
import SelatCore

struct PolicyStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the editions by which the node judges, who signed them, and what waits.",
        discussion: "Example: selat policy status")

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let answer = try await client.withDaemon { try await $0.getJSON("/v1/policies") }
        if client.json { return Terminal.result(answer) }
        var table = Table([
            "name", "edition", "standing", "in force", "review by", "signatures", "next", "digest",
        ])
        let editions = (answer["editions"]?.objectValue ?? [:]).sorted { $0.key < $1.key }
        for (name, edition) in editions { table.add(Self.row(name, edition)) }
        Terminal.result(table.text)
        for (name, edition) in editions where edition["fault"] != nil {
            Terminal.warning("\(name): a later edition does not load: \(edition.text("fault"))")
        }
    }

    private static func row(_ name: String, _ edition: JSON) -> [String] {
        let signatures = edition["signatures"].map {
            "\($0.text("counted")) of \($0.text("needed")) \($0.text("of"))"
        }
        let next = edition["waiting"]?.arrayValue?.first.map {
            "\($0.text("edition")) from \(day($0.text("in_force")))"
        }
        return [
            name, edition.text("edition"), edition.text("standing"), day(edition.text("in_force")),
            day(edition.text("review_by")), signatures ?? "", next ?? "",
            String(edition.text("digest").prefix(19)),
        ].map { $0.isEmpty ? "-" : $0 }
    }

    /// A midnight is shown as its day.
    private static func day(_ time: String) -> String {
        time.hasSuffix("T00:00:00Z") ? String(time.prefix(10)) : time
    }
}
