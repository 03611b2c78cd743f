import Foundation
import SelatCore

/// The part of JSON Schema draft 7 that the generated schemas use. A keyword that it does not know
/// stops the test, so that no schema passes unread.
struct SchemaCheck {
    private let root: JSON

    init(_ schema: JSON) { root = schema }

    /// The places and keywords at fault; empty for a valid document.
    func faults(of value: JSON) -> [String] { faults(of: value, root, "") }

    private func isValid(_ value: JSON, _ schema: JSON) -> Bool {
        faults(of: value, schema, "").isEmpty
    }

    private func faults(of value: JSON, _ schema: JSON, _ path: String) -> [String] {
        if schema == false { return ["\(path): nothing may stand here"] }
        guard case .object(let keywords) = schema else { return [] }
        return keywords.flatMap { keyword, demand in
            faults(of: value, keyword, demand, keywords, path)
        }
    }

    private func faults(
        of value: JSON, _ keyword: String, _ demand: JSON, _ keywords: JSON.Object,
        _ path: String
    ) -> [String] {
        let holds: Bool
        switch keyword {
        case "$schema", "title", "description", "definitions", "patternProperties": holds = true
        case "additionalProperties", "properties":
            return keyword == "properties" && keywords["additionalProperties"] != nil
                ? [] : members(of: value, keywords, path)
        case "$ref": return faults(of: value, definition(demand), path)
        case "allOf":
            return (demand.arrayValue ?? []).flatMap { faults(of: value, $0, path) }
        case "anyOf": holds = (demand.arrayValue ?? []).contains { isValid(value, $0) }
        case "oneOf": holds = (demand.arrayValue ?? []).count { isValid(value, $0) } == 1
        case "enum": holds = (demand.arrayValue ?? []).contains(value)
        case "type":
            let types = demand.arrayValue ?? [demand]
            let type = type(of: value)
            holds = types.contains(.string(type)) || type == "integer" && types.contains("number")
        case "required":
            guard case .object(let members) = value else { return [] }
            holds = (demand.arrayValue ?? []).allSatisfy { members[$0.stringValue ?? ""] != nil }
        case "items":
            guard case .array(let elements) = value else { return [] }
            return elements.flatMap { faults(of: $0, demand, path + "/-") }
        case "pattern":
            holds = value.stringValue.map { matches($0, demand.stringValue) } ?? true
        default: holds = isWithin(value, keyword, demand)
        }
        return holds ? [] : ["\(path): \(keyword)"]
    }

    private func isWithin(_ value: JSON, _ keyword: String, _ demand: JSON) -> Bool {
        let limit = demand.integerValue ?? 0
        switch (keyword, value) {
        case ("minLength", .string(let text)): return text.count >= limit
        case ("minimum", .integer(let number)): return number >= limit
        case ("maximum", .integer(let number)): return number <= limit
        case ("minItems", .array(let elements)): return elements.count >= limit
        case ("uniqueItems", .array(let elements)): return Set(elements).count == elements.count
        case ("minProperties", .object(let members)): return members.count >= limit
        case ("maxProperties", .object(let members)): return members.count <= limit
        case ("minLength", _), ("minimum", _), ("maximum", _), ("minItems", _),
            ("uniqueItems", _), ("minProperties", _), ("maxProperties", _):
            return true
        default: preconditionFailure("unknown keyword \(keyword)")
        }
    }

    private func members(
        of value: JSON, _ keywords: JSON.Object, _ path: String
    ) -> [String] {
        guard case .object(let members) = value else { return [] }
        let patterns = keywords["patternProperties"]?.objectValue ?? [:]
        return members.flatMap { key, member in
            let place = "\(path)/\(key)"
            if let schema = keywords["properties"]?[key] {
                return faults(of: member, schema, place)
            }
            if let pattern = patterns.first(where: { matches(key, $0.key) }) {
                return faults(of: member, pattern.value, place)
            }
            return faults(of: member, keywords["additionalProperties"] ?? true, place)
        }
    }

    private func definition(_ reference: JSON) -> JSON {
        let name = reference.stringValue?.split(separator: "/").last.map(String.init) ?? ""
        guard let definition = root["definitions"]?[name] else {
            preconditionFailure("no definition \(name)")
        }
        return definition
    }

    private func type(of value: JSON) -> String {
        switch value {
        case .null: "null"
        case .bool: "boolean"
        case .integer: "integer"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }

    private func matches(_ text: String, _ pattern: String?) -> Bool {
        pattern.map { text.range(of: $0, options: .regularExpression) != nil } ?? true
    }
}
