/// A piece of a page. Whatever text comes into it is text there: a piece is made of literals, of
/// values and of elements of a closed set, and no way leads from a string to markup.
struct Html: Sendable, ExpressibleByStringInterpolation {
    private let markup: String

    private init(markup: String) { self.markup = markup }

    /// Text, escaped; a literal with values in it is text as a whole.
    init(stringLiteral text: String) { self.init(text) }

    init(_ text: String) {
        var escaped = String.UnicodeScalarView()
        for scalar in Terminal.plain(text).unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;".unicodeScalars
            case "<": escaped += "&lt;".unicodeScalars
            case ">": escaped += "&gt;".unicodeScalars
            case "\"": escaped += "&quot;".unicodeScalars
            case "'": escaped += "&#39;".unicodeScalars
            default: escaped.append(scalar)
            }
        }
        markup = String(escaped)
    }

    static let nothing = Html("")

    init(_ parts: [Html]) { markup = parts.map(\.markup).joined() }

    static func + (a: Html, b: Html) -> Html { Html(markup: a.markup + b.markup) }

    static func element(
        _ tag: Tag, _ attributes: [Attribute] = [], _ content: Html...
    ) -> Html {
        element(tag, attributes, content)
    }

    static func element(_ tag: Tag, _ attributes: [Attribute] = [], _ content: [Html]) -> Html {
        let words = attributes.map { " \($0.name)=\"\(Html($0.value).markup)\"" }.joined()
        let open = "<\(tag.rawValue)\(words)>"
        guard !tag.isVoid else { return Html(markup: open) }
        return Html(markup: open + Html(content).markup + "</\(tag.rawValue)>")
    }

    /// Text that keeps its lines, such as a proof: nothing in it is obeyed either.
    static func lines(_ text: String) -> Html {
        Html(
            text.split(separator: "\n", omittingEmptySubsequences: false).map {
                Html(String($0)) + Html(markup: "\n")
            })
    }

    var isEmpty: Bool { markup.isEmpty }

    /// The whole document's bytes.
    var document: [UInt8] { Array("<!DOCTYPE html>\n\(markup)\n".utf8) }
}

extension Html {
    /// Elements that a page may have: none that runs, embeds or sends.
    enum Tag: String {
        case html, head, title, meta, link, body, header, nav, main, footer, section
        case h1, h2, h3, p, a, ul, ol, li, dl, dt, dd, div, span, strong, code, pre, time, abbr
        case table, caption, thead, tbody, tr, th, td, details, summary
        case svg, g, circle, line, text, desc

        fileprivate var isVoid: Bool { self == .meta || self == .link }
    }

    struct Attribute {
        fileprivate let name: StaticString
        fileprivate let value: String

        private init(_ name: StaticString, _ value: String) {
            self.name = name
            self.value = value
        }

        static func `class`(_ name: StaticString) -> Attribute { .init("class", "\(name)") }
        static func id(_ name: String) -> Attribute { .init("id", name) }
        static func href(_ address: Address) -> Attribute { .init("href", address.text) }
        static func label(_ text: String) -> Attribute { .init("aria-label", text) }
        static func labelled(by id: String) -> Attribute { .init("aria-labelledby", id) }
        static func heading(_ text: String) -> Attribute { .init("data-heading", text) }
        static func title(_ text: String) -> Attribute { .init("title", text) }
        static func number(_ name: SvgNumber, _ value: Int) -> Attribute {
            switch name {
            case .x: .init("x", "\(value)")
            case .y: .init("y", "\(value)")
            case .x1: .init("x1", "\(value)")
            case .y1: .init("y1", "\(value)")
            case .x2: .init("x2", "\(value)")
            case .y2: .init("y2", "\(value)")
            case .cx: .init("cx", "\(value)")
            case .cy: .init("cy", "\(value)")
            case .r: .init("r", "\(value)")
            }
        }
        static func viewBox(_ width: Int, _ height: Int) -> Attribute {
            .init("viewBox", "0 0 \(width) \(height)")
        }
        /// What stands in the page itself and takes no value from elsewhere.
        static func fixed(_ name: StaticString, _ value: StaticString) -> Attribute {
            .init(name, "\(value)")
        }
        static func refresh(seconds: Int) -> Attribute { .init("content", "\(seconds)") }
    }

    enum SvgNumber { case x, y, x1, y1, x2, y2, cx, cy, r }
}

/// An address on this console: never another's.
struct Address {
    let text: String

    /// - Parameters:
    ///   - parts: of the path, each encoded.
    ///   - query: names and values, encoded.
    init(_ parts: [String], _ query: KeyValuePairs<String, String> = [:]) {
        let path = "/" + parts.map(Self.encoded).joined(separator: "/")
        let words = query.map { "\(Self.encoded($0))=\(Self.encoded($1))" }
        text = words.isEmpty ? path : path + "?" + words.joined(separator: "&")
    }

    init(_ parts: String..., query: KeyValuePairs<String, String> = [:]) {
        self.init(parts, query)
    }

    private static func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                || (0x61...0x7A).contains(byte) || [0x2D, 0x2E, 0x5F, 0x7E].contains(byte)
            let digits = String(byte, radix: 16, uppercase: true)
            return isPlain
                ? String(UnicodeScalar(byte)) : "%\(digits.count == 1 ? "0" : "")\(digits)"
        }.joined()
    }
}
