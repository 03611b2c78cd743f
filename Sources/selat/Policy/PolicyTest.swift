import ArgumentParser
import SelatCore
import SelatPolicy

struct PolicyTest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Judge the cases in the folder's `tests` and compare with what they expect.",
        discussion: """
            A case names a time, the facts of a transfer and the verdict that it must get.
            A rule decides in a case if the verdict would be another one without it; a
            rule that decides in none could be gone, or wrong, and nobody would notice.
            Needs no daemon.

            Exit status: 0 all as expected and every rule decides somewhere; 2 not so; 78
            a file is not valid.

            Examples:
              selat policy test Policies
              selat policy test Policies --filter health --json
            """)

    @Argument(help: "The folder with the policy files, and `tests` in it.")
    var directory: String = "Policies"

    @Option(help: "Run only the cases whose name or file contains this text.")
    var filter: String?

    @Flag(help: "Print one JSON document instead of text.")
    var json = false

    func run() async throws {
        let set = try PolicySet.load(files: try PolicyFolder.read(directory))
        let cases = try PolicyCaseReader.read(try PolicyFolder.read("\(directory)/tests"), for: set)
        let run = CaseRun(cases, in: set, filter: filter)
        if let filter, run.results.isEmpty {
            throw Ending(
                .failed, "no case of `\(directory)/tests` has `\(filter)` in its name",
                hint: "selat policy test \(directory)")
        }
        json ? Terminal.result(run.json) : report(run)
        if !run.isPassed { throw Ending(.refused) }
    }

    private func report(_ run: CaseRun) {
        for line in run.failed.flatMap(\.failureLines) { Terminal.result(line) }
        for rule in run.silentRules { Terminal.result(rule.silenceLine) }
        if filter == nil {
            var table = Table(["file", "cases", "rules", "deciding"])
            for row in run.files {
                table.add([row.file, "\(row.cases)", "\(row.rules)", "\(row.deciding)"])
            }
            Terminal.result(table.text)
        }
        Terminal.note(
            "\(run.results.count) cases, \(run.failed.count) failed; "
                + "\(run.silentRules.count) of \(run.rules.count) rules decide in none")
    }
}
