import ArgumentParser
import SelatCore
import SelatPolicy

struct PolicyGaps: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gaps",
        abstract: "List the facts of which no rule speaks, and pairs that can exchange nothing.",
        discussion: """
            A gap is no mistake: what no ground permits is refused. But it is better known
            than met. For each file and flow the facts are listed for which no prohibition
            and no ground can apply, with one transfer to try; then the pairs of countries
            between which no transfer can be permitted whatever is stated. Needs no
            daemon.

            Exit status: 0 done, 78 a file is not valid.

            Examples:
              selat policy gaps Policies
              selat policy gaps Policies --country MY --json
            """)

    @Argument(help: "The folder with the policy files.")
    var directory: String = "Policies"

    @Option(help: "Only this country's file, and pairs with it. Repeatable.")
    var country: [Country] = []

    @Flag(help: "Print one JSON document instead of text.")
    var json = false

    func run() async throws {
        let set = try PolicySet.load(files: try PolicyFolder.read(directory))
        if let other = country.first(where: { !set.countries.contains($0) }) {
            throw Ending(
                .usage, "`\(directory)` has no file of `\(other)`",
                hint: "it has those of " + set.countries.map(\.code).joined(separator: ", "))
        }
        let gaps = PolicyAnalysis.gaps(of: set).filter { isWanted($0.jurisdiction) }
        let pairs = PolicyAnalysis.deadPairs(of: set)
            .filter { isWanted($0.source.code) || isWanted($0.destination.code) }
        if json {
            Terminal.result([
                "gaps": .array(gaps.map(\.json)), "pairs": .array(pairs.map(\.json)),
            ])
        } else {
            for gap in gaps { Terminal.result(gap.lines.joined(separator: "\n")) }
            for pair in pairs { Terminal.result(pair.line) }
        }
        Terminal.note("\(gaps.count) flows with gaps, \(pairs.count) pairs that exchange nothing")
    }

    private func isWanted(_ name: String) -> Bool {
        country.isEmpty || country.contains { $0.code == name }
    }
}
