import ArgumentParser
import Glibc
import SelatCore

/// The operator's command: one verb a file.
@main
struct Selat: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "selat",
        abstract: "Send and receive datasets between countries: lawful, sealed and recorded.",
        discussion: """
            Answers go to stdout, everything else to stderr; --json gives one document.

            Exit status: 0 done; 1 failed; 2 the answer is no; 3 verification failed; 4
            not yet; 64 usage; 69 no daemon; 78 configuration or policy invalid.

            Try it on this machine:
              selat sandbox up /tmp/selat
              selat send gauges/ --to VN/hub --purpose selat:EarlyWarning \\
                --label unclassified --personal-data no \\
                --socket /tmp/selat/SG-hub/control.sock --wait
            """,
        version: Program.version,
        subcommands: [
            Send.self, IDVerb.self, Route.self, Check.self, Transfers.self, Show.self, Watch.self,
            Console.self,
            Cancel.self,
            Retry.self,
            Approve.self, Refuse.self,
            Inbox.self, Open.self, Destroy.self, Recall.self, Holdings.self,
            PackageVerb.self, ReceiptVerb.self, PolicyVerb.self, StatementVerb.self, AuditVerb.self,
            Status.self, Doctor.self, PingVerb.self, OpenAPIVerb.self,
            JoinVerb.self, KeysVerb.self, MembersVerb.self, Backup.self, Restore.self,
            Sandbox.self,
        ])

    /// Our own `main`, so that prefixes and exit codes are ours; a usage error is 64 already.
    static func main() async {
        // A reader that went away is an error of the write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let ending as Ending {
            leave(ending)
        } catch {
            let code = exitCode(for: error)
            if code == .success || code == .validationFailure { leave(parser: error, code) }
            leave(Ending(explaining: error))
        }
        Program.end(0)
    }

    /// Help and version are answers; a usage error gets our prefix like every other.
    private static func leave(parser error: any Error, _ code: ArgumentParser.ExitCode) -> Never {
        let text = fullMessage(for: error)
        if code == .success {
            Terminal.result(text)
        } else {
            Terminal.error(text.hasPrefix("Error: ") ? String(text.dropFirst(7)) : text)
        }
        Program.end(code.rawValue)
    }

    private static func leave(_ ending: Ending) -> Never {
        if let message = ending.message { Terminal.error(message) }
        if let hint = ending.hint { Terminal.hint(hint) }
        Program.end(ending.status.rawValue)
    }
}
