/// The comments of a file: everything that the tree does not hold, and that a layout must keep.
struct Comments {
    struct Comment: Equatable {
        let line: Int
        /// From its `#` to the line's end.
        let text: String
        /// Whether something stands before it on its line.
        let isTrailing: Bool
    }

    private(set) var all: [Comment] = []
    /// Lines on which nothing stands.
    private(set) var blank: Set<Int> = []

    /// - Parameter text: of a file that parses; no `#` within quotes begins a comment.
    init(_ text: String) {
        var quote: Character?
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        for (index, line) in lines.enumerated() {
            if quote == nil, line.allSatisfy({ $0 == " " }) { blank.insert(index + 1) }
            read(Array(line), index + 1, &quote)
        }
    }

    /// What the layout writes itself, and so what it leaves out when it reads: labels of terms.
    static let labelMark = "# = "

    private mutating func read(_ line: [Character], _ number: Int, _ quote: inout Character?) {
        var index = 0
        while index < line.count {
            let character = line[index]
            let isStart = index == 0 || " [{,:-".contains(line[index - 1])
            if let open = quote {
                if open == "\"", character == "\\" {
                    index += 1
                } else if character == open {
                    // In single quotes two of them are one.
                    if open == "'", index + 1 < line.count, line[index + 1] == "'" {
                        index += 1
                    } else {
                        quote = nil
                    }
                }
            } else if isStart, character == "\"" || character == "'" {
                quote = character
            } else if character == "#", index == 0 || line[index - 1] == " " {
                let before = line[..<index].contains { $0 != " " }
                let text = Self.trimmed(String(line[index...]))
                if !text.hasPrefix(Self.labelMark) {
                    all.append(Comment(line: number, text: text, isTrailing: before))
                }
                return
            }
            index += 1
        }
    }

    private static func trimmed(_ text: String) -> String {
        var text = Substring(text)
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
