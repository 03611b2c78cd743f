import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatPolicy

/// What an officer is shown before signing: everything that the statement is about.
struct RequestSheet {
    let reviewed: ReviewedRequest

    private var request: ApprovalRequest { reviewed.request }

    var lines: [String] {
        let core = request.core
        var lines = ["transfer \(core.id) from \(core.from) to \(core.to)"]
        lines += dataset
        lines.append(
            "sealed payload: \(request.payload.size) bytes, tree root \(request.payload.root)")
        lines.append("label: \(label)")
        lines.append(
            "route: \(request.route.map(\.text).joined(separator: " > ")), \(request.precedence.rawValue)"
        )
        lines.append("expires: \(core.expires)")
        lines.append("verdict, made at \(request.verdict.question.decided):")
        lines += request.verdict.summaryLines.map { "  \(Terminal.plain($0))" }
        lines += facts
        if request.restsOnEmergency { lines.append("it rests on a declared emergency") }
        lines += request.given.map(Self.line)
        lines += request.owed.map { "still owed: \($0)" }
        return lines
    }

    private var dataset: [String] {
        let title = request.dataset.title.map { ": " + Terminal.plain($0) } ?? ""
        let files = reviewed.summary?.files
        let looked = files == nil ? "described and not opened here" : "opened and checked here"
        var lines = ["dataset\(title), \(looked):"]
        lines += DescriptionText.lines(request.dataset).map { "  \($0)" }
        for (index, resource) in request.dataset.resources.enumerated() {
            let path = Terminal.plain(resource.path.text)
            lines += (files?[index].lines ?? ["\(path)  \(Quantity.bytes(resource.bytes))"])
                .map { "  \($0)" }
            lines += DescriptionText.lines(resource).map { "    \($0)" }
        }
        return lines
    }

    private var label: String {
        let label = request.core.label
        let marking = label.marking.map { ", marked \(Terminal.plain($0))" } ?? ""
        let countries = label.releasableTo.map(\.code).sorted().joined(separator: ", ")
        return "\(label.classification.rawValue), \(label.tlp.rawValue), for \(countries)\(marking)"
    }

    private var facts: [String] {
        request.verdict.facts.byName.sorted { $0.key < $1.key }.map { name, fact in
            "  fact \(name): \(Terminal.plain(String(decoding: fact.value.json.canonical, as: UTF8.self)))"
        }
    }

    private static func line(_ given: JSON) -> String {
        let fault = given["fault"] == nil ? "" : "; counts for nothing: \(given.text("fault"))"
        let verb = given.text("decision") == "approve" ? "approved" : "refused"
        return Terminal.plain(
            "\(verb) by \(given.text("officer")) as \(given.text("role")), \(given.text("side")), at "
                + "\(given.text("issued")): \(given.text("reason"))\(fault)")
    }

    var json: JSON {
        let core = request.core
        var members: JSON.Object = [
            "id": .string(core.id.text), "from": .string(core.from.text),
            "to": .string(core.to.text), "label": core.label.json,
            "dataset": request.dataset.json,
            "root": .string(request.payload.root.text),
            "size_bytes": .integer(request.payload.size),
            "opened": .bool(reviewed.summary != nil),
            "verdict": .strings(request.verdict.summaryLines),
            "owed": .array(request.owed.map(\.json)),
        ]
        members["files"] = (reviewed.summary?.files).map { .array($0.map(\.json)) }
        return .object(members)
    }
}
