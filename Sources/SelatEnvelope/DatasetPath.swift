import Foundation
import SelatCore

/// A file's place inside a dataset: what may be written below a folder on any system without
/// leaving it or hitting another file (Format, *Paths*).
///
/// It is read as file systems read it, by its bytes: to Swift a slash with a mark behind it is one `Character`, and no
/// slash.
package struct DatasetPath: Hashable, Sendable, CustomStringConvertible {
    /// Components joined by `/`.
    package let text: String

    package var description: String { text }

    /// - Throws: `EnvelopeError.unsafePath` with the rule that `text` breaks.
    package init(_ text: String) throws(EnvelopeError) {
        func refuse(_ reason: String) -> EnvelopeError { .unsafePath(text, reason) }
        guard !text.isEmpty else { throw refuse("is empty") }
        guard text.utf8.count <= Limits.pathBytesMax else {
            throw refuse("is longer than \(Limits.pathBytesMax) bytes")
        }
        let bytes = text.utf8
        guard bytes.first != Self.separator else { throw refuse("is absolute") }
        // Data Package v2, `path`: these begin other things than a file of the package. Few paths have a colon, and to
        // look for more than one byte takes long.
        let isURL = bytes.contains(UInt8(ascii: ":")) && bytes.contains("://".utf8)
        guard bytes.first != UInt8(ascii: "."), bytes.first != UInt8(ascii: "~"), !isURL
        else { throw refuse("begins with `.` or `~`, or is a URL") }
        guard !text.unicodeScalars.contains(where: Self.isForbidden) else {
            throw refuse("has a control character, a direction override or a backslash")
        }
        for component in bytes.split(separator: Self.separator, omittingEmptySubsequences: false) {
            guard !component.isEmpty else { throw refuse("has an empty component") }
            guard !component.elementsEqual(".".utf8), !component.elementsEqual("..".utf8) else {
                throw refuse("has a component `.` or `..`")
            }
            guard component.count <= Limits.pathComponentBytesMax else {
                throw refuse("has a component over \(Limits.pathComponentBytesMax) bytes")
            }
        }
        // Equal strings may differ in bytes: only the composed form is one name everywhere. ASCII has no other.
        let isASCII = bytes.allSatisfy { $0 < 0x80 }
        let composed = isASCII ? text : text.precomposedStringWithCanonicalMapping
        guard composed.utf8.elementsEqual(bytes) else {
            throw refuse("is not in Unicode normalization form C")
        }
        let first = Self.folded(composed).utf8.prefix(while: { $0 != Self.separator })
        guard !first.elementsEqual(Self.descriptorName.utf8) else {
            throw refuse("takes the place of the dataset's own description")
        }
        self.text = text
    }

    private static let separator = UInt8(ascii: "/")
    /// The file that describes an opened dataset.
    package static let descriptorName = "datapackage.json"

    /// Refuses paths that some file system would take for one, or that need one name as both file
    /// and folder. Letter case is folded: `A.csv` and `a.csv` do not go together.
    static func checkTogether(_ paths: [DatasetPath]) throws(EnvelopeError) {
        // With the separator below every other byte, a file stands directly before what lies
        // below it.
        let keys = paths.map { path in folded(path.text).utf8.map { $0 == separator ? 0 : $0 } }
        let order = keys.indices.sorted { keys[$0].lexicographicallyPrecedes(keys[$1]) }
        for (first, second) in zip(order, order.dropFirst()) {
            guard keys[first] != keys[second] else {
                throw .unsafePath(paths[second].text, "stands twice (letter case apart)")
            }
            guard !keys[second].starts(with: keys[first] + [0]) else {
                throw .unsafePath(paths[second].text, "lies below another file")
            }
        }
    }

    /// What names are compared by without their letter case (Format, *Paths*). Lower case before upper case joins ẞ
    /// with ss, and upper case before lower case ß with ss and ſ with s.
    private static func folded(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.lowercased() }
        func mapped(_ text: String, _ mapping: KeyPath<Unicode.Scalar.Properties, String>) -> String
        {
            text.unicodeScalars.map { $0.properties[keyPath: mapping] }.joined()
        }
        let upper = mapped(mapped(text, \.lowercaseMapping), \.uppercaseMapping)
        return mapped(upper, \.lowercaseMapping).precomposedStringWithCanonicalMapping
    }

    private static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x5C: true
        // Embeddings, overrides and isolates make a name read as another.
        case 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
