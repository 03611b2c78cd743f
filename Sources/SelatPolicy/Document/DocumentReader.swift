package import SelatCore

/// Reads a document key by key, collects every problem, and refuses what nobody asked for.
///
/// Each method returns nil after it has reported why.
package struct DocumentReader {
    package let file: String
    package private(set) var problems: [PolicyDiagnostic] = []

    package init(file: String) { self.file = file }

    package mutating func report(
        _ code: PolicyDiagnostic.Code, _ place: Place, _ message: String,
        severity: PolicyDiagnostic.Severity = .error
    ) {
        let problem = PolicyDiagnostic(
            file: file, place: place, code: code, message: message, severity: severity)
        // A value is looked at by its map's shape and by its own reader: one finding is enough.
        let isKnown = problems.contains { $0 == problem || $0.isAboutTheValue(of: problem) }
        if !isKnown { problems.append(problem) }
    }

    /// The root of a file. It computes no digest: the daemon's configuration is read before it is
    /// known which provider of OpenSSL computes.
    package mutating func root(of source: PolicySource) -> DocumentNode? {
        let (root, problems) = PolicyDocument.tree(of: source)
        self.problems += problems
        return root
    }

    /// The root of a parsed file.
    mutating func root(of document: PolicyDocument) -> DocumentNode? {
        problems += document.problems
        return document.root
    }

    /// A map whose keys are all among `keys`.
    package mutating func section(
        _ node: DocumentNode?, _ what: String, keys: [String]
    ) -> Section? {
        guard let node, let section = map(node, what) else { return nil }
        for entry in section.entries where !keys.contains(entry.key) {
            let hint = Nearest.hint(Nearest.word(to: entry.key, in: keys))
            report(.unknownKey, entry.place, "unknown key `\(entry.key)` in \(what)\(hint)")
        }
        return section
    }

    /// A map with keys of the writer's choice.
    package mutating func map(_ node: DocumentNode, _ what: String) -> Section? {
        guard case .map(let entries) = node.content else {
            report(.wrongType, node.place, "\(what) must be keys with values")
            return nil
        }
        var seen: Set<String> = []
        let unique = entries.filter { entry in
            if seen.insert(entry.key).inserted { return true }
            report(.duplicateKey, entry.place, "`\(entry.key)` stands twice in \(what)")
            return false
        }
        return Section(what: what, place: node.place, entries: unique)
    }

    /// The value of a key that must be there.
    package mutating func required(_ section: Section, _ key: String) -> DocumentNode? {
        if let value = section[key] { return value }
        report(.missingKey, section.place, "\(section.what) lacks `\(key)`")
        return nil
    }

    /// One word or one text.
    package mutating func word(_ node: DocumentNode?, _ what: String) -> String? {
        guard let node else { return nil }
        guard case .word(let text, _) = node.content else {
            report(.wrongType, node.place, "\(what) must be one value")
            return nil
        }
        guard !text.isEmpty else {
            report(.wrongType, node.place, "\(what) is empty; write a value")
            return nil
        }
        return text
    }

    /// A text that must stand in quotes, so that no character of it can mean something to YAML.
    package mutating func quoted(_ node: DocumentNode?, _ what: String) -> String? {
        guard let node, let text = word(node, what) else { return nil }
        guard case .word(_, true) = node.content else {
            report(.unquoted, node.place, "\(what) must be quoted: \"\(text)\"")
            return nil
        }
        return text
    }

    /// A list of nodes, or the one that stands alone.
    package mutating func list(_ node: DocumentNode?, _ what: String) -> [DocumentNode]? {
        guard let node else { return nil }
        switch node.content {
        case .list(let elements): return elements
        case .word: return [node]
        case .map:
            report(.wrongType, node.place, "\(what) must be a list")
            return nil
        }
    }

    /// Words without repetition, at least one.
    package mutating func words(_ node: DocumentNode?, _ what: String) -> [Word]? {
        guard let node, let elements = list(node, what) else { return nil }
        guard !elements.isEmpty else {
            report(.emptyCondition, node.place, "\(what) must name at least one")
            return nil
        }
        var result: [Word] = []
        for element in elements {
            guard let text = word(element, "each of \(what)") else { continue }
            if result.contains(where: { $0.text == text }) {
                report(.doubled, element.place, "`\(text)` stands twice")
            } else {
                result.append(
                    Word(text: text, place: element.place, isQuoted: element.isQuoted))
            }
        }
        return result
    }

    /// `yes` or `no`.
    package mutating func flag(_ node: DocumentNode?, _ what: String) -> Bool? {
        guard let node, let text = word(node, what) else { return nil }
        switch text {
        case "yes": return true
        case "no": return false
        default:
            report(.wrongType, node.place, "\(what) must be `yes` or `no`, not `\(text)`")
            return nil
        }
    }

    /// A word of a closed set.
    package mutating func choice<Value: RawRepresentable & CaseIterable>(
        _ node: DocumentNode?, _ what: String, _ type: Value.Type = Value.self
    ) -> Value? where Value.RawValue == String {
        choice(node, what, Value.allCases.map(\.rawValue)).flatMap(Value.init)
    }

    mutating func choice(_ node: DocumentNode?, _ what: String, _ words: [String]) -> String? {
        guard let node, let text = word(node, what) else { return nil }
        if words.contains(text) { return text }
        let nearest = Nearest.word(to: text, in: words)
        let hint =
            nearest == nil ? "; one of \(words.joined(separator: ", "))" : Nearest.hint(nearest)
        report(.unknownWord, node.place, "`\(text)` is no \(what)\(hint)")
        return nil
    }

    /// Reports a word that is none of `names`.
    /// - Parameter message: such as `` `pd:Nane` is no term of categories ``.
    mutating func reportUnknownTerm(
        _ word: Word, among names: [String], _ message: String
    ) {
        let hint = Nearest.hint(Nearest.word(to: word.text, in: names))
        // A term that is right elsewhere is no slip of the hand: say why it does not count.
        let isForeign = ["dpv:", "pd:", "eu-", "sector-"].contains { word.text.hasPrefix($0) }
        let note = isForeign ? "; a term of DPV counts where the vocabulary lists it for this" : ""
        report(.unknownTerm, word.place, message + hint + note)
    }

    package mutating func country(_ word: Word) -> Country? {
        guard Countries.index[word.text] != nil, let country = try? Country(word.text) else {
            let nearest = Nearest.word(to: word.text, in: Countries.codes)
            report(
                .unknownCountry, word.place,
                "`\(word.text)` is no country code of ISO 3166-1\(Nearest.hint(nearest))")
            return nil
        }
        return country
    }
}

/// The keys of one map, in the file's order.
package struct Section: Sendable {
    package let what: String
    package let place: Place
    package let entries: [DocumentNode.Entry]

    package subscript(key: String) -> DocumentNode? { entries.first { $0.key == key }?.value }

    /// Where a key stands; the map's own place where it does not.
    func place(of key: String) -> Place { entries.first { $0.key == key }?.place ?? place }
}

extension PolicyDiagnostic {
    /// Whether another finding says the same of the same value in other words.
    fileprivate func isAboutTheValue(of other: PolicyDiagnostic) -> Bool {
        let codes: Set<Code> = [
            .wrongType, .unquoted, .number, .duration, .date, .unknownWord, .unknownCountry,
            .doubled, .emptyCondition, .duplicateKey, .prefix,
        ]
        return place == other.place && code == other.code && codes.contains(code)
    }
}

/// A word with its place.
package struct Word: Sendable {
    package let text: String
    package let place: Place
    var isQuoted = false

    /// The node that it came from.
    var node: DocumentNode {
        DocumentNode(place: place, content: .word(text, isQuoted: isQuoted))
    }
}
