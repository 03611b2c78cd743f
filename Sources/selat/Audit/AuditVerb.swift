import ArgumentParser
import SelatControl
import SelatCore

struct AuditVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Read, verify, export and erase from the audit log.",
        subcommands: [
            Log.self, Show.self, Stats.self, Verify.self, Checkpoint.self, Export.self, Erase.self,
            Prove.self,
        ])

    struct Checkpoint: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "checkpoint",
            abstract: "Print the newest signed checkpoint, a C2SP signed note.",
            discussion: "Example: selat audit checkpoint > checkpoint.txt")

        @OptionGroup var client: ClientOptions

        func run() async throws {
            let (note, status) = try await client.withDaemon {
                (try await $0.get("/v1/audit/checkpoint"), try await $0.getJSON("/v1/status"))
            }
            let text = String(decoding: note, as: UTF8.self)
            let unwitnessed = status["log"]?["unwitnessed"]?.integerValue ?? 0
            if client.json {
                return Terminal.result(
                    ["checkpoint": .string(text), "unwitnessed": .integer(unwitnessed)])
            }
            Terminal.write(text, to: 1)
            if unwitnessed > 0 {
                Terminal.warning("its last \(unwitnessed) entries are unwitnessed")
            }
        }
    }
}
