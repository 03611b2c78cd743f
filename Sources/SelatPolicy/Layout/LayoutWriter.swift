/// Writes one document in the canonical layout.
struct LayoutWriter {
    private static let columns = 100

    private let labels: Labels
    /// Comments and blank lines that are not yet written, in the order of lines.
    private var pending: [Comments.Comment]
    private let comments: Comments
    private var lines: [String] = []
    /// The last line of the source that was written.
    private var lastLine = 0

    init(comments: Comments, labels: Labels) {
        self.comments = comments
        self.labels = labels
        pending = comments.all
    }

    mutating func write(_ root: DocumentNode) -> String {
        write(root, at: 0, lead: "")
        for comment in pending { lines.append(comment.text) }
        return lines.joined(separator: "\n") + "\n"
    }

    // MARK: Nodes

    /// - Parameter lead: what stands on the first line already: `- ` of list elements, or nothing.
    private mutating func write(_ node: DocumentNode, at depth: Int, lead: String) {
        switch node.content {
        case .word(let text, let isQuoted):
            add(lead + OneLine.word(text, isQuoted), node, at: depth)
        case .list(let elements):
            for element in elements { write(element: element, at: depth) }
        case .map(let entries):
            for (index, entry) in entries.enumerated() {
                let isFirst = index == 0 && !lead.isEmpty
                write(entry, at: depth, lead: isFirst ? lead : "")
            }
        }
    }

    private mutating func write(element: DocumentNode, at depth: Int) {
        take(before: element.place.line, at: depth)
        let end = lastPlace(in: element)
        if case .word(let text, let isQuoted) = element.content {
            return add("- " + OneLine.word(text, isQuoted), element, at: depth)
        }
        if let flow = OneLine.text(of: element), fits("- " + flow, depth),
            !isCommented(from: element.place.line, to: end), !isBlockOnly(element, depth)
        {
            return add("- " + flow, element, at: depth)
        }
        // The element's keys stand two columns further, behind the hyphen.
        write(element, at: depth + 1, lead: "- ")
    }

    /// Rules and instruments read better with a key a line, and one key needs no braces.
    private func isBlockOnly(_ element: DocumentNode, _ depth: Int) -> Bool {
        guard case .map(let entries) = element.content else { return false }
        return entries.count == 1 || depth <= 1 && entries.count > 2
    }

    private mutating func write(_ entry: DocumentNode.Entry, at depth: Int, lead: String) {
        if lead.isEmpty { take(before: entry.place.line, at: depth) }
        // A lead stands two columns before its keys.
        let level = lead.isEmpty ? depth : depth - 1
        let key = lead + OneLine.key(entry.key)
        let end = lastPlace(in: entry.value)
        let isFlow = !isCommented(from: entry.place.line, to: end) && !isTopBlock(entry, depth)
        if let flow = OneLine.text(of: entry.value), isFlow || OneLine.isWord(entry.value),
            OneLine.isWord(entry.value) || fits("\(key): \(flow)", level)
        {
            return add("\(key): \(flow)", entry.value, at: level, line: entry.place.line)
        }
        add("\(key):", nil, at: level, line: entry.place.line)
        write(entry.value, at: depth + 1, lead: "")
    }

    /// The sections of a file, and a rule's obligations, stand one entry a line.
    private func isTopBlock(_ entry: DocumentNode.Entry, _ depth: Int) -> Bool {
        switch entry.value.content {
        case .map(let entries):
            depth == 0
                && entries.contains { entry in
                    if case .map = entry.value.content { true } else { false }
                }
        case .list(let elements):
            elements.contains { element in
                if case .map = element.content { entry.key != "any" } else { false }
            }
        case .word: false
        }
    }

    // MARK: Lines

    private mutating func add(
        _ text: String, _ node: DocumentNode?, at depth: Int, line: Int? = nil
    ) {
        let number = line ?? node?.place.line ?? lastLine
        let indented = String(repeating: "  ", count: depth) + text
        lastLine = max(lastLine, number, node.map { lastPlace(in: $0) } ?? 0)
        lines.append(indented + trailing(through: lastLine, node))
    }

    /// The author's comment on the line, else the labels of its terms.
    private mutating func trailing(through line: Int, _ node: DocumentNode?) -> String {
        if let first = pending.first, first.line <= line, first.isTrailing {
            pending.removeFirst()
            return "  \(first.text)"
        }
        let wordings = node.map { terms(in: $0) } ?? []
        return wordings.isEmpty ? "" : "  \(Comments.labelMark)\(wordings.joined(separator: "; "))"
    }

    private func terms(in node: DocumentNode) -> [String] {
        switch node.content {
        case .word(let text, _):
            guard text.contains(":") else { return [] }
            return labels.wording(.term(text), in: .en).map { [$0.text] } ?? []
        case .list(let elements): return elements.flatMap(terms)
        case .map(let entries): return entries.flatMap { terms(in: $0.value) }
        }
    }

    /// Writes the comments that stand above a line, and one blank line where one stood.
    private mutating func take(before line: Int, at depth: Int) {
        while let comment = pending.first, comment.line < line {
            pending.removeFirst()
            separate(comment.line)
            lines.append(String(repeating: "  ", count: depth) + comment.text)
            lastLine = max(lastLine, comment.line)
        }
        separate(line)
    }

    private mutating func separate(_ line: Int) {
        guard !lines.isEmpty, lines.last != "", comments.blank.contains(line - 1) else { return }
        lines.append("")
    }

    // MARK: Extent

    private func isCommented(from first: Int, to last: Int) -> Bool {
        guard first < last else { return false }
        return pending.contains { ($0.line >= first && $0.line < last) }
    }

    private func lastPlace(in node: DocumentNode) -> Int {
        switch node.content {
        case .word: node.place.line
        case .list(let elements): elements.map { lastPlace(in: $0) }.max() ?? node.place.line
        case .map(let entries): entries.map { lastPlace(in: $0.value) }.max() ?? node.place.line
        }
    }

    private func fits(_ text: String, _ depth: Int) -> Bool {
        text.count + 2 * depth <= Self.columns
    }
}
