import Foundation
import SelatPolicy

enum PolicyFolder {
    /// The folder's `.yaml` files; `tests` below it is not part of the set.
    static func read(_ directory: String) throws -> [PolicySource] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory)
        } catch {
            throw Ending(.failed, "reading folder `\(directory)`: \(error.localizedDescription)")
        }
        let files = names.filter { $0.hasSuffix(".yaml") }.sorted()
        guard !files.isEmpty else {
            throw Ending(.failed, "folder `\(directory)` holds no .yaml file")
        }
        return try files.map { name in
            let path = "\(directory)/\(name)"
            guard let bytes = FileManager.default.contents(atPath: path) else {
                throw Ending(.failed, "reading `\(path)`: it cannot be read")
            }
            return PolicySource(name: path, bytes: Array(bytes))
        }
    }
}
