import ArgumentParser
import Foundation
import SelatCore
import SelatPolicy

struct PolicyNew: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new",
        abstract: "Write a country's policy file to start from.",
        discussion: """
            The file passes `selat policy check` and permits nearly nothing. An existing
            file is never replaced.

            Example:
              selat policy new PG --directory Policies
            """)

    @Argument(help: "The country's code.")
    var country: Country

    @Option(help: "The folder with the policy files.")
    var directory = "Policies"

    func run() async throws {
        let path = "\(directory)/\(country.code).yaml"
        let today = Int64(Date().timeIntervalSince1970) / 86_400 * 86_400
        let text = PolicyHead.text(for: country, inForce: Timestamp(seconds: today))
        try check(text)
        do {
            try Data(text.utf8).write(to: URL(filePath: path), options: .withoutOverwriting)
        } catch CocoaError.fileWriteFileExists {
            throw Ending(.failed, "`\(path)` exists", hint: "edit it, or name another folder")
        } catch {
            throw Ending(
                .failed, "writing `\(path)`: \(error.localizedDescription)",
                hint: "name the folder of the policy files with --directory")
        }
        Terminal.result(path)
        Terminal.hint("selat policy check \(directory)")
    }

    /// Two letters may still be no country.
    private func check(_ text: String) throws {
        do throws(PolicyErrors) {
            _ = try EditionHead(
                PolicySource(name: "\(country.code).yaml", bytes: Array(text.utf8)))
        } catch {
            throw Ending(.usage, error.diagnostics.first?.message)
        }
    }
}
