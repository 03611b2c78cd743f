import SelatCore

/// The texts of a set's files that no verdict depends on, for readers.
package struct PolicyTexts: Sendable {
    /// What one file says about itself.
    struct File: Sendable {
        struct Source: Sendable {
            let name: String
            let title: String
            let cite: String
            let kind: String
            let binds: [String]
        }

        var title = ""
        var reviewBy = ""
        var sources: [Source] = []
        /// Titles of authorities, documents and national categories, by name.
        var titles: [String: String] = [:]
        /// The note of each rule that has one.
        var notes: [String: String] = [:]
        var special: [String] = []
    }

    private var byName: [String: File] = [:]
    private(set) var instruments: [String: String] = [:]

    /// - Parameter files: those of a set that was loaded; what is malformed is left out.
    package init(_ files: [PolicySource]) {
        for source in files {
            let document = PolicyDocument(source)
            guard let root = document.root, let stem = document.stem else { continue }
            if stem == "agreements" {
                for node in root["instruments"]?.elements ?? [] {
                    instruments[node["id"]?.text ?? ""] = node["title"]?.text
                }
            } else if stem != "vocabulary" {
                byName[stem] = File(root)
            }
        }
    }

    subscript(name: String) -> File { byName[name] ?? File() }

    /// A country's name, else its code.
    func country(_ code: String) -> String {
        byName[code].map(\.title).flatMap { $0.isEmpty ? nil : $0 } ?? code
    }

    /// The title of an authority, a document or a national category of any file.
    func title(_ name: String) -> String? {
        let file = name.prefix { $0 != ":" }
        return byName[String(file)]?.titles[name]
    }
}

extension PolicyTexts.File {
    fileprivate init(_ root: DocumentNode) {
        title = root["title"]?.text ?? ""
        reviewBy = root["review-by"]?.text ?? ""
        for entry in root["sources"]?.entries ?? [] {
            let binds = entry.value["binds"]
            sources.append(
                Source(
                    name: entry.key, title: entry.value["title"]?.text ?? "",
                    cite: entry.value["cite"]?.text ?? "", kind: entry.value["kind"]?.text ?? "",
                    binds: binds?.text.map { [$0] } ?? binds?.elements.compactMap(\.text) ?? []))
        }
        for key in ["authorities", "documents", "national-categories"] {
            for entry in root[key]?.entries ?? [] {
                titles[entry.key] = entry.value["title"]?.text
            }
        }
        for rule in root["rules"]?.elements ?? [] {
            let name = Rule.Kind.allCases.lazy.compactMap { rule[$0.rawValue]?.text }.first
            if let name { notes[name] = rule["note"]?.text }
        }
        for key in ["categories", "subjects"] {
            let node = root["special"]?[key]
            special += node?.text.map { [$0] } ?? node?.elements.compactMap(\.text) ?? []
        }
    }
}

extension DocumentNode {
    fileprivate subscript(key: String) -> DocumentNode? {
        entries.first { $0.key == key }?.value
    }

    fileprivate var entries: [Entry] {
        if case .map(let entries) = content { entries } else { [] }
    }

    fileprivate var elements: [DocumentNode] {
        if case .list(let elements) = content { elements } else { [] }
    }

    fileprivate var text: String? {
        if case .word(let text, _) = content { text } else { nil }
    }
}
