import ArgumentParser
import Foundation
import SelatPolicy

struct PolicyFormat: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "format",
        abstract: "Lay policy files out: the same keys and values, the author's comments kept.",
        discussion: """
            Writes the labels of terms as comments that begin with `# = `, from the
            vocabulary beside the file. Never changes what a file says: where it cannot
            keep that, it leaves the file as it is. A signature covers a file's bytes:
            format before signing. Exit status: 0 done, 1 --check found a file laid out
            otherwise, 78 a file does not parse.

            Example:
              selat policy format Policies/MY.yaml
              selat policy format --check Policies/*.yaml
            """)

    @Argument(help: "The files.")
    var files: [String]

    @Flag(help: "Write nothing; name the files that are laid out otherwise.")
    var check = false

    func run() async throws {
        var differing: [String] = []
        for path in files {
            let source = try Self.read(path)
            let text: String
            do throws(PolicyLayout.Fault) {
                text = try PolicyLayout.format(source, vocabulary: Self.vocabulary(beside: path))
            } catch {
                throw Ending(.invalidConfiguration, error.description)
            }
            guard Array(text.utf8) != source.bytes else { continue }
            differing.append(path)
            Terminal.result(path)
            guard !check else { continue }
            do {
                try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
            } catch {
                throw Ending(.failed, "writing `\(path)`: \(error.localizedDescription)")
            }
        }
        if check, !differing.isEmpty {
            throw Ending(
                .failed, "\(differing.count) of \(files.count) files are laid out otherwise",
                hint: "selat policy format \(differing.joined(separator: " "))")
        }
    }

    private static func read(_ path: String) throws -> PolicySource {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw Ending(.failed, "reading `\(path)`: \(InputFile.hindrance(path))")
        }
        return PolicySource(name: path, bytes: Array(bytes))
    }

    /// `vocabulary.yaml` of the file's folder, or of the one above, for cases.
    private static func vocabulary(beside path: String) -> PolicySource? {
        let folder = URL(filePath: path).deletingLastPathComponent()
        return [folder, folder.deletingLastPathComponent()].lazy
            .map { $0.appending(path: "vocabulary.yaml").path(percentEncoded: false) }
            .compactMap { try? read($0) }.first
    }
}
