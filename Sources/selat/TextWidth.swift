// How many columns of a terminal text takes.

extension Unicode.Scalar {
    /// 0 for marks on other letters, 2 for the wide letters of East Asia, else 1.
    var columns: Int {
        switch properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: 0
        default: Self.wide.contains { $0.contains(value) } ? 2 : 1
        }
    }

    /// East Asian Width W and F (Unicode Standard Annex 11), by blocks.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
        0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F,
        0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x20000...0x3FFFD,
    ]
}

extension StringProtocol {
    var columns: Int { unicodeScalars.reduce(0) { $0 + $1.columns } }

    /// The text filled up with spaces.
    func padded(to width: Int, atLeft: Bool = false) -> String {
        let spaces = String(repeating: " ", count: Swift.max(0, width - columns))
        return atLeft ? spaces + self : self + spaces
    }

    /// The text, or what fits of it and an ellipsis.
    func fitted(to width: Int) -> String {
        guard columns > width else { return String(self) }
        return String(prefix(columns: width - 1)) + "…"
    }

    /// The text in lines of at most `width` columns, broken between words where there are any.
    func wrapped(to width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in split(separator: " ") {
            if !line.isEmpty, line.columns + 1 + word.columns > width {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? String(word) : " \(word)"
            while line.columns > width {
                let piece = line.prefix(columns: width)
                lines.append(String(piece))
                line = String(line[piece.endIndex...])
            }
        }
        return line.isEmpty && !lines.isEmpty ? lines : lines + [line]
    }

    /// The first letters that take at most `width` columns, and at least one.
    private func prefix(columns width: Int) -> SubSequence {
        var (index, taken) = (startIndex, 0)
        while index < endIndex {
            taken += self[index].unicodeScalars.reduce(0) { $0 + $1.columns }
            if taken > width, index > startIndex { break }
            formIndex(after: &index)
        }
        return self[..<index]
    }
}
