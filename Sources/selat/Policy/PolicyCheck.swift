import ArgumentParser
import Foundation
import SelatCore
import SelatPolicy

struct PolicyCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Read all policy files and list every mistake with its place.",
        discussion: """
            Needs no daemon. Exit status: 0 no errors (warnings are shown), 78 errors.

            Example:
              selat policy check Policies
            """)

    @Argument(help: "The folder with the policy files.")
    var directory: String = "Policies"

    @Flag(help: "Print one JSON document instead of text.")
    var json = false

    func run() async throws {
        let files = try PolicyFolder.read(directory)
        let now = Timestamp(seconds: Int64(Date().timeIntervalSince1970))
        var found: [PolicyDiagnostic]
        do throws(PolicyErrors) {
            found = try PolicySet.load(files: files, now: now).warnings
        } catch {
            found = error.diagnostics
        }
        let errors = found.count { $0.severity == .error }
        if json {
            Terminal.result([
                "files": .integer(Int64(files.count)), "errors": .integer(Int64(errors)),
                "diagnostics": .array(found.map(Self.document)),
            ])
        } else {
            for diagnostic in found { Terminal.result(diagnostic.description) }
            Terminal.note(
                "\(files.count) files, \(errors) errors, \(found.count - errors) warnings")
        }
        if errors > 0 { throw Ending(.invalidConfiguration) }
    }

    private static func document(_ diagnostic: PolicyDiagnostic) -> JSON {
        [
            "file": .string(diagnostic.file), "line": .integer(Int64(diagnostic.line)),
            "column": .integer(Int64(diagnostic.column)),
            "code": .string(diagnostic.code.rawValue),
            "severity": .string(diagnostic.severity.rawValue),
            "message": .string(diagnostic.message),
        ]
    }
}
