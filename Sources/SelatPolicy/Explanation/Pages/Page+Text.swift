// A page as text of at most 80 columns, and as Markdown.
extension Page {
    package var text: String {
        var lines = Self.wrapped(title)
        lines += [String(repeating: "=", count: min(title.count, 80)), ""]
        for block in blocks { lines += Self.text(block) + [""] }
        return lines.dropLast().joined(separator: "\n")
    }

    private static func text(_ block: Block) -> [String] {
        switch block {
        case .heading(let text, _, _): [text, String(repeating: "-", count: min(text.count, 80))]
        case .paragraph(let prose): wrapped(prose.plain)
        case .list(let items): items.flatMap { wrapped($0.plain, first: "- ", rest: "  ") }
        case .table(_, let rows): table(rows)
        case .rule(let rule):
            [rule.rule] + wrapped(rule.sentence.plain, first: "  ", rest: "  ")
                + rule.obligations.flatMap { wrapped($0.plain, first: "  - ", rest: "    ") }
                + ([rule.citation] + rule.remarks).flatMap {
                    wrapped($0.plain, first: "  ", rest: "  ")
                }
        case .matrix(let matrix, let sentences): matrix.text(sentences)
        case .signatures: []
        }
    }

    /// Two columns stand beside one another, more become one line each.
    private static func table(_ rows: [[Prose]]) -> [String] {
        let body = rows.map { $0.map(\.plain) }
        guard body.allSatisfy({ $0.count == 2 }) else {
            return body.flatMap { row in
                let rest = row.dropFirst().filter { !$0.isEmpty }.joined(separator: "; ")
                return wrapped("\(row.first ?? ""): \(rest)", first: "- ", rest: "  ")
            }
        }
        let width = min(44, body.map { $0[0].count }.max() ?? 0)
        return body.flatMap { row -> [String] in
            let indent = String(repeating: " ", count: width + 2)
            guard row[0].count <= width else {
                return wrapped(row[0]) + wrapped(row[1], first: indent, rest: indent)
            }
            let head = row[0] + String(repeating: " ", count: width - row[0].count + 2)
            return wrapped(row[1], first: head, rest: indent)
        }
    }

    /// Words in lines of at most 80 columns.
    static func wrapped(_ text: String, first: String = "", rest: String = "") -> [String] {
        var lines: [String] = []
        var line = first
        var isEmpty = true
        for word in text.split(separator: " ") {
            if !isEmpty, line.count + 1 + word.count > 80 {
                lines.append(line)
                (line, isEmpty) = (rest, true)
            }
            line += isEmpty ? String(word) : " \(word)"
            isEmpty = false
        }
        return lines + [line]
    }

    // MARK: Markdown

    package var markdown: String {
        var lines = ["# \(Self.escaped(title))", ""]
        for block in blocks { lines += Self.markdown(block) + [""] }
        return lines.dropLast().joined(separator: "\n")
    }

    private static func markdown(_ block: Block) -> [String] {
        switch block {
        case .heading(let text, let level, _):
            [String(repeating: "#", count: level) + " " + escaped(text)]
        case .paragraph(let prose): [markdown(prose)]
        case .list(let items): items.map { "- \(markdown($0))" }
        case .table(let headers, let rows):
            [
                "| " + (headers.isEmpty ? ["", ""] : headers.map(escaped)).joined(separator: " | ")
                    + " |"
            ]
                + [String(repeating: "|---", count: rows.first?.count ?? 2) + "|"]
                + rows.map { "| " + $0.map(markdown).joined(separator: " | ") + " |" }
        case .rule(let rule):
            ["### \(escaped(rule.rule))", "", markdown(rule.sentence), ""]
                + rule.obligations.map { "- \(markdown($0))" }
                + (rule.obligations.isEmpty ? [] : [""])
                + [([rule.citation] + rule.remarks).map(markdown).joined(separator: "  \n")]
        case .matrix(let matrix, let sentences):
            ["```"] + matrix.text(sentences) + ["```"]
        case .signatures: []
        }
    }

    private static func markdown(_ prose: Prose) -> String {
        prose.runs.map { run in
            switch run {
            case .text(let text): escaped(text)
            case .term(let label, _, _): "“\(escaped(label))”"
            case .name(let name, _): escaped(name)
            // No backtick can end the span, whatever the text has.
            case .code(let text): "`\(text.replacing("`", with: "'").replacing("|", with: "/"))`"
            }
        }.joined()
    }

    /// Nothing of a text can become markup, a link or a cell.
    private static func escaped(_ text: String) -> String {
        String(
            text.flatMap { letter -> [Character] in
                if letter.isNewline { return [" "] }
                return "\\`*_{}[]<>#|!~&".contains(letter) ? ["\\", letter] : [letter]
            })
    }
}
