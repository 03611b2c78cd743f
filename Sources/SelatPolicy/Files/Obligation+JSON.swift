package import SelatCore

extension Obligation {
    /// The name in files and records.
    var name: String {
        switch demand {
        case .approval: "approval"
        case .transform(let transform, _): transform.rawValue
        case .retention: "retention"
        case .onwardOnlyTo: "onward-only-to"
        case .noTransitThrough: "no-transit-through"
        case .notice: "notice"
        case .humanReview: "human-review"
        case .encryption: "encryption"
        case .report: "report"
        case .keep: "keep"
        }
    }

    /// One line for people and for policy tests, such as `retention 180 days`.
    package var summary: String {
        switch demand {
        case .approval(let role, let count): "approval \(role) \(count) \(owedBy.rawValue)"
        case .transform(let transform, let categories):
            "\(transform.rawValue) \(categories.joined(separator: " "))"
        case .retention(let seconds, let confirm):
            "retention" + (seconds.map { " \(Self.span($0))" } ?? "") + (confirm ? " confirm" : "")
        case .onwardOnlyTo(let countries):
            "onward-only-to "
                + (countries.isEmpty ? "none" : countries.map(\.code).joined(separator: " "))
        case .noTransitThrough(let countries):
            "no-transit-through \(countries.map(\.code).joined(separator: " "))"
        case .notice(let subject, let acknowledged):
            "notice \(subject.rawValue)" + (acknowledged.map { " \($0.rawValue)" } ?? "")
        case .humanReview(let subject): "human-review \(subject.rawValue)"
        case .encryption(let suite): "encryption suite-\(suite.rawValue)"
        case .report(let what, let to, let seconds, let from, let once):
            "report \(what.rawValue) to \(to) within \(Self.span(seconds)) from \(from.rawValue) "
                + "\(once.rawValue) \(owedBy.rawValue)"
        case .keep(let what, let seconds, let place):
            "keep \(what.rawValue)" + (seconds.map { " \(Self.span($0))" } ?? "")
                + (place.map { " in \($0.code)" } ?? "") + " \(owedBy.rawValue)"
        }
    }

    /// A duration for people, `180 days` or `72 hours`.
    static func span(_ seconds: UInt64) -> String {
        seconds % 86_400 == 0 ? "\(seconds / 86_400) days" : "\(seconds / 3_600) hours"
    }

    package var json: JSON {
        var members: JSON.Object = [
            "because": .strings(because), "by": .string(owedBy.rawValue),
            "obligation": .string(name),
        ]
        switch demand {
        case .approval(let role, let count):
            members["role"] = .string(role)
            members["count"] = .integer(count)
        case .transform(_, let categories): members["categories"] = .strings(categories)
        case .retention(let seconds, let confirm):
            members["at-most-seconds"] = seconds.map { .integer($0) }
            members["confirm"] = .bool(confirm)
        case .onwardOnlyTo(let countries), .noTransitThrough(let countries):
            members["countries"] = .strings(countries.map(\.code))
        case .notice(let subject, let acknowledged):
            members["of"] = .string(subject.rawValue)
            members["acknowledged"] = acknowledged.map { .string($0.rawValue) }
        case .humanReview(let subject): members["of"] = .string(subject.rawValue)
        case .encryption(let suite): members["at-least-suite"] = .integer(suite.rawValue)
        case .report(let what, let to, let seconds, let from, let once):
            members["what"] = .string(what.rawValue)
            members["to"] = .string(to)
            members["within-seconds"] = .integer(seconds)
            members["from"] = .string(from.rawValue)
            members["once"] = .string(once.rawValue)
        case .keep(let what, let seconds, let place):
            members["what"] = .string(what.rawValue)
            members["at-least-seconds"] = seconds.map { .integer($0) }
            members["in"] = place.map { .string($0.code) }
        }
        return .object(members)
    }

    init(json: JSON) throws(CoreError) {
        var reader = try ObjectReader(json, "obligation")
        because = try reader.strings("because")
        owedBy = try reader.choice("by")
        demand = try Self.demand(try reader.string("obligation"), &reader)
        try reader.end()
    }

    private static func demand(
        _ name: String, _ reader: inout ObjectReader
    ) throws(CoreError) -> Demand {
        if let transform = Transform(rawValue: name) {
            return .transform(transform, categories: try reader.strings("categories"))
        }
        switch name {
        case "approval":
            return .approval(
                role: try reader.string("role"), count: try reader.unsigned("count"))
        case "retention":
            return .retention(
                seconds: try reader.optionalUnsigned("at-most-seconds"),
                confirm: try reader.bool("confirm"))
        case "onward-only-to": return .onwardOnlyTo(try countries(&reader))
        case "no-transit-through": return .noTransitThrough(try countries(&reader))
        case "human-review": return .humanReview(of: try reader.choice("of"))
        case "notice":
            let subject: NoticeSubject = try reader.choice("of")
            let acknowledged: Acknowledgement? =
                reader.optional("acknowledged") == nil ? nil : try reader.choice("acknowledged")
            return .notice(of: subject, acknowledged: acknowledged)
        case "encryption":
            guard let number = Int64(exactly: try reader.unsigned("at-least-suite")),
                let suite = Suite(rawValue: number)
            else { throw .wrongType("at-least-suite", in: "obligation", expected: "a suite") }
            return .encryption(atLeast: suite)
        case "report":
            return .report(
                try reader.choice("what"), to: try reader.string("to"),
                seconds: try reader.unsigned("within-seconds"), from: try reader.choice("from"),
                once: try reader.choice("once"))
        case "keep":
            let place: Country? = reader.optional("in") == nil ? nil : try reader.country("in")
            return .keep(
                try reader.choice("what"), seconds: try reader.optionalUnsigned("at-least-seconds"),
                in: place)
        default:
            throw .malformed("obligation", name, expected: "one of the language's obligations")
        }
    }

    private static func countries(_ reader: inout ObjectReader) throws(CoreError) -> [Country] {
        var countries: [Country] = []
        for code in try reader.strings("countries") { countries.append(try Country(code)) }
        return countries
    }
}
