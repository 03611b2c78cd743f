import Foundation
import SelatPolicy

/// The editions that the vectors pin. They never change, so tests of the language rest on them and
/// not on the files that ship.
enum FrozenPolicies {
    static let folder = ShippedPolicies.folder.deletingLastPathComponent()
        .appending(path: "Tests/Vectors/policy/editions")

    static let names = ["ASEAN", "MY", "SG", "VN", "agreements", "vocabulary"]

    static func bytes(_ file: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appending(path: file)))
    }

    static func sources() throws -> [PolicySource] {
        try names.map { name in
            PolicySource(name: "Policies/\(name).yaml", bytes: try bytes("\(name).yaml"))
        }
    }

    /// The set with one file's text changed.
    static func sources(
        changing name: String, _ old: String, to new: String
    ) throws -> [PolicySource] {
        try sources().map { source in
            guard source.name == "Policies/\(name).yaml" else { return source }
            let text = String(decoding: source.bytes, as: UTF8.self)
            guard let range = text.range(of: old) else { throw ShippedPolicies.Absent(text: old) }
            return PolicySource(
                name: source.name, bytes: Array(text.replacingCharacters(in: range, with: new).utf8)
            )
        }
    }

    static func load(signed: Set<String> = []) throws -> PolicySet {
        try PolicySet.load(files: try sources(), signed: signed)
    }
}
