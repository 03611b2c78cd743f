import ArgumentParser
import Foundation
import SelatCore
import SelatPolicy

struct PolicySchema: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Write the JSON Schemas by which editors complete and check policy files.",
        discussion: """
            Written to the folder's `schema` from the language's own description and the
            folder's vocabulary; a file names its schema in its first line. Run it again
            after each change of the vocabulary. Exit status: 0 written (--check: as they
            should be), 1 --check found a difference, 78 the vocabulary has faults.

            Example:
              selat policy schema Policies
              selat policy schema Policies --check
            """)

    @Argument(help: "The folder with the policy files.")
    var directory: String = "Policies"

    @Flag(help: "Write nothing; say whether the files are as they should be.")
    var check = false

    func run() async throws {
        let path = "\(directory)/vocabulary.yaml"
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw Ending(.failed, "reading `\(path)`: \(InputFile.hindrance(path))")
        }
        let source = PolicySource(name: path, bytes: Array(bytes))
        let schemas = try JSONSchema.all(vocabulary: source).sorted { $0.key < $1.key }
        let folder = "\(directory)/schema"
        if check { return try compare(schemas, in: folder) }
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            for (name, schema) in schemas {
                try Data((schema.pretty + "\n").utf8)
                    .write(to: URL(filePath: "\(folder)/\(name)"), options: .atomic)
                Terminal.note("wrote \(folder)/\(name)")
            }
        } catch {
            throw Ending(.failed, "writing `\(folder)`: \(error.localizedDescription)")
        }
    }

    private func compare(_ schemas: [(key: String, value: JSON)], in folder: String) throws {
        let differing = schemas.filter { name, schema in
            FileManager.default.contents(atPath: "\(folder)/\(name)")
                != Data((schema.pretty + "\n").utf8)
        }
        for (name, _) in differing { Terminal.result("\(folder)/\(name)") }
        if !differing.isEmpty {
            throw Ending(
                .failed, "\(differing.count) schemas are not as the vocabulary makes them",
                hint: "selat policy schema \(directory)")
        }
    }
}
