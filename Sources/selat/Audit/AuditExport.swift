import ArgumentParser
import SelatControl
import SelatCore

extension AuditVerb {
    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "export",
            abstract: "Write a range of the log to a file that verifies without the node.",
            discussion: """
                The file holds the entries, the signed checkpoint and what proves them in it;
                `selat audit verify FILE` checks it on any machine. With --redacted all
                details are left out. --format ocsf and cef are lines for a SIEM, and prove
                nothing.

                Examples:
                  selat audit export log.selat-audit
                  selat audit export q3.selat-audit --first 48213 --before 60000 --redacted
                  selat audit export siem.jsonl --format ocsf
                """)

        @Argument(help: "The file to write; - is stdout.")
        var file: String

        @Option(help: "The first entry's sequence.")
        var first: UInt64 = 0

        @Option(help: "The sequence behind the last entry's; without it, all that is signed.")
        var before: UInt64?

        @Flag(help: "Leave out all details and salts.")
        var redacted = false

        @Option(help: "selat, lines, ocsf or cef.")
        var format: ExportFormat = .selat

        @OptionGroup var client: ClientOptions

        func validate() throws {
            try EntryOptions.sequences.require(first, of: "--first")
            try EntryOptions.sequences.require(before, of: "--before")
        }

        func run() async throws {
            let output = try LineFile(file)
            let count = try await client.withDaemon { try await export($0, to: output) }
            try output.finish()
            if client.json && file != "-" {
                Terminal.result(["file": .string(file), "entries": .integer(count)])
            } else {
                Terminal.note("\(count) entries")
            }
        }

        private func export(
            _ client: ControlClient, to output: LineFile
        ) async throws -> UInt64 {
            var range: JSON.Object = [
                "first": .integer(first), "redacted": .bool(redacted),
            ]
            range["before"] = before.map { .integer($0) }
            let frame = try await client.post("/v1/audit/exports", .object(range))
            guard let head = frame["head"], let tail = frame["tail"],
                let before = frame["before"]?.integerValue.flatMap({ UInt64(exactly: $0) }),
                before >= first
            else { throw Ending(.failed, "the daemon's answer is no export") }
            let node = try await EntryFormat.node(format.entries, client)
            if format == .selat { try output.write(head) }
            try await forEachEntry(client, before: before) { entry in
                var entry = entry.objectValue ?? [:]
                if redacted { (entry["details"], entry["salt"]) = (nil, nil) }
                switch format {
                case .selat: try output.write(Self.line(entry))
                default: try output.write(format.entries.line(.object(entry), node))
                }
            }
            if format == .selat {
                for erasure in frame["erasures"]?.arrayValue ?? [] { try output.write(erasure) }
                try output.write(tail)
            }
            return before - first
        }

        private func forEachEntry(
            _ client: ControlClient, before: UInt64, _ body: (JSON) throws -> Void
        ) async throws {
            var next = first
            while next < before {
                let after = next == 0 ? "" : "&after=\(next - 1)"
                let page = try await client.getJSON("/v1/audit/entries?limit=1000\(after)")
                let entries = page["entries"]?.arrayValue ?? []
                for entry in entries where next < before {
                    guard entry["sequence"] == .integer(next) else {
                        throw Ending(.verificationFailed, "entry \(next) is missing in the log")
                    }
                    try body(entry)
                    next += 1
                }
                guard !entries.isEmpty else {
                    throw Ending(.verificationFailed, "entry \(next) is missing in the log")
                }
            }
        }

        /// The line of Audit.docc, *Export*, from the document of the control socket.
        private static func line(_ document: JSON.Object) -> JSON {
            let members = ["actor", "commitment", "kind", "sequence", "time", "transfer"]
            let entry = document.filter { members.contains($0.key) }
            var line: JSON.Object = ["entry": .object(entry)]
            line["leaf"] = document["leaf"]
            line["details"] = document["details"]
            line["salt"] = document["salt"]
            return .object(line)
        }
    }
}

/// What an export is written as.
enum ExportFormat: String, ExpressibleByArgument, CaseIterable {
    case selat, lines, ocsf, cef

    var entries: EntryFormat {
        switch self {
        case .selat, .lines: .lines
        case .ocsf: .ocsf
        case .cef: .cef
        }
    }
}
