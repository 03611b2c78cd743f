import ArgumentParser
import SelatControl
import SelatCore

extension AuditVerb {
    struct Stats: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "stats",
            abstract: "Count audit entries by kind, day and actor.",
            discussion: "Example: selat audit stats --since 30d --country VN")

        @OptionGroup var entries: EntryOptions

        @OptionGroup var client: ClientOptions

        func run() async throws {
            let answer = try await client.withDaemon {
                try await $0.getJSON("/v1/audit/statistics?\(entries.query())")
            }
            if client.json { return Terminal.result(answer) }
            for (key, header) in [("kinds", "kind"), ("days", "day"), ("actors", "actor")] {
                var table = Table([header, "entries", "details"])
                for count in answer[key]?.arrayValue ?? [] {
                    table.add([
                        count.text("name"), count.text("entries"),
                        Self.bytes(count, "details_bytes"),
                    ])
                }
                Terminal.result(table.text + "\n")
            }
            Terminal.result(
                "\(answer.text("entries")) entries, \(Self.bytes(answer, "details_bytes")) of "
                    + "details, \(answer.text("erased")) erased; the database has "
                    + Self.bytes(answer, "database_bytes"))
        }

        private static func bytes(_ json: JSON, _ key: String) -> String {
            Quantity.bytes(UInt64(json[key]?.integerValue ?? 0))
        }
    }
}
