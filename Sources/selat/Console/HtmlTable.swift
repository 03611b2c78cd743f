/// A table with a caption; in a narrow window each row is a card of its own.
struct HtmlTable {
    private let caption: String
    private let headers: [String]
    private var rows: [[Html]] = []
    private let whenEmpty: Html

    init(_ caption: String, _ headers: [String], whenEmpty: Html) {
        self.caption = caption
        self.headers = headers
        self.whenEmpty = whenEmpty
    }

    /// The first cell names the row.
    mutating func add(_ row: Html...) {
        precondition(row.count == headers.count, "a row has a cell for each header")
        rows.append(row)
    }

    var html: Html {
        guard !rows.isEmpty else {
            return .element(
                .section, [], .element(.h2, [], Html(caption)), .element(.p, [], whenEmpty))
        }
        let head = headers.map { Html.element(.th, [.fixed("scope", "col")], Html($0)) }
        let body = rows.map { row in
            Html.element(.tr, [], row.enumerated().map { cell($1, $0) })
        }
        return .element(
            .div, [.class("wide")],
            .element(
                .table, [],
                .element(.caption, [], Html(caption)),
                .element(.thead, [], .element(.tr, [], head)), .element(.tbody, [], body)))
    }

    private func cell(_ content: Html, _ column: Int) -> Html {
        // One child: in a card, heading and content stand beside each other.
        let child = content.isEmpty ? content : Html.element(.div, [], content)
        let heading = Html.Attribute.heading(headers[column])
        return column == 0
            ? .element(.th, [.fixed("scope", "row"), heading], child)
            : .element(.td, [heading], child)
    }
}

extension Html {
    /// Names and values; what has no value is left out.
    static func facts(_ facts: [(String, Html?)]) -> Html {
        .element(
            .dl, [],
            facts.flatMap { name, value in
                value.map { [.element(.dt, [], Html(name)), .element(.dd, [], $0)] } ?? []
            })
    }

    static func paragraph(_ content: Html...) -> Html { .element(.p, [], content) }
    static func code(_ text: String) -> Html { .element(.code, [], Html(text)) }
    static func link(_ text: String, _ address: Address) -> Html {
        .element(.a, [.href(address)], Html(text))
    }
    static func section(_ title: String, _ content: Html...) -> Html {
        .element(.section, [], [.element(.h2, [], Html(title))] + content)
    }
    static func list(_ items: [Html]) -> Html {
        .element(.ul, [], items.map { .element(.li, [], $0) })
    }
    /// A time that a reader sees as it is, and programs know as one.
    static func time(_ text: String) -> Html {
        text.isEmpty
            ? .nothing
            : .element(.time, [], Html(text.replacing("T", with: " ").replacing("Z", with: " UTC")))
    }
}
