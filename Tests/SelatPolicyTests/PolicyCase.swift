import Foundation
import SelatPolicy
import Testing

extension PolicyCase: CustomTestStringConvertible {
    package var testDescription: String { name }

    /// Every case of `Policies/tests`.
    static func all() throws -> [PolicyCase] {
        let folder = ShippedPolicies.folder.appending(path: "tests")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path())
            .filter { $0.hasSuffix(".yaml") }.sorted()
        let files = try names.map { name in
            PolicySource(
                name: "Policies/tests/\(name)", bytes: try ShippedPolicies.bytes("tests/\(name)"))
        }
        return try PolicyCaseReader.read(files, for: try ShippedPolicies.load())
    }
}
