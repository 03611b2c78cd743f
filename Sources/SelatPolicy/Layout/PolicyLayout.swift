/// The canonical layout of a file: two spaces a level, short maps and lists in one line, the
/// author's comments and blank lines where they stood, and the labels of terms as comments.
package enum PolicyLayout {
    /// Why a file keeps the layout that it has.
    package enum Fault: Error, Hashable, Sendable, CustomStringConvertible {
        case problems(PolicyErrors)
        /// The text laid out would not say the same; nothing was changed.
        case wouldChange(file: String)

        package var description: String {
            switch self {
            case .problems(let errors): errors.description
            case .wouldChange(let file):
                "\(file): laid out it would not say the same; it is left as it is"
            }
        }
    }

    /// - Parameter vocabulary: the file whose labels stand beside terms; nil writes none.
    /// - Throws: `Fault`, where the file does not parse, or where the text laid out would not give
    ///   the same keys, values and comments.
    package static func format(
        _ source: PolicySource, vocabulary: PolicySource?
    ) throws(Fault) -> String {
        let document = PolicyDocument(source)
        guard let root = document.root else {
            throw .problems(PolicyErrors(diagnostics: document.problems))
        }
        let comments = Comments(String(decoding: source.bytes, as: UTF8.self))
        let labels = document.stem == "vocabulary" ? Labels() : Self.labels(vocabulary)
        var writer = LayoutWriter(comments: comments, labels: labels)
        let text = writer.write(root)
        let again = PolicyDocument(PolicySource(name: source.name, bytes: Array(text.utf8)))
        guard let other = again.root, other.says(root),
            Comments(text).all.map(\.text) == comments.all.map(\.text)
        else { throw .wouldChange(file: source.name) }
        return text
    }

    private static func labels(_ source: PolicySource?) -> Labels {
        guard let source else { return Labels() }
        var reader = VocabularyReader(file: source.name)
        return reader.read(PolicyDocument(source))?.labels ?? Labels()
    }
}

extension DocumentNode {
    /// Whether another document has the same keys, values and quotes in the same order.
    func says(_ other: DocumentNode) -> Bool {
        switch (content, other.content) {
        case (.word(let a, let isQuoted), .word(let b, let isOtherQuoted)):
            a == b && isQuoted == isOtherQuoted
        case (.list(let a), .list(let b)):
            a.count == b.count && zip(a, b).allSatisfy { $0.says($1) }
        case (.map(let a), .map(let b)):
            a.count == b.count
                && zip(a, b).allSatisfy { $0.key == $1.key && $0.value.says($1.value) }
        default: false
        }
    }
}
