import SelatCore
import SelatTestSupport
import Testing

/// One case of a Wycheproof file, with its group's fields beside its own.
struct WycheproofCase: CustomTestStringConvertible, Sendable {
    let number: Int64
    let comment: String
    let isValid: Bool
    let flags: [String]
    private let fields: JSON.Object

    var testDescription: String { "\(number) \(comment)" }

    func bytes(_ name: String) -> [UInt8] { fields[name]?.stringValue.flatMap(Hex.decode) ?? [] }
    func integer(_ name: String) -> Int { Int(fields[name]?.integerValue ?? -1) }

    /// All cases of a file, or none where the material is absent.
    static func read(_ name: String) -> [WycheproofCase] {
        guard let bytes = try? Material.read("wycheproof/\(name).json"),
            let groups = (try? JSON(parsing: bytes))?["testGroups"]?.arrayValue
        else { return [] }
        return groups.flatMap { group in
            (group["tests"]?.arrayValue ?? []).map { test in
                WycheproofCase(
                    fields: (group.objectValue ?? [:]).merging(test.objectValue ?? [:]) { $1 })
            }
        }
    }

    private init(fields: JSON.Object) {
        self.fields = fields
        number = fields["tcId"]?.integerValue ?? 0
        comment = fields["comment"]?.stringValue ?? ""
        isValid = fields["result"]?.stringValue == "valid"
        flags = fields["flags"]?.arrayValue?.compactMap(\.stringValue) ?? []
    }
}
