import Foundation
import SelatCore
import SelatTestSupport
import Testing

@testable import SelatPolicy

@Suite("JSON Schemas")
struct SchemaTests {
    private static let schemas = Result {
        try JSONSchema.all(
            vocabulary: PolicySource(
                name: "Policies/vocabulary.yaml", bytes: ShippedPolicies.bytes("vocabulary.yaml")))
    }

    /// The schema that a file's first line must name.
    private static func schema(of name: String) throws -> JSON {
        let line = JSONSchema.firstLine(for: name)
        let path = try #require(line.split(separator: "/").last)
        return try #require(try schemas.get()[String(path)])
    }

    @Test("the files hold what the shapes and the vocabulary make")
    func filesAreAsGenerated() throws {
        for (name, schema) in try Self.schemas.get() {
            let text = String(decoding: try ShippedPolicies.bytes("schema/\(name)"), as: UTF8.self)
            let isCurrent = text == schema.pretty + "\n"
            #expect(isCurrent, "\(name): run `selat policy schema Policies`")
        }
    }

    @Test("each file names its schema in the first line", arguments: ShippedPolicies.names)
    func filesNameTheirSchema(name: String) throws {
        let text = String(decoding: try ShippedPolicies.bytes("\(name).yaml"), as: UTF8.self)
        #expect(text.hasPrefix(JSONSchema.firstLine(for: name) + "\n"))
    }

    @Test("each shipped file is valid", arguments: ShippedPolicies.names)
    func shippedFileIsValid(name: String) throws {
        let schema = try Self.schema(of: name)
        let root = try #require(try document(name).root)
        #expect(SchemaCheck(schema).faults(of: root.editorValue) == [])
    }

    private func document(_ name: String) throws -> PolicyDocument {
        PolicyDocument(
            PolicySource(
                name: "Policies/\(name).yaml", bytes: try ShippedPolicies.bytes("\(name).yaml")))
    }

    /// Codes of what a schema can see: keys that are there and should not be, or the other way.
    private static let keyCodes: Set<PolicyDiagnostic.Code> = [.unknownKey, .missingKey, .uncited]

    /// `special` is asked of countries' files only, a `side` of the federation's only, and an
    /// alternative of two keys is the reader's.
    private static let beyondSchemas = [
        "`special`", "`side`", "`parties`", "`by`", "`of`", "`at-most`", "`at-least`", "`until`",
        "`obligations`", "`values`", "`silence`",
    ]

    @Test(
        "a key that a schema refuses is refused by the parser, and the other way",
        arguments: ["ASEAN", "MY", "agreements", "vocabulary"])
    func keysAreTheSame(name: String) throws {
        let check = SchemaCheck(try Self.schema(of: name))
        let document = try document(name)
        let root = try #require(document.root)
        let run = try MutationTests.run.get()
        var refused = 0
        for mutation in Mutation.ofKeys(in: root) {
            let changed = root.applying(mutation)
            let isValid = check.faults(of: changed.editorValue).isEmpty
            let problems = run.problems(of: document.with(root: changed))
            if !isValid {
                refused += 1
                #expect(!problems.isEmpty, "\(mutation.description) at \(mutation.place)")
            }
            let seen = problems.filter { problem in
                Self.keyCodes.contains(problem.code)
                    && !Self.beyondSchemas.contains { problem.message.contains($0) }
            }
            if !seen.isEmpty { #expect(!isValid, "\(seen[0])") }
        }
        #expect(refused > 20)
    }

    @Test(
        "a value that a schema refuses is refused by the parser",
        arguments: ["ASEAN", "MY", "VN", "agreements", "vocabulary"],
        ["zz zz", "-1", "[a, a]", "{zz: zz}", ""])
    func valuesAreTheSame(name: String, value: String) throws {
        let check = SchemaCheck(try Self.schema(of: name))
        let document = try document(name)
        let root = try #require(document.root)
        let run = try MutationTests.run.get()
        var refused = 0
        for mutation in Mutation.all(of: root, words: KnownWords([])) {
            guard mutation.part == .value, mutation.change == .dropped else { continue }
            let changed = root.replacing(mutation.path, with: value)
            guard !check.faults(of: changed.editorValue).isEmpty else { continue }
            refused += 1
            let problems = run.problems(of: document.with(root: changed))
            #expect(!problems.isEmpty, "`\(value)` at \(mutation.place)")
        }
        #expect(refused > 5)
    }
}

extension MutationRun {
    /// Every error of the set with one file changed.
    fileprivate func problems(of document: PolicyDocument) -> [PolicyDiagnostic] {
        if case .refused(let problems) = reload.load(document) { problems } else { [] }
    }
}

extension Mutation {
    /// Each key left out, and with another letter.
    fileprivate static func ofKeys(in root: DocumentNode) -> [Mutation] {
        var seen: Set<[Int]> = []
        return all(of: root, words: KnownWords([])).filter { mutation in
            if mutation.part == .entry { return mutation.change == .dropped }
            return mutation.part == .key && seen.insert(mutation.path).inserted
        }
    }
}

extension DocumentNode {
    /// The document with a small one in the place of an entry's value.
    fileprivate func replacing(_ path: [Int], with text: String) -> DocumentNode {
        guard let index = path.first else { return Self.small(text, at: place) }
        switch content {
        case .word: return self
        case .list(var elements):
            elements[index] = elements[index].replacing(Array(path.dropFirst()), with: text)
            return DocumentNode(place: place, content: .list(elements))
        case .map(var entries):
            let entry = entries[index]
            entries[index] = Entry(
                key: entry.key, place: entry.place,
                value: entry.value.replacing(Array(path.dropFirst()), with: text))
            return DocumentNode(place: place, content: .map(entries))
        }
    }

    private static func small(_ text: String, at place: Place) -> DocumentNode {
        func word(_ text: String) -> DocumentNode {
            DocumentNode(place: place, content: .word(text, isQuoted: true))
        }
        let content: Content =
            switch text {
            case "[a, a]": .list([word("a"), word("a")])
            case "{zz: zz}": .map([Entry(key: "zz", place: place, value: word("zz"))])
            default: .word(text, isQuoted: text != "-1")
            }
        return DocumentNode(place: place, content: content)
    }

    /// As an editor's YAML reads it: plain digits are a number, everything else is text.
    var editorValue: JSON {
        switch content {
        case .word(let text, let isQuoted):
            if !isQuoted, let number = Int64(text), "\(number)" == text { return .integer(number) }
            return .string(text)
        case .list(let elements): return .array(elements.map(\.editorValue))
        case .map(let entries):
            return .object(
                JSON.Object(
                    Dictionary(
                        entries.map { ($0.key, $0.value.editorValue) },
                        uniquingKeysWith: { first, _ in first })))
        }
    }
}
