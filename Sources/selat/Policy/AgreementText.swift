import SelatCore
import SelatPolicy

/// Puts a party's signature into the text of `agreements.yaml`, which people have laid out and
/// commented: one line comes, and no other changes.
struct AgreementText {
    private var lines: [Substring]

    init(_ bytes: [UInt8]) {
        lines = String(decoding: bytes, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false)
    }

    var bytes: [UInt8] { Array(lines.joined(separator: "\n").utf8) }

    /// - Parameter line: of the key `signatures`, from 1.
    /// - Throws: `Ending` where the list stands in a form that this does not change.
    mutating func add(_ signature: String, belowLine line: Int) throws {
        guard lines.indices.contains(line - 1) else { throw unclear(line) }
        let key = lines[line - 1]
        let indent = String(repeating: " ", count: key.prefix { $0 == " " || $0 == "-" }.count)
        guard let found = key.firstMatch(of: /^([ -]*signatures:)[ ]*(\[.*\])?[ ]*(#.*)?$/) else {
            throw unclear(line)
        }
        switch found.2 {
        case "[]"?:
            let comment = found.3.map { "  \($0)" } ?? ""
            lines[line - 1] = Substring("\(found.1)\(comment)")
            lines.insert(Substring("\(indent)  - \(signature)"), at: line)
        case .some(let list):
            lines[line - 1] = Substring(
                key.replacing(list, with: "\(list.dropLast()), \(signature)]", maxReplacements: 1))
        case nil:
            // The list stands below, and its own indentation goes on.
            guard lines.indices.contains(line),
                let below = lines[line].firstMatch(of: #/^ *- /#)
            else { throw unclear(line) }
            lines.insert(Substring("\(below.output)\(signature)"), at: line)
        }
    }

    private func unclear(_ line: Int) -> Ending {
        Ending(
            .invalidConfiguration, "line \(line): `signatures` is no list that can be added to",
            hint: "write `signatures: []`, or one signature a line")
    }
}
