import ArgumentParser
import Foundation
import SelatControl
import SelatCore
import SelatEvidence

extension AuditVerb {
    struct Prove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "prove",
            abstract: "Write what proves one transfer to somebody who trusts neither end.",
            discussion: """
                Makes a folder, for its owner alone, with the signed header, the verdicts, the
                log entries with their details and proofs, the receipt, the membership and the
                policy files. `selat audit verify` checks it on any machine, without a daemon.
                Exit status 3 where it would find something wrong.

                Example:
                  selat audit prove 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11 --out proof
                  selat audit verify proof --trust sha256:4f62…
                """)

        @OptionGroup var transfer: TransferArgument

        @Option(help: "The folder to make; it must not exist.")
        var out: String

        @OptionGroup var client: ClientOptions

        func run() async throws {
            let answer = try await client.withDaemon {
                try await $0.getJSON(transfer.path("/evidence"))
            }
            var files: [String: [UInt8]] = [:]
            for (path, text) in answer["files"]?.objectValue ?? [:] {
                guard let bytes = text.stringValue.flatMap({ Base64.decode($0) }) else {
                    throw Ending(.failed, "the daemon's answer is no evidence: `\(path)`")
                }
                files[path] = bytes
            }
            let report = try Self.preview(files)
            try EvidenceFolder.write(files, to: out)
            if client.json {
                Terminal.result([
                    "id": .string(transfer.id.text), "folder": .string(out),
                    "files": .strings(files.keys.sorted()), "report": report.json,
                ])
            } else {
                Terminal.result(out)
                Terminal.note(
                    "\(files.count) files, \(report.proven.count) sentences proven, "
                        + "\(report.unproven.count) not; an auditor runs:")
                Terminal.note("  selat audit verify \(out) --trust DIGEST_OF_THE_FIRST_LIST")
            }
            for sentence in report.wrong { Terminal.warning("wrong: \(sentence)") }
            for sentence in report.unproven where sentence.contains("does not count") {
                Terminal.warning("not proven: \(sentence)")
            }
            guard report.isSound else {
                throw Ending(
                    .verificationFailed, "`\(out)` is not sound, and proves nothing to an auditor",
                    hint: "see whether the log is whole: selat audit verify")
            }
        }

        /// What an auditor will read who trusts the digest that the folder itself names.
        private static func preview(_ files: [String: [UInt8]]) throws -> EvidenceReport {
            do throws(EvidenceError) {
                let evidence = try Evidence(files: files)
                return EvidenceVerifier.verify(evidence, trusted: evidence.subject.federation)
            } catch {
                throw Ending(.verificationFailed, error.description)
            }
        }
    }
}
