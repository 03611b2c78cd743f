import ArgumentParser
import SelatControl
import SelatCore

extension AuditVerb {
    struct Log: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "log",
            abstract: "Show audit entries, oldest first.",
            discussion: """
                With --follow the newest entries are shown, and each further one as it comes.
                --format lines gives one JSON document a line; ocsf and cef are lines for a
                SIEM.

                Examples:
                  selat audit log --transfer 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11
                  selat audit log --kind transfer --country VN --since 24h
                  selat audit log --follow --format ocsf >> siem.jsonl
                """)

        @OptionGroup var entries: EntryOptions

        @Option(help: "Only entries behind this sequence.")
        var after: UInt64?

        @Option(help: "At most this many; with --follow, how many to begin with.")
        var limit: Int?

        @Flag(name: [.long, .customShort("f")], help: "Go on with each further entry.")
        var follow = false

        @Option(help: "table, lines, ocsf or cef.")
        var format: EntryFormat = .table

        @OptionGroup var client: ClientOptions

        func validate() throws {
            guard !(client.json && (follow || format != .table)) else {
                throw ValidationError(
                    "--json prints one document; take --format lines for one a line")
            }
        }

        func run() async throws {
            try await client.withDaemon { client in
                var page = try await self.page(client, after: after, newest: follow)
                if self.client.json { return Terminal.result(page) }
                let node = try await EntryFormat.node(format, client)
                var last = show(page, node)
                while follow {
                    if page.count < EntryOptions.pageMax { try await Task.sleep(for: .seconds(1)) }
                    Terminal.requireReader()
                    page = try await self.page(client, after: last ?? after, newest: false)
                    last = show(page, node, isFirst: false) ?? last
                }
            }
        }

        private func page(
            _ client: ControlClient, after: UInt64?, newest: Bool
        ) async throws -> JSON {
            var more = ["limit": "\(limit ?? (follow ? 20 : 1_000))"]
            if follow && !newest { more["limit"] = "\(EntryOptions.pageMax)" }
            if newest && after == nil { more["newest"] = "yes" }
            more["after"] = after.map { "\($0)" }
            return try await client.getJSON("/v1/audit/entries?\(entries.query(more))")
        }

        /// - Returns: the last entry's sequence.
        private func show(_ page: JSON, _ node: JSON, isFirst: Bool = true) -> UInt64? {
            let entries = page["entries"]?.arrayValue ?? []
            if format == .table {
                showTable(entries, isFirst: isFirst)
            } else {
                for entry in entries { Terminal.result(format.line(entry, node)) }
            }
            return entries.last?["sequence"]?.integerValue.map { UInt64($0) }
        }

        private func showTable(_ entries: [JSON], isFirst: Bool) {
            let columns = ["sequence", "time", "kind", "actor", "transfer", "witnessed"]
            guard isFirst else {
                guard !entries.isEmpty else { return }
                return Terminal.result(
                    lines: entries.map { entry in
                        columns.map { entry.text($0) }.joined(separator: "  ")
                    })
            }
            var table = Table(columns)
            for entry in entries { table.add(columns.map { entry.text($0) }) }
            Terminal.result(table.text)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Show one audit entry with its details and its proof.",
            discussion: "Example: selat audit show 48213")

        @Argument(help: "The entry's sequence.")
        var sequence: UInt64

        @OptionGroup var client: ClientOptions

        func run() async throws {
            let entry = try await client.withDaemon {
                try await $0.getJSON("/v1/audit/entries/\(sequence)")
            }
            if client.json { return Terminal.result(entry) }
            for key in ["sequence", "time", "kind", "actor", "transfer", "commitment", "leaf"]
            where entry[key] != nil {
                Terminal.result("\(key): \(entry.text(key))")
            }
            if let details = entry["details"] {
                Terminal.result("details: \(details.pretty)")
            } else if entry["erased_by"] != nil {
                Terminal.result("details: erased by entry \(entry.text("erased_by"))")
            } else {
                Terminal.result("details: missing")
            }
            Terminal.result(entry["proof"]?.stringValue.map { "\n\($0)" } ?? "not yet signed")
        }
    }
}

extension EntryOptions {
    /// Entries that one request asks for.
    static let pageMax = 10_000
}

extension JSON {
    /// How many entries an answer has.
    fileprivate var count: Int { self["entries"]?.arrayValue?.count ?? 0 }
}
