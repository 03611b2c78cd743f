import ArgumentParser
import Foundation
import SelatCore
import SelatPolicy

struct PolicyCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Read all policy files and list every mistake with its place.",
        discussion: """
            Needs no daemon. One line for each: file:line:column: message [code]; the
            codes are explained in Policy.docc/Diagnostics.md. Exit status: 0 no errors
            (warnings are shown), 78 errors.

            Example:
              selat policy check Policies
              selat policy check Policies --format sarif > policies.sarif
            """)

    enum Format: String, CaseIterable, ExpressibleByArgument {
        case text, json, sarif
    }

    @Argument(help: "The folder with the policy files.")
    var directory: String = "Policies"

    @Option(help: "text, json, or sarif (SARIF 2.1.0, for forges and editors).")
    var format: Format = .text

    @Flag(help: "Print one JSON document instead of text, like --format json.")
    var json = false

    func validate() throws {
        guard !json || format != .sarif else {
            throw ValidationError("either --json or --format sarif")
        }
    }

    func run() async throws {
        let files = try PolicyFolder.read(directory)
        let found = Self.diagnostics(of: files)
        let errors = found.count { $0.severity == .error }
        switch json ? .json : format {
        case .text: for diagnostic in found { Terminal.result(diagnostic.description) }
        case .json:
            Terminal.result([
                "files": .integer(Int64(files.count)), "errors": .integer(Int64(errors)),
                "diagnostics": .array(found.map(DiagnosticLog.json)),
            ])
        case .sarif: Terminal.result(DiagnosticLog.sarif(found, version: Program.version))
        }
        Terminal.note("\(files.count) files, \(errors) errors, \(found.count - errors) warnings")
        if let note = EditionFile.note(ofUnsigned: files.map(\.name)) { Terminal.note(note) }
        if errors > 0 { throw Ending(.invalidConfiguration) }
    }

    /// Every error, or every warning of a set without one.
    private static func diagnostics(of files: [PolicySource]) -> [PolicyDiagnostic] {
        let now = Timestamp(seconds: Int64(Date().timeIntervalSince1970))
        do throws(PolicyErrors) {
            return PolicyAnalysis.warnings(of: try PolicySet.load(files: files, now: now))
        } catch {
            return error.diagnostics
        }
    }
}
