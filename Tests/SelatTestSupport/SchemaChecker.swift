package import SelatCore

/// Checks values by the part of JSON Schema 2020-12 that the API's document uses.
///
/// Stricter than a reader has to be: a key that a schema does not name is a fault too, because what
/// is answered and not described is a gap in the document.
package struct SchemaChecker {
    private let document: JSON

    /// - Parameter document: where `$ref` leads.
    package init(_ document: JSON) { self.document = document }

    /// What is wrong, with where; empty for a value that fits.
    package func faults(of value: JSON, by schema: JSON, at place: String = "") -> [String] {
        if let reference = schema["$ref"]?.stringValue {
            guard let target = resolve(reference) else { return ["\(place): no \(reference)"] }
            return faults(of: value, by: target, at: place)
        }
        var faults: [String] = []
        for part in schema["allOf"]?.arrayValue ?? [] {
            faults += self.faults(of: value, by: part, at: place)
        }
        if let choices = schema["anyOf"]?.arrayValue {
            let tried = choices.map { self.faults(of: value, by: $0, at: place) }
            if !tried.contains([]) {
                faults += tried.min { $0.count < $1.count } ?? ["\(place): no choice"]
            }
        }
        if let words = schema["enum"]?.arrayValue, !words.contains(value) {
            faults.append("\(place): \(value.pretty) is none of \(JSON.array(words).pretty)")
        }
        if let type = schema["type"]?.stringValue, !Self.isOf(type, value) {
            return faults + ["\(place): \(value.pretty.prefix(80)) is no \(type)"]
        }
        for keyword in schema.objectValue?.keys.sorted() ?? [] where !Self.known.contains(keyword) {
            faults.append("\(place): the keyword `\(keyword)` is not known here")
        }
        switch value {
        case .string(let text): faults += self.faults(of: text, by: schema, at: place)
        case .integer(let number): faults += self.faults(of: number, by: schema, at: place)
        case .array(let elements): faults += self.faults(of: elements, by: schema, at: place)
        case .object(let members): faults += self.faults(of: members, by: schema, at: place)
        default: break
        }
        return faults
    }

    private static let known: Set = [
        "$ref", "allOf", "anyOf", "enum", "type", "pattern", "minLength", "maxLength", "minimum",
        "maximum", "items", "minItems", "maxItems", "uniqueItems", "properties", "required",
        "additionalProperties", "propertyNames", "maxProperties", "description", "default",
    ]

    private static func isOf(_ type: String, _ value: JSON) -> Bool {
        switch (type, value) {
        case ("string", .string), ("integer", .integer), ("boolean", .bool), ("null", .null),
            ("array", .array), ("object", .object):
            true
        default: false
        }
    }

    private func resolve(_ reference: String) -> JSON? {
        guard reference.hasPrefix("#/") else { return nil }
        return reference.dropFirst(2).split(separator: "/").reduce(document as JSON?) {
            $0?[String($1)]
        }
    }

    // MARK: Kinds of values

    private func faults(of text: String, by schema: JSON, at place: String) -> [String] {
        var faults: [String] = []
        if let pattern = schema["pattern"]?.stringValue {
            let fits = (try? Regex(pattern)).flatMap { try? $0.firstMatch(in: text) } != nil
            if !fits { faults.append("\(place): `\(text.prefix(80))` does not fit \(pattern)") }
        }
        let count = Int64(text.unicodeScalars.count)
        if let least = schema["minLength"]?.integerValue, count < least {
            faults.append("\(place): shorter than \(least)")
        }
        if let most = schema["maxLength"]?.integerValue, count > most {
            faults.append("\(place): longer than \(most)")
        }
        return faults
    }

    private func faults(of number: Int64, by schema: JSON, at place: String) -> [String] {
        let least = schema["minimum"]?.integerValue ?? .min
        let most = schema["maximum"]?.integerValue ?? .max
        return least <= number && number <= most
            ? [] : ["\(place): \(number) is not from \(least) to \(most)"]
    }

    private func faults(of elements: [JSON], by schema: JSON, at place: String) -> [String] {
        var faults: [String] = []
        let range =
            (schema["minItems"]?.integerValue ?? 0)...(schema["maxItems"]?.integerValue ?? .max)
        if !range.contains(Int64(elements.count)) {
            faults.append("\(place): \(elements.count) elements, must be \(range)")
        }
        if schema["uniqueItems"] == true, Set(elements).count != elements.count {
            faults.append("\(place): has an element twice")
        }
        guard let element = schema["items"] else { return faults }
        for (index, value) in elements.enumerated() {
            faults += self.faults(of: value, by: element, at: "\(place)[\(index)]")
        }
        return faults
    }

    private func faults(
        of members: JSON.Object, by schema: JSON, at place: String
    ) -> [String] {
        var faults: [String] = []
        let properties = schema["properties"]?.objectValue ?? [:]
        for key in schema["required"]?.arrayValue?.compactMap(\.stringValue) ?? []
        where members[key] == nil { faults.append("\(place): lacks `\(key)`") }
        let others = schema["additionalProperties"] ?? (schema["type"] == "object" ? false : true)
        for (key, value) in members {
            if let property = properties[key] {
                faults += self.faults(of: value, by: property, at: "\(place).\(key)")
            } else if others == false {
                faults.append("\(place): has `\(key)`, which is not described")
            } else if case .object = others {
                faults += self.faults(of: value, by: others, at: "\(place).\(key)")
            }
            if let names = schema["propertyNames"] {
                faults += self.faults(of: .string(key), by: names, at: "\(place).\(key)")
            }
        }
        return faults
    }
}
