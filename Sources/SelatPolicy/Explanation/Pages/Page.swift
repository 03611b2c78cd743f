/// What an explanation shows, before it is text, Markdown or HTML.
package struct Page: Sendable {
    enum Block: Sendable {
        case heading(String, level: Int, id: String? = nil)
        case paragraph(Prose)
        case list([Prose])
        case table(headers: [String], rows: [[Prose]])
        case rule(RuleSentences)
        case matrix(PolicyMatrix, Sentences)
        /// Lines for officers to sign on paper.
        case signatures(String, of: Prose, columns: [String])
    }

    let title: String
    let language: Language
    private(set) var blocks: [Block] = []

    init(_ title: String, _ language: Language) {
        self.title = title
        self.language = language
    }

    mutating func add(_ block: Block) { blocks.append(block) }

    mutating func add(_ prose: Prose) { blocks.append(.paragraph(prose)) }

    /// Every wording on the page with what it stands for, in the order of the codes.
    var glossary: [(code: String, label: String)] {
        var labels: [String: String] = [:]
        for run in blocks.flatMap(\.prose).flatMap(\.runs) {
            switch run {
            case .term(let label, let code, _), .name(let label, let code): labels[code] = label
            case .text, .code: break
            }
        }
        return labels.map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 }
    }

    mutating func addGlossary(_ sentences: Sentences) {
        let rows = glossary.map { [Prose($0.label), Prose.code($0.code)] }
        guard !rows.isEmpty else { return }
        add(.heading(sentences.say(.glossary).plain, level: 2))
        add(.table(headers: [], rows: rows))
    }
}

extension Page.Block {
    /// Everything in it that may name a term.
    fileprivate var prose: [Prose] {
        switch self {
        case .heading: []
        case .signatures(_, let edition, _): [edition]
        case .paragraph(let prose): [prose]
        case .list(let items): items
        case .table(_, let rows): rows.flatMap(\.self)
        case .rule(let rule):
            [rule.sentence, rule.citation] + rule.remarks + rule.obligations
        case .matrix(let matrix, let sentences): matrix.groups(sentences).map(\.reason)
        }
    }
}
