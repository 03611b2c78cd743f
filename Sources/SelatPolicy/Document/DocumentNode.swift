import SelatCore
import SelatCrypto
import Yams

/// A file's content as it was written: words, lists and keys, each with its place. Nothing is
/// interpreted: `NO`, `0100` and `12:30` are words until a reader asks for something else.
package struct DocumentNode: Sendable {
    package enum Content: Sendable {
        case word(String, isQuoted: Bool)
        case list([DocumentNode])
        case map([Entry])
    }

    package struct Entry: Sendable {
        package let key: String
        package let place: Place
        package let value: DocumentNode
    }

    package let place: Place
    package let content: Content

    /// Whether it is a word in quotes.
    var isQuoted: Bool { if case .word(_, true) = content { true } else { false } }
}

/// One file, parsed: its tree, or every problem that kept it from having one.
struct PolicyDocument: Sendable {
    let name: String
    let digest: Digest
    private(set) var root: DocumentNode?
    let problems: [PolicyDiagnostic]

    init(_ source: PolicySource) {
        name = source.name
        digest = SHA256.digest(source.bytes)
        (root, problems) = Self.tree(of: source)
    }

    /// The tree alone, without a digest.
    static func tree(
        of source: PolicySource
    ) -> (root: DocumentNode?, problems: [PolicyDiagnostic]) {
        var scan = DocumentScan(file: source.name)
        guard let text = scan.text(of: source.bytes) else { return (nil, scan.problems) }
        var builder = DocumentBuilder(file: source.name)
        let root = builder.document(text)
        return (builder.problems.isEmpty ? root : nil, builder.problems)
    }

    /// The file with another tree.
    func with(root: DocumentNode) -> PolicyDocument {
        var document = self
        document.root = root
        return document
    }

    /// The last component of the name, without `.yaml`; nil where it ends otherwise.
    var stem: String? {
        let last = name.split(separator: "/").last ?? ""
        return last.hasSuffix(".yaml") ? String(last.dropLast(5)) : nil
    }
}

/// Turns the parser's nodes into ours and refuses what policy files do not have.
private struct DocumentBuilder {
    let file: String
    var problems: [PolicyDiagnostic] = []

    init(file: String) { self.file = file }

    mutating func document(_ text: String) -> DocumentNode? {
        do {
            // The resolver without rules: the parser guesses no types.
            guard let node = try Yams.compose(yaml: text, .basic, .default, .utf8) else {
                report(.syntax, Place(line: 1, column: 1), "the file is empty")
                return nil
            }
            return convert(node, depth: 0)
        } catch {
            report(error)
            return nil
        }
    }

    private mutating func report(
        _ code: PolicyDiagnostic.Code, _ place: Place, _ message: String
    ) {
        problems.append(
            PolicyDiagnostic(
                file: file, place: place, code: code, message: message, severity: .error))
    }

    private mutating func report(_ error: any Error) {
        switch error {
        case YamlError.scanner(_, let problem, let mark, _),
            YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _):
            report(.syntax, Place(mark), Self.plain(problem))
        case YamlError.duplicatedKeysInMapping(let keys, let context):
            let names = keys.map { "`\($0)`" }.joined(separator: ", ")
            report(.duplicateKey, Place(context.mark), "\(names) stands twice in one map")
        case YamlError.reader(let problem, _, _, _):
            report(.syntax, Place(line: 1, column: 1), problem)
        default:
            report(.syntax, Place(line: 1, column: 1), "the file is not YAML")
        }
    }

    /// The parser's words for what people meet most, in plain ones.
    private static func plain(_ problem: String) -> String {
        switch problem {
        case "did not find expected ',' or ']'": "a list that began with `[` does not end"
        case "did not find expected ',' or '}'": "a map that began with `{` does not end"
        case "mapping values are not allowed in this context":
            "a colon where no key can stand; check the indentation, or quote the text"
        case "did not find expected key":
            "no key where one is expected; check the indentation of this line and the one above"
        case "could not find expected ':'": "a key without a colon"
        case "did not find expected '-' indicator":
            "no hyphen where an element of the list is expected; check the indentation"
        case "found unexpected end of stream": "a text in quotes does not end"
        case "found character that cannot start any token":
            "a character that no word begins with; write the text in quotes"
        default: problem
        }
    }

    private mutating func convert(_ node: Node, depth: Int) -> DocumentNode? {
        let place = node.mark.map(Place.init) ?? Place(line: 1, column: 1)
        guard depth < Limits.jsonDepthMax else {
            report(.depth, place, "nested deeper than \(Limits.jsonDepthMax)")
            return nil
        }
        guard node.anchor == nil else {
            report(.yamlFeature, place, "an anchor; write the value out")
            return nil
        }
        switch node {
        case .scalar(let scalar):
            return convert(scalar, place)
        case .sequence(let sequence):
            let elements = sequence.compactMap { convert($0, depth: depth + 1) }
            return DocumentNode(place: place, content: .list(elements))
        case .mapping(let mapping):
            let entries = mapping.compactMap { entry(key: $0.key, value: $0.value, depth) }
            return DocumentNode(place: place, content: .map(entries))
        case .alias:
            report(.yamlFeature, place, "an alias; write the value out")
            return nil
        }
    }

    private mutating func convert(_ scalar: Node.Scalar, _ place: Place) -> DocumentNode? {
        switch scalar.style {
        case .literal, .folded:
            report(.yamlFeature, place, "a text block; write the text in quotes")
            return nil
        case .singleQuoted, .doubleQuoted:
            // An escape must not bring in what the text may not hold.
            if let fault = DocumentScan.fault(in: scalar.string) {
                report(fault.code, place, fault.message)
                return nil
            }
            return DocumentNode(place: place, content: .word(scalar.string, isQuoted: true))
        default:
            // YAML 1.2 has no such word; the parser admits it inside brackets.
            guard scalar.string != "-" else {
                report(.syntax, place, "a hyphen is no value")
                return nil
            }
            guard !scalar.string.isEmpty else {
                report(.wrongType, place, "nothing stands here; write a value or leave the key out")
                return nil
            }
            return DocumentNode(place: place, content: .word(scalar.string, isQuoted: false))
        }
    }

    private mutating func entry(key: Node, value: Node, _ depth: Int) -> DocumentNode.Entry? {
        let place = key.mark.map(Place.init) ?? Place(line: 1, column: 1)
        guard case .scalar(let scalar) = key, key.anchor == nil, !scalar.string.isEmpty else {
            report(.yamlFeature, place, "a key must be one word")
            return nil
        }
        guard scalar.string != "<<" else {
            report(.yamlFeature, place, "a merge key; write the keys out")
            return nil
        }
        if let fault = DocumentScan.fault(in: scalar.string) {
            report(fault.code, place, fault.message)
            return nil
        }
        return convert(value, depth: depth + 1).map {
            DocumentNode.Entry(key: scalar.string, place: place, value: $0)
        }
    }
}

extension Place {
    fileprivate init(_ mark: Mark) {
        self.init(line: max(1, mark.line), column: max(1, mark.column))
    }
}
