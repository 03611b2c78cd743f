/// A difference of two editions that stands beside the rules' meaning.
package struct TextChange: Hashable, Sendable {
    package enum Reach: String, Sendable {
        /// An input of verdicts that no rule's condition shows: dates of coming into force,
        /// markings, validity of documents, counters and what they count, instruments, the
        /// vocabulary.
        case input
        /// Titles, citations, notes, review dates, numbers of editions: verdicts cite them at most.
        case text
    }

    package let file: String
    /// Keys from the top, rules and instruments by name: `rules.breach.basis.clause`.
    package let path: String
    package let reach: Reach
    /// Nil where it was not there.
    package let before: String?
    /// Nil where it is gone.
    package let after: String?

    package var description: String {
        switch (before, after) {
        case (let before?, let after?): "\(file): \(path): \(before) → \(after)"
        case (nil, let after?): "\(file): \(path): added, \(after)"
        case (let before?, nil): "\(file): \(path): removed, \(before)"
        case (nil, nil): "\(file): \(path)"
        }
    }
}

extension PolicyDiff {
    /// What differs in two editions' files beside what rules mean, file by file.
    package static func textChanges(
        from old: [PolicySource], to new: [PolicySource]
    ) -> [TextChange] {
        let (before, after) = (documents(old), documents(new))
        return Set(before.keys).union(after.keys).sorted().flatMap { name in
            changes(name, before[name] ?? [], after[name] ?? [])
        }
    }

    private typealias Line = (path: [String], text: String)

    private static func documents(_ sources: [PolicySource]) -> [String: [Line]] {
        var documents: [String: [Line]] = [:]
        for source in sources {
            let document = PolicyDocument(source)
            guard let name = document.stem, let root = document.root else { continue }
            documents[name] = lines(root, [])
        }
        return documents
    }

    private static func changes(_ file: String, _ old: [Line], _ new: [Line]) -> [TextChange] {
        let before = Dictionary(old.map { ($0.path, $0.text) }, uniquingKeysWith: { $1 })
        let after = Dictionary(new.map { ($0.path, $0.text) }, uniquingKeysWith: { $1 })
        let paths = new.map(\.path) + old.map(\.path).filter { after[$0] == nil }
        let isCounting = paths.contains { $0.count > 2 && $0[0] == "counters" && $0[2] == "of" }
        return paths.compactMap { path in
            guard before[path] != after[path], let reach = reach(path, file, isCounting)
            else { return nil }
            return TextChange(
                file: file, path: path.joined(separator: "."), reach: reach,
                before: before[path], after: after[path])
        }
    }

    // MARK: Paths

    /// The words of a document with their paths; a list of words is one text.
    private static func lines(_ node: DocumentNode, _ path: [String]) -> [Line] {
        switch node.content {
        case .word(let word, _): return [(path, word)]
        case .map(let entries):
            return entries.flatMap { lines($0.value, path + [$0.key]) }
        case .list(let elements):
            let words = elements.compactMap { element in
                if case .word(let word, _) = element.content { word } else { nil }
            }
            if words.count == elements.count {
                return [(path, "[\(words.joined(separator: ", "))]")]
            }
            return elements.enumerated().flatMap { position, element in
                lines(element, path + [name(element) ?? "\(position + 1)"])
            }
        }
    }

    /// The name of a rule or an instrument.
    private static func name(_ node: DocumentNode) -> String? {
        guard case .map(let entries) = node.content else { return nil }
        let names = ["ground", "prohibition", "duty", "id"]
        guard let entry = entries.first(where: { names.contains($0.key) }),
            case .word(let name, _) = entry.value.content
        else { return nil }
        return name
    }

    private static let texts: Set<String> = [
        "title", "cite", "clause", "note", "label", "edition", "review-by", "standing", "source",
        "kind", "binds", "exemption", "basis", "attestation",
    ]

    /// Keys whose meaning is compared exactly, so that it does not stand here.
    private static let compared: Set<String> = [
        "when", "unless", "flow", "from", "until", "ladder", "obligations",
    ]

    /// - Parameter isCounting: whether a counter of the file asks what to count, which what its
    ///   words mean decides and no rule shows.
    private static func reach(
        _ path: [String], _ file: String, _ isCounting: Bool
    ) -> TextChange.Reach? {
        let isCountry = file != "agreements" && file != "vocabulary"
        guard isCountry else {
            let isText = path.contains("label") || ["title", "edition"].contains(path.last)
            return isText ? .text : .input
        }
        switch path[0] {
        case "rules":
            return path.count > 2 && compared.contains(path[2]) ? nil : .text
        case "special", "groups": return isCounting ? .input : nil
        case "national-categories" where path.contains("also-when"):
            return isCounting ? .input : nil
        case "in-force", "markings", "counters": return .input
        case "documents": return texts.contains(path.last ?? "") ? .text : .input
        case "jurisdiction", "national-categories":
            return path.contains { texts.contains($0) } ? .text : .input
        default: return .text
        }
    }
}
