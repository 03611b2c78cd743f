import ArgumentParser
import SelatControl
import SelatCore

struct AuditVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Read and verify the audit log.",
        subcommands: [Log.self, Verify.self, Checkpoint.self, Prove.self])

    struct Log: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show audit entries, oldest first.",
            discussion: "Example: selat audit log --transfer 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11")

        @Option(help: "Only entries of this transfer.")
        var transfer: TransferID?

        @Option(help: "Only entries of this kind, such as transfer.delivered.")
        var kind: String?

        @Option(help: "Only entries behind this sequence.")
        var after: UInt64?

        @Option(help: "At most this many.")
        var limit: Int = 1_000

        @OptionGroup var client: ClientOptions

        func run() async throws {
            var path = "/v1/audit/entries?limit=\(limit)"
            if let transfer { path += "&transfer=\(transfer.text)" }
            if let kind { path += "&kind=\(kind)" }
            if let after { path += "&after=\(after)" }
            let answer = try await client.withDaemon { try await $0.getJSON(path) }
            if client.json { return Terminal.result(answer) }
            var table = Table(["sequence", "time", "kind", "actor", "transfer", "witnessed"])
            for entry in answer["entries"]?.arrayValue ?? [] {
                table.add(
                    ["sequence", "time", "kind", "actor", "transfer", "witnessed"]
                        .map { entry.text($0) })
            }
            Terminal.result(table.text)
        }
    }

    struct Checkpoint: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
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
