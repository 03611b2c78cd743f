/// A sentence, or a part of one, of which each place knows what it names: terms keep their code, so
/// that a reader who sees a wording finds it in the file.
package struct Prose: Hashable, Sendable {
    package enum Run: Hashable, Sendable {
        case text(String)
        /// A wording in a language, and what it stands for in the files.
        case term(String, code: String, Language)
        /// A country or a federation by its name.
        case name(String, code: String)
        /// Verbatim from a file or a record: rules, digests, clauses.
        case code(String)
    }

    package private(set) var runs: [Run]

    package init(_ runs: [Run] = []) { self.runs = runs }

    package init(_ text: String) { runs = text.isEmpty ? [] : [.text(text)] }

    static func code(_ text: String) -> Prose { Prose([.code(text)]) }

    static func + (a: Prose, b: Prose) -> Prose { Prose(a.runs + b.runs) }
    static func + (a: Prose, b: String) -> Prose { a + Prose(b) }
    static func += (a: inout Prose, b: Prose) { a.runs += b.runs }

    var isEmpty: Bool { runs.isEmpty }

    /// With a capital letter at its beginning.
    var capitalised: Prose {
        guard case .text(let text) = runs.first else { return self }
        return Prose([.text(text.prefix(1).uppercased() + text.dropFirst())] + runs.dropFirst())
    }

    /// As plain text, terms in quotation marks.
    package var plain: String {
        runs.map { run in
            switch run {
            case .text(let text): text
            case .term(let label, _, _): "“\(label)”"
            case .name(let name, _): name
            case .code(let text): text
            }
        }.joined()
    }
}

extension [Prose] {
    func joined(_ separator: String) -> Prose {
        dropFirst().reduce(first ?? Prose()) { $0 + separator + $1 }
    }
}
