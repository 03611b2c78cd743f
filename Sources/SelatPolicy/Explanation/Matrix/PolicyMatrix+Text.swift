package import SelatCore

extension PolicyMatrix {
    /// Destinations beside one another on 80 columns.
    private static let columnsMax = 25

    /// The table, the legend and the reasons, in lines of at most 80 columns.
    func text(_ sentences: Sentences) -> [String] {
        var lines: [String] = []
        for start in stride(from: 0, to: countries.count, by: Self.columnsMax) {
            let columns = start..<min(start + Self.columnsMax, countries.count)
            if start > 0 { lines.append("") }
            lines.append("    " + columns.map { countries[$0].code }.joined(separator: " "))
            for (source, row) in zip(countries, cells) {
                let signs = columns.map { row[$0].answer == .refused ? "x" : row[$0].answer.sign }
                lines.append("\(source.code)   " + signs.joined(separator: "  "))
            }
        }
        let legend = Answer.allCases.map { answer in
            "\(answer == .refused ? "x" : answer.sign) \(answer.name(sentences).plain)"
        }
        lines += ["", legend.joined(separator: "   ")]
        for group in groups(sentences) {
            let head = "\(group.answer.name(sentences).plain): \(group.reason.plain)"
            lines += Page.wrapped(head.prefix(1).uppercased() + head.dropFirst())
            lines += Page.wrapped(
                pairs(of: group, sentences).plain, first: "    ", rest: "    ")
        }
        return lines
    }

    /// `{"countries", "decided", "facts", "cells": [{"from", "to", "answer", …}]}`
    package var json: JSON {
        [
            "countries": .strings(countries.map(\.code)),
            "decided": .string(question.decided.text), "facts": question.facts.json,
            "label": question.label?.json ?? .null, "cells": .array(cells.joined().map(\.json)),
        ]
    }
}

extension PolicyMatrix.Cell {
    fileprivate var json: JSON {
        [
            "from": .string(source.code), "to": .string(destination.code),
            "answer": .string(answer.rawValue), "grounds": .strings(verdict.grounds),
            "prohibitions": .strings(verdict.prohibitions), "built_in": .strings(verdict.builtIn),
            "missing": .strings(verdict.missing),
            "obligations": .strings(verdict.obligations.map(\.summary)),
        ]
    }
}
