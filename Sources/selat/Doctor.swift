import ArgumentParser
import SelatControl
import SelatCore

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look for what is wrong with the node, or soon will be, and say what to do.",
        discussion: """
            Looks at clock, disk, permissions, limits, OpenSSL, keys, certificates,
            membership, revocation lists, witnesses, policies, transfers and the database,
            and calls every other node. Each check says what it looked at and what it
            found.

            Exit status for monitoring: 0 where nothing fails, also with warnings; 1 where
            something does; 69 where no daemon answers.

            Examples:
              selat doctor
              selat doctor --json
            """)

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let report: JSON
        do {
            report = try await client.withDaemon {
                try await $0.getJSON("/v1/doctor", patience: ControlClient.patience)
            }
        } catch let error as ControlError {
            guard case .unreachable = error else { throw error }
            throw Ending(
                .unreachable, error.description,
                hint: "systemctl status selatd; selatd --check; journalctl -u selatd -p warning")
        }
        Terminal.result(client.json ? report.pretty : Self.page(report))
        if report["state"] == "failure" { throw Ending(.failed) }
    }

    /// A line for each check, and below it what to do.
    private static func page(_ report: JSON) -> String {
        let checks = report["checks"]?.arrayValue ?? []
        let width = checks.map { $0.text("name").count }.max() ?? 0
        let lines = checks.flatMap { check in
            let name = check.text("name")
            let head =
                word(check.text("state")) + name + String(repeating: " ", count: width - name.count)
            let found = "\(head)  \(Terminal.plain(check.text("found")))"
            guard check["remedy"] != nil else { return [found] }
            let indent = String(repeating: " ", count: 9 + width + 2)
            return [
                found, "\(indent)looked at: \(Terminal.plain(check.text("looked_at")))",
                "\(indent)to do: \(Terminal.plain(check.text("remedy")))",
            ]
        }
        let counts = ["failure", "warning"].map { state in
            (state, checks.count { $0.text("state") == state })
        }
        let words = counts.map { "\($0.1) \($0.0)\($0.1 == 1 ? "" : "s")" }
        return (lines + ["\(checks.count) checks: \(words.joined(separator: ", "))"])
            .joined(separator: "\n")
    }

    private static func word(_ state: String) -> String {
        switch state {
        case "ok": "ok       "
        case "warning": "warning  "
        default: "FAILURE  "
        }
    }
}
