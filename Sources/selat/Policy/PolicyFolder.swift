import Foundation
import SelatPolicy

enum PolicyFolder {
    /// The folder's YAML files; `tests` below it is not part of the set. A file whose name almost
    /// fits, `MY.yml`, is read too, so that the checker can refuse it: it would be missed silently.
    static func read(_ directory: String) throws -> [PolicySource] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory)
        } catch {
            throw Ending(.failed, "reading folder `\(directory)`: \(error.localizedDescription)")
        }
        let endings = [".yaml", ".yml"]
        let files = names.filter { name in endings.contains { name.lowercased().hasSuffix($0) } }
            .sorted()
        guard !files.isEmpty else {
            throw Ending(.failed, "folder `\(directory)` holds no .yaml file")
        }
        return try files.map { name in
            let path = directory.hasSuffix("/") ? "\(directory)\(name)" : "\(directory)/\(name)"
            guard let bytes = FileManager.default.contents(atPath: path) else {
                throw Ending(.failed, "reading `\(path)`: \(InputFile.hindrance(path))")
            }
            return PolicySource(name: path, bytes: Array(bytes))
        }
    }
}
