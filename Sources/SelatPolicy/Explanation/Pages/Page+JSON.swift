package import SelatCore

extension Page {
    /// `{"title", "language", "parts": [{"heading"} | {"paragraph"} | {"list"} | {"table"} |
    /// {"rule"} | {"matrix"}]}`
    package var json: JSON {
        [
            "title": .string(title), "language": .string(language.rawValue),
            "parts": .array(blocks.compactMap(Self.json)),
        ]
    }

    private static func json(_ block: Block) -> JSON? {
        switch block {
        case .heading(let text, _, _): ["heading": .string(text)]
        case .paragraph(let prose): ["paragraph": .string(prose.plain)]
        case .list(let items): ["list": .strings(items.map(\.plain))]
        case .table(_, let rows): ["table": .array(rows.map { .strings($0.map(\.plain)) })]
        case .rule(let rule):
            [
                "rule": [
                    "name": .string(rule.rule), "kind": .string(rule.kind.rawValue),
                    "sentence": .string(rule.sentence.plain),
                    "citation": .string(rule.citation.plain),
                    "obligations": .strings(rule.obligations.map(\.plain)),
                    "remarks": .strings(rule.remarks.map(\.plain)),
                ]
            ]
        case .matrix(let matrix, _): ["matrix": matrix.json]
        case .signatures: nil
        }
    }
}
