import SelatCore
import SelatCrypto
import SelatPolicy

/// Policy editions in force, and who may send to whom by them.
struct PoliciesPage: ConsolePageContent {
    private let editions: [(String, JSON)]
    private let matrix: PolicyMatrix?
    private let fault: String?
    let title = "Policies"

    init(_ source: ConsoleSource) async throws {
        let answer = try await source.get("/v1/policies?documents=1")[0]
        editions = (answer["editions"]?.objectValue ?? [:]).sorted { $0.key < $1.key }
        do {
            matrix = try Self.matrix(answer["documents"]?.objectValue ?? [:])
            fault = nil
        } catch {
            matrix = nil
            fault = "\(error)"
        }
    }

    /// Judged here, by the very files in force: data that is not personal, unclassified, for the
    /// public's benefit.
    private static func matrix(_ documents: JSON.Object) throws -> PolicyMatrix? {
        let files = documents.compactMap { name, bytes in
            bytes.stringValue.flatMap { Base64.decode($0) }.map {
                PolicySource(name: name, bytes: $0)
            }
        }
        guard !files.isEmpty, let question = PolicyMatrix.question(at: SystemClock().now()) else {
            return nil
        }
        return try PolicyMatrix(
            try PolicySet.load(files: files.sorted { $0.name < $1.name }, signed: []), question)
    }

    var body: Html {
        Html([.element(.h1, [], "Policies"), table, picture])
    }

    private var table: Html {
        var table = HtmlTable(
            "Editions",
            ["name", "edition", "standing", "in force", "review by", "signed by", "digest"],
            whenEmpty: "None is in force.")
        for (name, edition) in editions {
            let signatures = edition["signatures"]
            let next = edition.array("waiting").first.map {
                " (edition \($0.text("edition")) from \($0.text("in_force")))"
            }
            table.add(
                Html(name), Html(edition.text("edition") + (next ?? "")),
                edition["fault"] == nil
                    ? Html(edition.text("standing"))
                    : .element(.span, [.class("bad")], Html(edition.text("fault"))),
                .time(edition.text("in_force")), .time(edition.text("review_by")),
                Html(
                    signatures.map {
                        "\($0.text("counted")) of \($0.text("needed")) \($0.text("of"))"
                    }
                        ?? ""),
                .code(String(edition.text("digest").prefix(19))))
        }
        return table.html
    }

    private var picture: Html {
        guard let matrix else {
            return .section(
                "Who may send to whom", .paragraph(Html(fault ?? "Nothing to judge by.")))
        }
        let corner = Html.element(.td, [], "")
        let head = matrix.countries.map { country in
            Html.element(.th, [.fixed("scope", "col")], Html(country.code))
        }
        let rows = zip(matrix.countries, matrix.cells).map { country, cells in
            Html.element(
                .tr, [],
                [.element(.th, [.fixed("scope", "row")], Html(country.code))]
                    + cells.map(Self.field))
        }
        return .section(
            "Who may send to whom",
            .paragraph(
                "Rows send, columns receive: data that is not personal, unclassified, for the public's "
                    + "benefit. + permitted, A permitted after approval, ? facts are missing, × refused. "
                    + "Other facts: selat policy matrix."),
            .element(
                .div,
                [.class("wide matrix"), .fixed("tabindex", "0"), .label("Policy matrix")],
                .element(
                    .table, [],
                    .element(.thead, [], .element(.tr, [], [corner] + head)),
                    .element(.tbody, [], rows))),
            .element(
                .details, [], [.element(.summary, [], "Why, pair by pair")] + [reasons(matrix)]))
    }

    private static func field(_ cell: PolicyMatrix.Cell) -> Html {
        let words = "\(cell.source.code) to \(cell.destination.code): \(cell.answer.rawValue)"
        let sign = Html.element(.abbr, [.title(words)], Html(cell.answer.sign))
        return switch cell.answer {
        case .permitted: .element(.td, [.class("good")], sign)
        case .refused: .element(.td, [.class("bad")], sign)
        case .approval, .incomplete: .element(.td, [.class("wait")], sign)
        }
    }

    private func reasons(_ matrix: PolicyMatrix) -> Html {
        .facts(
            matrix.cells.joined().filter { $0.source != $0.destination }.map { cell in
                (
                    "\(cell.source.code) → \(cell.destination.code)",
                    "\(cell.answer.rawValue): \(cell.verdict.summaryLines.joined(separator: "; "))"
                )
            })
    }
}
