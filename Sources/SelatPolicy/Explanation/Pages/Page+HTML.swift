package import SelatCore

// A page that needs nothing but itself: no script, no font, no picture from elsewhere, and a policy
// that lets a browser load none.
extension Page {
    /// - Parameter marked: the country that the page is about, framed in the matrix.
    package func html(marked: Country? = nil) -> String {
        let head = """
            <!DOCTYPE html>
            <html lang="\(written.rawValue)">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <meta name="color-scheme" content="light dark">
            <title>\(HTML.escaped(title))</title>
            <style>\(Self.style)</style>
            </head>
            <body>
            <main>
            <h1>\(HTML.escaped(title))</h1>
            """
        let body = blocks.map { html($0, marked) }
        return ([head] + [contents] + body + ["</main>", "</body>", "</html>", ""])
            .joined(separator: "\n")
    }

    /// The language of the sentences: that of the reader where they are translated.
    private var written: Language { PhraseTable.tables[language] == nil ? .en : language }

    /// Links to the sections, so that the keyboard reaches each.
    private var contents: String {
        let links = blocks.compactMap { block -> String? in
            guard case .heading(let text, 2, let id?) = block else { return nil }
            return "<li><a href=\"#\(HTML.escaped(id))\">\(HTML.escaped(text))</a></li>"
        }
        guard links.count > 2 else { return "" }
        return
            "<nav aria-label=\"\(HTML.escaped(Phrase.contents.template(language)))\"><ul>\(links.joined())</ul></nav>"
    }

    private func html(_ block: Block, _ marked: Country?) -> String {
        switch block {
        case .heading(let text, let level, let id):
            let name = id.map { " id=\"\(HTML.escaped($0))\"" } ?? ""
            return "<h\(level)\(name)>\(HTML.escaped(text))</h\(level)>"
        case .paragraph(let prose): return "<p>\(html(prose))</p>"
        case .list(let items): return Self.list(items.map(html))
        case .table(let headers, let rows): return table(headers, rows)
        case .rule(let rule): return html(rule)
        case .matrix(let matrix, let sentences):
            return html(matrix, sentences, marked)
        case .signatures(let heading, let edition, let columns):
            return signatures(heading, html(edition), columns)
        }
    }

    private func html(_ prose: Prose) -> String {
        prose.runs.map { run in
            switch run {
            case .text(let text): return HTML.escaped(text)
            case .name(let name, let code):
                return "<span title=\"\(HTML.escaped(code))\">\(HTML.escaped(name))</span>"
            case .code(let text): return "<code>\(HTML.escaped(text))</code>"
            case .term(let label, let code, let own):
                let lang = own == written ? "" : " lang=\"\(own.rawValue)\""
                return "<b class=\"t\"\(lang) title=\"\(HTML.escaped(code))\">"
                    + "\(HTML.escaped(label))</b>"
            }
        }.joined()
    }

    private static func list(_ items: [String]) -> String {
        "<ul>" + items.map { "<li>\($0)</li>" }.joined() + "</ul>"
    }

    private func table(_ headers: [String], _ rows: [[Prose]]) -> String {
        let head =
            headers.isEmpty
            ? ""
            : "<thead><tr>"
                + headers.map { "<th scope=\"col\">\(HTML.escaped($0))</th>" }.joined()
                + "</tr></thead>"
        let body = rows.map { row in
            let cells = row.enumerated().map { index, cell in
                index == 0 ? "<th scope=\"row\">\(html(cell))</th>" : "<td>\(html(cell))</td>"
            }
            return "<tr>\(cells.joined())</tr>"
        }
        return "<div class=\"wide\" tabindex=\"0\" role=\"group\">"
            + "<table>\(head)<tbody>\(body.joined())</tbody></table></div>"
    }

    private func html(_ rule: RuleSentences) -> String {
        let id = HTML.escaped(rule.rule.replacing("/", with: "-"))
        var parts = [
            "<article class=\"\(rule.kind.rawValue)\" id=\"\(id)\">",
            "<h3><code>\(HTML.escaped(rule.rule))</code></h3>", "<p>\(html(rule.sentence))</p>",
        ]
        if !rule.obligations.isEmpty { parts.append(Self.list(rule.obligations.map(html))) }
        parts.append("<p class=\"cite\">\(html(rule.citation))</p>")
        parts += rule.remarks.map { "<p class=\"cite\">\(html($0))</p>" }
        return (parts + ["</article>"]).joined(separator: "\n")
    }

    private func html(
        _ matrix: PolicyMatrix, _ sentences: Sentences, _ marked: Country?
    ) -> String {
        let items = matrix.groups(sentences).map { group in
            "<b>\(html(group.answer.name(sentences).capitalised))</b>: \(html(group.reason))<br>"
                + html(matrix.pairs(of: group, sentences))
        }
        return "<figure tabindex=\"0\">" + matrix.svg(sentences, marked: marked)
            + "</figure><p class=\"cite\">\(html(sentences.say(.matrixCaption)))</p>"
            + (items.isEmpty ? "" : Self.list(items))
    }

    /// Two officers sign an edition; two more lines cost nothing.
    private func signatures(_ heading: String, _ edition: String, _ columns: [String]) -> String {
        let heads = columns.map { "<th scope=\"col\">\(HTML.escaped($0))</th>" }
        let line = "<tr>" + columns.map { _ in "<td></td>" }.joined() + "</tr>"
        return
            "<section class=\"sign\"><h2>\(HTML.escaped(heading))</h2><p>\(edition)</p><table><thead><tr>"
            + heads.joined() + "</tr></thead><tbody>"
            + String(repeating: line, count: 3) + "</tbody></table></section>"
    }
}
