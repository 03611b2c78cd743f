import ArgumentParser
import SelatControl
import SelatCore

extension AuditVerb {
    struct Log: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "log",
            abstract: "Show audit entries, oldest first.",
            discussion: """
                Every entry that fits is shown; --limit bounds them, and stderr says so where
                there are more. With --follow it begins with the newest 20, or with all from
                --since or --after on, and shows each further one as it comes.
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

        @Option(
            help: "At most this many, 10000 at most; with --follow, how many to begin with.")
        var limit: Int?

        @Flag(name: [.long, .customShort("f")], help: "Go on with each further entry.")
        var follow = false

        @Option(help: "table, lines, ocsf or cef.")
        var format: EntryFormat = .table

        @OptionGroup var client: ClientOptions

        func validate() throws {
            try EntryOptions.sequences.require(after, of: "--after")
            try RowLimit.require(limit)
            guard !(client.json && (follow || format != .table)) else {
                throw ValidationError(
                    "--json prints one document; take --format lines for one a line")
            }
        }

        func run() async throws {
            try await client.withDaemon { client in
                if self.client.json { return try await document(client) }
                let node = try await EntryFormat.node(format, client)
                guard follow else { return try await list(client, node) }
                try await go(on: client, node)
            }
        }

        private func document(_ client: ControlClient) async throws {
            var pages = EntryPages(client, entries, after: after, limit: limit)
            var all: [JSON] = []
            while let page = try await pages.next() { all += page }
            Terminal.result(["entries": .array(all)])
            tellOfMore(pages, all.last)
        }

        private func list(_ client: ControlClient, _ node: JSON) async throws {
            var pages = EntryPages(client, entries, after: after, limit: limit)
            var last: JSON?
            // A table is as wide as all of its rows need.
            var rows: [JSON] = []
            while let page = try await pages.next() {
                if format == .table { rows += page } else { show(page, node, isFirst: false) }
                last = page.last ?? last
            }
            if format == .table { showTable(rows, isFirst: true) }
            tellOfMore(pages, last)
        }

        private func tellOfMore(_ pages: EntryPages, _ last: JSON?) {
            guard pages.hasMore, let sequence = last?.sequence else { return }
            Terminal.hint("there are more entries: --after \(sequence)")
        }

        private func go(on client: ControlClient, _ node: JSON) async throws {
            // Whoever names a beginning wants everything since.
            var begins = after == nil && (limit != nil || entries.since == nil)
            var asked = limit ?? (begins ? 20 : EntryPages.size)
            var query = ["limit": "\(asked)"]
            if begins { query["newest"] = "yes" }
            query["after"] = after.map { "\($0)" }
            var page = try await client.entries(entries.query(query))
            show(page, node, isFirst: true)
            var last = page.last?.sequence ?? after
            while true {
                if begins || page.count < asked { try await Task.sleep(for: .seconds(1)) }
                begins = false
                asked = EntryPages.size
                Terminal.requireReader()
                query = ["limit": "\(asked)"]
                query["after"] = last.map { "\($0)" }
                page = try await client.entries(entries.query(query))
                show(page, node, isFirst: false)
                last = page.last?.sequence ?? last
            }
        }

        private func show(_ entries: [JSON], _ node: JSON, isFirst: Bool) {
            if format == .table {
                showTable(entries, isFirst: isFirst)
            } else {
                for entry in entries { Terminal.result(format.line(entry, node)) }
            }
        }

        private func showTable(_ entries: [JSON], isFirst: Bool) {
            let columns = ["sequence", "time", "kind", "actor", "transfer", "witnessed"]
            guard isFirst else {
                for entry in entries {
                    Terminal.result(columns.map { entry.text($0) }.joined(separator: "  "))
                }
                return
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

        func validate() throws {
            try EntryOptions.sequences.require(sequence, of: "a sequence")
        }

        func run() async throws {
            let entry = try await client.withDaemon {
                try await $0.getJSON("/v1/audit/entries/\(sequence)")
            }
            if client.json { return Terminal.result(entry) }
            for key in ["sequence", "time", "kind", "actor", "transfer", "commitment", "leaf"]
            where entry[key] != nil {
                Terminal.result(lines: ["\(key): \(entry.text(key))"])
            }
            if let details = entry["details"] {
                let text = "details: \(details.pretty)"
                Terminal.result(lines: text.split(separator: "\n").map(String.init))
            } else if entry["erased_by"] != nil {
                Terminal.result("details: erased by entry \(entry.text("erased_by"))")
            } else {
                Terminal.result("details: missing")
            }
            Terminal.result(entry["proof"]?.stringValue.map { "\n\($0)" } ?? "not yet signed")
        }
    }
}
