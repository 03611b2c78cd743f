import ArgumentParser
import Foundation
import SelatCore
import SelatPolicy

struct PolicyExplain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say in plain sentences what a file, a rule or a verdict means.",
        discussion: """
            NAME is a file's jurisdiction (SG) or one of its rules (SG/consent). A verdict
            is what `selat check --json` printed, or a case of the folder's `tests` by its
            name; the page then says, too, which change of one fact alone would make the
            answer another one. Needs no daemon.

            Examples:
              selat policy explain SG
              selat policy explain SG --html > SG.html        # to print and sign
              selat policy explain SG/consent --lang vi
              selat policy explain --case "gauges, SG to VN" --format markdown
              selat check gauges.csv --to VN/hub … --json | selat policy explain --verdict -
            """)

    @Argument(help: "A file, such as SG, or a rule, such as SG/consent.")
    var name: String?

    @Option(help: "A file with what `selat check --json` printed; - for stdin.")
    var verdict: String?

    @Option(name: .customLong("case"), help: "The name of a case.")
    var example: String?

    @Option(help: "The folder with the policy files.")
    var policies: String = "Policies"

    @Option(help: "An agreement that every party has signed, by its id. Repeatable.")
    var signed: [String] = []

    @OptionGroup var output: PageOptions

    func validate() throws {
        guard [name, verdict, example].compactMap(\.self).count == 1 else {
            throw ValidationError("give one of NAME, --verdict and --case")
        }
    }

    func run() async throws {
        let files = try PolicyFolder.read(policies)
        let set = try PolicySet.load(files: files, signed: Set(signed))
        let texts = PolicyTexts(files)
        if let name { return try explain(name, set, texts) }
        if let verdict {
            let record = try VerdictFile.read(verdict)
            // What counted then counts now.
            let set = set.counting(Set(signed).union(record.instruments))
            return output.show(
                try Page.verdict(
                    on: record.question, given: record, by: set, texts, language: output.lang))
        }
        let example = try named(set)
        output.show(
            try Page.verdict(
                on: example.question, by: set.counting(example.signed.union(signed)), texts,
                language: output.lang))
    }

    private func explain(_ name: String, _ set: PolicySet, _ texts: PolicyTexts) throws {
        if name.contains("/") {
            guard let page = Page.rule(name, of: set, texts, language: output.lang) else {
                throw Ending(
                    .failed, "`\(name)` is no rule of `\(policies)`",
                    hint: set.nearest(to: name).map { "did you mean `\($0)`?" })
            }
            return output.show(page)
        }
        let now = Timestamp(seconds: Int64(Date().timeIntervalSince1970))
        let matrix = try PolicyMatrix.question(at: now).map { try PolicyMatrix(set, $0) }
        guard let page = Page.file(name, of: set, texts, matrix, language: output.lang) else {
            throw Ending(
                .failed, "`\(name)` is no file of `\(policies)`",
                hint: set.nearest(to: name).map { "did you mean `\($0)`?" })
        }
        output.show(page, marked: try? Country(name))
    }

    private func named(_ set: PolicySet) throws -> PolicyCase {
        let cases = try PolicyCaseReader.read(try PolicyFolder.read("\(policies)/tests"), for: set)
        let wanted = example ?? ""
        if let found = cases.first(where: { $0.name == wanted }) { return found }
        let close = cases.filter { $0.name.lowercased().contains(wanted.lowercased()) }
        if close.count == 1 { return close[0] }
        throw Ending(
            .failed, "`\(wanted)` is no case of `\(policies)/tests`",
            hint: close.isEmpty
                ? "selat policy test \(policies)"
                : "\(close.count) have it in their names: "
                    + close.prefix(3).map { "\"\($0.name)\"" }.joined(separator: ", "))
    }
}

/// What `selat check --json` printed, or the record in it.
private enum VerdictFile {
    static func read(_ path: String) throws -> Verdict {
        let bytes = try InputFile.bytes(path, "verdict")
        do {
            let json = try JSON(parsing: bytes)
            let record = json["verdict"]?["record"] ?? json["record"] ?? json["verdict"] ?? json
            return try Verdict(record: record.canonical)
        } catch {
            throw Ending(
                .failed, "verdict `\(path)`: \(error)",
                hint: "give it what `selat check --json` printed")
        }
    }
}
