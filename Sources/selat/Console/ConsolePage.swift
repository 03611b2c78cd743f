import HTTPTypes
import Hummingbird
import SelatCore
import SelatHTTP

/// What one page shows.
protocol ConsolePageContent {
    var title: String { get }
    var body: Html { get }
}

/// The frame around every page.
struct ConsolePage {
    /// The first part of its address; marks where the reader is.
    let place: String
    let title: String
    let body: Html

    private static let places = [
        ("", "Overview"), ("transfers", "Transfers"), ("approvals", "Approvals"),
        ("holdings", "Holdings"), ("policies", "Policies"), ("members", "Members"),
        ("audit", "Audit log"),
    ]

    func response(_ status: HTTPResponse.Status = .ok) -> Response {
        let page = Html.element(
            .html, [.fixed("lang", "en")],
            .element(
                .head, [],
                .element(.meta, [.fixed("charset", "utf-8")]),
                .element(
                    .meta,
                    [
                        .fixed("name", "viewport"),
                        .fixed("content", "width=device-width, initial-scale=1"),
                    ]),
                .element(
                    .link, [.fixed("rel", "stylesheet"), .fixed("href", "/style.css")]),
                .element(.title, [], "\(title) · Selat")),
            .element(
                .body, [],
                .element(
                    .a, [.class("skip"), .fixed("href", "#main")], "Skip to the content"),
                .element(
                    .header, [], .paragraph(.element(.strong, [], "Selat")), navigation),
                .element(.main, [.id("main")], body),
                .element(
                    .footer, [],
                    .paragraph(
                        "Read only, at ", .time(SystemTime.now),
                        ". What is shown is what the control socket tells whoever runs this console."
                    ))))
        return .bytes(page.document, status: status, mediaType: "text/html; charset=utf-8")
    }

    private var navigation: Html {
        .element(
            .nav, [.label("Pages")],
            .element(
                .ul, [],
                Self.places.map { path, name in
                    let here: [Html.Attribute] =
                        path == place ? [.fixed("aria-current", "page")] : []
                    return .element(
                        .li, [],
                        .element(
                            .a, [.href(path.isEmpty ? Address() : Address(path))] + here,
                            Html(name)))
                }))
    }

    /// A page for somebody who may not look: it tells nothing of the node.
    static func refusal(_ refusal: ConsoleRefusal) -> Response {
        let page = Html.element(
            .html, [.fixed("lang", "en")],
            .element(
                .head, [], .element(.meta, [.fixed("charset", "utf-8")]),
                .element(.title, [], "Selat")),
            .element(.body, [], .element(.main, [], .paragraph(refusal.words))))
        return .bytes(
            page.document, status: refusal.status, mediaType: "text/html; charset=utf-8")
    }
}

// MARK: Words that pages share

extension Html {
    /// A state in words whose colour repeats what they say.
    static func state(_ state: String) -> Html {
        switch state {
        case "delivered", "opened", "proven", "ready", "witnessed":
            .element(.span, [.class("good")], Html(state))
        case "refused", "expired", "unconfirmed", "forked", "behind", "cancelled", "withdrawn",
            "lapsed":
            .element(.span, [.class("bad")], Html(state))
        default: .element(.span, [.class("wait")], Html(state))
        }
    }

    static func transfer(_ id: String) -> Html {
        .element(.a, [.href(Address("transfers", id)), .class("id")], Html(id))
    }

    static func entry(_ entry: JSON) -> Html {
        .link("entry \(entry.text("sequence"))", Address("audit", entry.text("sequence")))
    }

    static func label(_ label: JSON?) -> Html {
        guard let label else { return .nothing }
        let countries = (label["releasable-to"]?.arrayValue ?? []).compactMap(\.stringValue)
        return
            "\(label.text("classification")), \(label.text("tlp")), to \(countries.joined(separator: ", "))"
    }

    /// Lines that ask for attention; nothing where there are none.
    static func warnings(_ lines: [String]) -> Html {
        guard !lines.isEmpty else { return .nothing }
        return .element(
            .section, [.class("warnings"), .label("Warnings")],
            .element(.h2, [], lines.count == 1 ? "A warning" : "\(lines.count) warnings"),
            .list(lines.map { Html($0) }))
    }
}

extension JSON {
    func array(_ key: String) -> [JSON] { self[key]?.arrayValue ?? [] }
    func strings(_ key: String) -> [String] { array(key).compactMap(\.stringValue) }
}
