import SelatCore

extension PolicyMatrix {
    private static let side = 28
    private static let margin = 40

    /// A heat map that needs nothing from elsewhere. The sign in each field says the answer, the
    /// colour only repeats it; a pointer on a field shows why.
    /// - Parameter marked: a country whose row and column are framed.
    func svg(_ sentences: Sentences, marked: Country? = nil) -> String {
        let width = Self.margin + countries.count * Self.side + 2
        let height = width + 58
        var parts = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(width) \(height)\" role=\"img\""
                + " aria-labelledby=\"m-title m-desc\" class=\"m\">",
            "<title id=\"m-title\">\(HTML.escaped(sentences.say(.matrix).plain))</title>",
            "<desc id=\"m-desc\">\(HTML.escaped(sentences.say(.matrixCaption).plain))</desc>",
            "<style>\(Self.style)</style>",
        ]
        for (index, country) in countries.enumerated() {
            let middle = Self.margin + index * Self.side + Self.side / 2
            parts.append(Self.label(country.code, x: middle, y: Self.margin - 10))
            parts.append(Self.label(country.code, x: Self.margin - 18, y: middle + 4))
        }
        for (row, cells) in cells.enumerated() {
            for (column, cell) in cells.enumerated() {
                parts.append(field(cell, row, column, sentences))
            }
        }
        if let marked, let index = countries.firstIndex(of: marked) { parts += frames(index) }
        parts.append(legend(sentences, y: width + 8))
        return (parts + ["</svg>"]).joined(separator: "\n")
    }

    /// The heat map as a file of its own.
    package func svg(
        _ set: PolicySet, _ texts: PolicyTexts, language: Language
    ) -> String {
        svg(Sentences(set: set, texts: texts, language: language))
    }

    private func field(_ cell: Cell, _ row: Int, _ column: Int, _ sentences: Sentences) -> String {
        let x = Self.margin + column * Self.side
        let y = Self.margin + row * Self.side
        let reason = cell.reasons(sentences).joined("; ")
        let title =
            "\(cell.source.code) → \(cell.destination.code): "
            + cell.answer.name(sentences).plain + (reason.isEmpty ? "" : ": \(reason.plain)")
        return "<g class=\"m-\(cell.answer.rawValue)\"><title>\(HTML.escaped(title))</title>"
            + "<rect x=\"\(x + 1)\" y=\"\(y + 1)\" width=\"\(Self.side - 2)\""
            + " height=\"\(Self.side - 2)\" rx=\"3\"/>"
            + "<text x=\"\(x + Self.side / 2)\" y=\"\(y + Self.side / 2 + 5)\">"
            + "\(cell.answer.sign)</text></g>"
    }

    private static func label(_ code: String, x: Int, y: Int) -> String {
        "<text class=\"m-code\" x=\"\(x)\" y=\"\(y)\">\(HTML.escaped(code))</text>"
    }

    private func frames(_ index: Int) -> [String] {
        let start = Self.margin + index * Self.side
        let length = countries.count * Self.side
        return [
            "<rect class=\"m-frame\" x=\"\(Self.margin)\" y=\"\(start)\" width=\"\(length)\""
                + " height=\"\(Self.side)\" rx=\"4\"/>",
            "<rect class=\"m-frame\" x=\"\(start)\" y=\"\(Self.margin)\" width=\"\(Self.side)\""
                + " height=\"\(length)\" rx=\"4\"/>",
        ]
    }

    /// Two signs beside one another, so that each has room for its words.
    private func legend(_ sentences: Sentences, y: Int) -> String {
        let width = (Self.margin + countries.count * Self.side) / 2
        return Answer.allCases.enumerated().map { index, answer in
            let (x, y) = (2 + index % 2 * width, y + index / 2 * 24)
            return "<g class=\"m-\(answer.rawValue)\"><rect x=\"\(x)\" y=\"\(y)\" width=\"18\""
                + " height=\"18\" rx=\"3\"/><text x=\"\(x + 9)\" y=\"\(y + 14)\">\(answer.sign)"
                + "</text></g><text class=\"m-legend\" x=\"\(x + 24)\" y=\"\(y + 14)\">"
                + "\(HTML.escaped(answer.name(sentences).plain))</text>"
        }.joined()
    }

    /// Each sign on its field, and each code on the page, has a contrast above 7 to 1.
    static let style = """
        .m text{font:600 15px system-ui,sans-serif;text-anchor:middle}
        .m .m-code{font:600 13px system-ui,sans-serif;fill:#1b1b1b}
        .m .m-legend{font:400 13px system-ui,sans-serif;text-anchor:start;fill:#1b1b1b}
        .m-permitted rect{fill:#cdeed6;stroke:#2c7a44}.m-permitted text{fill:#06300f}
        .m-approval rect{fill:#cfe2fb;stroke:#2b62a8}.m-approval text{fill:#062a55}
        .m-incomplete rect{fill:#fdeebb;stroke:#8a6d00}.m-incomplete text{fill:#3d2d00}
        .m-refused rect{fill:#f9d3d3;stroke:#a83a3a}.m-refused text{fill:#560909}
        .m .m-frame{fill:none;stroke:#1b1b1b;stroke-width:2}
        @media screen and (prefers-color-scheme:dark){
        .m .m-code,.m .m-legend{fill:#f0f0f0}
        .m-permitted rect{fill:#0f3d1d;stroke:#59c27a}.m-permitted text{fill:#dcf7e4}
        .m-approval rect{fill:#12335e;stroke:#7fb0ee}.m-approval text{fill:#e1eefd}
        .m-incomplete rect{fill:#463600;stroke:#d9b53a}.m-incomplete text{fill:#fff2c9}
        .m-refused rect{fill:#541313;stroke:#e58a8a}.m-refused text{fill:#ffe3e3}
        .m .m-frame{stroke:#f0f0f0}}
        """
}
