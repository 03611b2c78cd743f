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
                        count.text("name"), count.text("entries"), count.size("details_bytes"),
                    ])
                }
                Terminal.result(table.text + "\n")
            }
            Terminal.result(
                "\(answer.text("entries")) entries, \(answer.size("details_bytes")) of details, "
                    + "\(answer.text("erased")) erased; the database has "
                    + answer.size("database_bytes"))
        }
    }
}
