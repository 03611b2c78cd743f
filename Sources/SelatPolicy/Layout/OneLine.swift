/// Values in one line: `{…}`, `[…]`, words.
enum OneLine {
    /// - Returns: nil where a word cannot stand in one line with others as it is written.
    static func text(of node: DocumentNode) -> String? {
        switch node.content {
        case .word(let text, let isQuoted): return word(text, isQuoted)
        case .list(let elements):
            guard let parts = parts(elements) else { return nil }
            return "[" + parts.joined(separator: ", ") + "]"
        case .map(let entries):
            guard let parts = parts(entries.map(\.value)) else { return nil }
            let pairs = zip(entries, parts).map { "\(key($0.key)): \($1)" }
            return "{" + pairs.joined(separator: ", ") + "}"
        }
    }

    private static func parts(_ nodes: [DocumentNode]) -> [String]? {
        let parts = nodes.compactMap { node -> String? in
            if case .word(let text, false) = node.content, text.contains(where: ",[]{}".contains) {
                return nil
            }
            return text(of: node)
        }
        return parts.count == nodes.count ? parts : nil
    }

    static func isWord(_ node: DocumentNode) -> Bool {
        if case .word = node.content { true } else { false }
    }

    static func word(_ text: String, _ isQuoted: Bool) -> String {
        isQuoted ? quoted(text) : text
    }

    static func key(_ text: String) -> String {
        let isPlain =
            text.unicodeScalars.allSatisfy { scalar in
                scalar.properties.isAlphabetic
                    || "0123456789:-_./+() ".unicodeScalars.contains(scalar)
            } && !text.contains(": ") && !text.hasSuffix(":") && !text.hasPrefix("-")
            && !text.hasPrefix(":") && !text.hasPrefix(" ") && !text.hasSuffix(" ")
        return isPlain ? text : quoted(text)
    }

    private static func quoted(_ text: String) -> String {
        let escaped = text.map { character in
            character == "\"" || character == "\\" ? "\\\(character)" : String(character)
        }
        return "\"\(escaped.joined())\""
    }
}
