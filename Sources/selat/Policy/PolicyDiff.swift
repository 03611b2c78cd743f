import ArgumentParser
import Foundation
import SelatCore
import SelatPolicy

struct PolicyDiff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Show which transfers an edit permits, refuses, or permits on other terms.",
        discussion: """
            Compares what two editions mean, over all facts and not by samples. OLD and
            NEW are two folders of policy files, or two files of one name; a file is read
            together with the folder in which it lies, or where that is no whole set, with
            the other one's. Each statement names the rule that did it, and one transfer
            to try. Needs no daemon.

            --fail-on takes newly-permitted, newly-refused, newly-incomplete,
            other-obligations, other-choice, other-refusal, input or any. Exit status: 0
            done, 2 a change of a kind that --fail-on names, 78 a file is not valid.

            Examples:
              selat policy diff /tmp/before/MY.yaml Policies/MY.yaml
              selat policy diff /tmp/before Policies --fail-on newly-permitted
            """)

    @Argument(help: "The edition before: a folder, or a file such as MY.yaml.")
    var old: String

    @Argument(help: "The edition after: a folder, or a file of the same name.")
    var new: String

    @Option(help: "Exit with 2 where there is a change of this kind. Repeatable.")
    var failOn: [String] = []

    @Flag(help: "Print one JSON document instead of text.")
    var json = false

    private static let otherKinds = ["input", "any"]

    func validate() throws {
        let kinds = PolicyChange.Kind.allCases.map(\.rawValue) + Self.otherKinds
        for kind in failOn where !kinds.contains(kind) {
            throw ValidationError(
                "--fail-on: `\(kind)` is no kind of change; one of \(kinds.joined(separator: ", "))"
            )
        }
    }

    func run() async throws {
        let sides = try EditionPair(old: old, new: new)
        let (before, after) = (
            try PolicySet.load(files: sides.old), try PolicySet.load(files: sides.new)
        )
        let changes = SelatPolicy.PolicyDiff(from: before, to: after).changes
        let texts = SelatPolicy.PolicyDiff.textChanges(from: sides.old, to: sides.new)
        json ? Terminal.result(Self.document(changes, texts)) : Self.report(changes, texts)
        if fails(changes, texts) { throw Ending(.refused) }
    }

    private func fails(_ changes: [PolicyChange], _ texts: [TextChange]) -> Bool {
        var found = Set(changes.map(\.kind.rawValue))
        if texts.contains(where: { $0.reach == .input }) { found.insert("input") }
        if !found.isEmpty { found.insert("any") }
        return !found.isDisjoint(with: failOn)
    }

    // MARK: Reports

    private static func report(_ changes: [PolicyChange], _ texts: [TextChange]) {
        let inputs = texts.filter { $0.reach == .input }
        if changes.isEmpty && inputs.isEmpty {
            Terminal.result("Nothing changes: both editions permit the same, and ask for the same.")
        } else if changes.isEmpty {
            Terminal.result("No rule changes its meaning.")
        }
        for kind in PolicyChange.Kind.allCases {
            for change in changes where change.kind == kind {
                Terminal.result(change.lines.joined(separator: "\n") + "\n")
            }
        }
        list("Inputs of verdicts that differ", inputs)
        list("Texts that differ; verdicts only cite them", texts.filter { $0.reach == .text })
        let counts = PolicyChange.Kind.allCases.map { kind in
            (kind, changes.count { $0.kind == kind })
        }
        let summary = counts.filter { $0.1 > 0 }.map { "\($0.1) \($0.0.rawValue)" }
        Terminal.note(
            (summary.isEmpty ? "no change of meaning" : summary.joined(separator: ", "))
                + "; \(inputs.count) other inputs, \(texts.count - inputs.count) texts")
    }

    private static func list(_ title: String, _ changes: [TextChange]) {
        guard !changes.isEmpty else { return }
        Terminal.result(
            "\(title):\n" + changes.map { "  \($0.description)" }.joined(separator: "\n"))
    }

    private static func document(_ changes: [PolicyChange], _ texts: [TextChange]) -> JSON {
        [
            "changes": .array(changes.map(\.json)),
            "equivalent": .bool(changes.isEmpty && !texts.contains { $0.reach == .input }),
            "inputs": .array(texts.filter { $0.reach == .input }.map(\.json)),
            "texts": .array(texts.filter { $0.reach == .text }.map(\.json)),
        ]
    }
}

/// Two sets of files that differ in what the user named.
private struct EditionPair {
    let old: [PolicySource]
    let new: [PolicySource]

    init(old: String, new: String) throws {
        for path in [old, new] where !FileManager.default.fileExists(atPath: path) {
            throw Ending(.failed, "`\(path)` does not exist")
        }
        guard Self.isFolder(old) == Self.isFolder(new) else {
            throw Ending(
                .usage, "`\(old)` and `\(new)`: one is a folder and one is not",
                hint: "name two folders, or two files")
        }
        if Self.isFolder(old) {
            (self.old, self.new) = (try PolicyFolder.read(old), try PolicyFolder.read(new))
            return
        }
        let (before, after) = (try Self.file(old), try Self.file(new))
        let (beside, afterBeside) = (try Self.folder(of: old), try Self.folder(of: new))
        guard let set = afterBeside ?? beside else {
            throw Ending(
                .failed, "neither `\(old)` nor `\(new)` lies in a folder with vocabulary.yaml",
                hint: "put one of them into a whole set, or compare two folders")
        }
        self.old = Self.replacing(before, in: beside ?? set)
        self.new = Self.replacing(after, in: set)
        guard Self.name(before) == Self.name(after) else {
            throw Ending(
                .usage, "`\(old)` and `\(new)` have different names",
                hint: "two editions of one file are both named by its jurisdiction, MY.yaml")
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            && isFolder.boolValue
    }

    private static func file(_ path: String) throws -> PolicySource {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw Ending(.failed, "reading `\(path)`: \(InputFile.hindrance(path))")
        }
        return PolicySource(name: path, bytes: Array(bytes))
    }

    /// The set in which a file lies; nil where its folder is none.
    private static func folder(of path: String) throws -> [PolicySource]? {
        let folder = URL(filePath: path).deletingLastPathComponent().path(percentEncoded: false)
        guard FileManager.default.fileExists(atPath: "\(folder)/vocabulary.yaml") else {
            return nil
        }
        return try PolicyFolder.read(folder)
    }

    private static func name(_ source: PolicySource) -> Substring {
        source.name.split(separator: "/").last ?? ""
    }

    private static func replacing(
        _ file: PolicySource, in set: [PolicySource]
    ) -> [PolicySource] {
        set.filter { name($0) != name(file) } + [file]
    }
}
