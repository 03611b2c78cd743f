import ArgumentParser
import SelatAudit
import SelatControl
import SelatCore
import SelatStore

extension AuditVerb {
    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify",
            abstract: "Verify an audit log, an export of one, or the evidence of one transfer.",
            discussion: """
                With a database file: reads every entry, the tree and every checkpoint, on any
                machine, and writes nothing; --key names the log's key from a source that you
                trust. Without: asks the daemon. With a file of `audit export`: the same for
                its range, line by line. With a folder that `audit prove` made: says in
                sentences what is proven and what is not, from the one digest after --trust.
                Exit status 3 when anything is wrong.

                Examples:
                  selat audit verify --socket /run/selat/control.sock
                  selat audit verify selat.sqlite --key 'selat/…+1f0a…+AQ…'
                  selat audit verify log.selat-audit --key 'selat/…+1f0a…+AQ…'
                  selat audit verify proof --trust sha256:4f62…
                """)

        @Argument(
            help: "A database, an export, or a folder of evidence; without it the daemon's log.")
        var file: String?

        @Option(help: "The log's verifier key (C2SP signed-note), obtained elsewhere.")
        var key: String?

        @Option(help: "The digest of the federation's first membership list, obtained elsewhere.")
        var trust: Digest?

        @OptionGroup var client: ClientOptions

        func run() async throws {
            if let file, case .evidence = try AuditedFile(file) { return try verifyEvidence(file) }
            let report = try await report()
            if client.json { Terminal.result(report) } else { print(report) }
            guard report["sound"] == true else { throw Ending(.verificationFailed) }
        }

        private func report() async throws -> JSON {
            guard let file else {
                return try await client.withDaemon { try await $0.post("/v1/audit/verification") }
            }
            if case .export = try AuditedFile(file) { return try verifyExport(file) }
            do {
                return try LogFile.verify(path: file, key: try key.map { try VerifierKey($0) }).json
            } catch let error as StoreError {
                // A file that cannot be opened says nothing about what it holds.
                switch error {
                case .cannotOpen, .newerSchema: throw Ending(.failed, error.description)
                default: throw Ending(.verificationFailed, error.description)
                }
            }
        }

        private func print(_ report: JSON) {
            for failure in report["failures"]?.arrayValue ?? [] {
                Terminal.result(lines: ["wrong: \(failure.stringValue ?? "")"])
            }
            let verdict = report["sound"] == true ? "sound" : "NOT SOUND"
            Terminal.result(
                "\(verdict): \(report.text("entries")) entries from \(report.text("first")) on, "
                    + "\(report.text("erased")) of them erased; \(report.text("checkpoints")) "
                    + "checkpoints; all before \(report.text("covered")) is under a signed one")
            if report["key_is_its_own"] == true {
                Terminal.warning(
                    "the key came from the log itself, so it proves only that it agrees with itself"
                )
            }
        }
    }
}
