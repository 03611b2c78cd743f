import SelatCore

/// What one JSON value of the API may be: JSON Schema 2020-12, the dialect of OpenAPI 3.1.
struct Schema: Sendable {
    private(set) var members: JSON.Object

    var json: JSON { .object(members) }

    init(_ members: JSON.Object) { self.members = members }

    /// The same with words for people.
    func says(_ text: String) -> Schema {
        var said = self
        said.members["description"] = .string(text)
        return said
    }

    /// The same with what a reader takes where the value is absent.
    func byDefault(_ value: JSON) -> Schema {
        var said = self
        said.members["default"] = value
        return said
    }
}

// MARK: Shapes

extension Schema {
    /// An answer's object. A key that ends in `?` may be absent; readers ignore keys beside these,
    /// because they are added without notice.
    static func object(_ keys: Keys) -> Schema {
        var members = keyed(keys)
        members["type"] = "object"
        return Schema(members)
    }

    /// A request's object: a key beside these is refused.
    static func request(_ keys: Keys) -> Schema {
        var schema = object(keys)
        schema.members["additionalProperties"] = false
        return schema
    }

    private static func keyed(_ keys: Keys) -> JSON.Object {
        var properties: JSON.Object = [:]
        var required: [String] = []
        for (key, schema) in keys.pairs {
            let name = key.hasSuffix("?") ? String(key.dropLast()) : key
            if name == key { required.append(name) }
            properties[name] = schema.json
        }
        var members: JSON.Object = ["properties": .object(properties)]
        if !required.isEmpty { members["required"] = .strings(required.sorted()) }
        return members
    }

    /// A document whose keys are its own format's, described elsewhere.
    static func foreign(_ says: String) -> Schema {
        Schema(["type": "object", "additionalProperties": true]).says(says)
    }

    /// Names of the writer's choice, each with a value of one kind.
    static func map(_ value: Schema, names: String? = nil) -> Schema {
        var members: JSON.Object = ["type": "object", "additionalProperties": value.json]
        members["propertyNames"] = names.map { ["pattern": .string($0)] }
        return Schema(members)
    }

    static func list(_ element: Schema, min: Int64? = nil, max: Int64? = nil) -> Schema {
        var members: JSON.Object = ["type": "array", "items": element.json]
        members["minItems"] = min.map { .integer($0) }
        members["maxItems"] = max.map { .integer($0) }
        return Schema(members)
    }

    /// A list without repetition.
    static func set(_ element: Schema, max: Int64? = nil) -> Schema {
        var schema = list(element, max: max)
        schema.members["uniqueItems"] = true
        return schema
    }

    static func either(_ schemas: Schema...) -> Schema {
        Schema(["anyOf": .array(schemas.map(\.json))])
    }

    /// One of the document's components.
    static func component(_ name: String) -> Schema {
        Schema(["$ref": .string("#/components/schemas/\(name)")])
    }

    /// A component that is one of these problems.
    static func problem(_ types: [String]) -> Schema {
        Schema([
            "allOf": [
                component("Problem").json,
                ["properties": ["type": ["enum": .strings(types)]]],
            ]
        ])
    }
}

/// Keys of an object, in whatever order; one that ends in `?` may be absent.
struct Keys: ExpressibleByDictionaryLiteral, Sendable {
    let pairs: [(String, Schema)]

    init(dictionaryLiteral pairs: (String, Schema)...) { self.pairs = pairs }
    private init(_ pairs: [(String, Schema)]) { self.pairs = pairs }

    static func + (a: Keys, b: Keys) -> Keys { Keys(a.pairs + b.pairs) }
}

// MARK: Values

extension Schema {
    static let text = Schema(["type": "string"])
    static let flag = Schema(["type": "boolean"])
    static let integer = Schema(["type": "integer"])
    static let count = number(0...JSON.integerMax)
    static let nothing = Schema(["type": "null"])

    static func number(_ range: ClosedRange<Int64>) -> Schema {
        Schema([
            "type": "integer", "minimum": .integer(range.lowerBound),
            "maximum": .integer(range.upperBound),
        ])
    }

    /// Text of some length. The reader counts UTF-8 bytes, a schema characters: what fits in the
    /// bytes fits here.
    static func text(_ bytes: ClosedRange<Int64>) -> Schema {
        Schema([
            "type": "string", "minLength": .integer(bytes.lowerBound),
            "maxLength": .integer(bytes.upperBound),
        ]).says("\(bytes.lowerBound) to \(bytes.upperBound) bytes of UTF-8")
    }

    static func words(_ words: [String]) -> Schema {
        Schema(["type": "string", "enum": .strings(words)])
    }

    static func words<Value: RawRepresentable & CaseIterable>(_ type: Value.Type) -> Schema
    where Value.RawValue == String {
        words(type.allCases.map(\.rawValue))
    }

    static func pattern(_ pattern: String, _ says: String) -> Schema {
        Schema(["type": "string", "pattern": .string(pattern)]).says(says)
    }

    static let time: Schema = {
        let year = "(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"
        let day =
            "(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
            + "|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
        let leap = "[0-9]{2}(?:0[48]|[2468][048]|[13579][26])-02-29"
        let clock = "T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"
        return pattern(
            "^(?:\(year)-\(day)|\(leap))\(clock)$",
            "RFC 3339, UTC, whole seconds; a day that exists")
    }()
    static let digest = pattern("^sha256:[0-9a-f]{64}$", "SHA-256")
    static let hash = pattern("^[0-9a-f]{64}$", "SHA-256, hexadecimal")
    static let base64 = pattern(
        "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$",
        "standard base64 with padding; unused bits are zero")

    /// Base64 of at most so many bytes.
    static func base64(bytesMax: Int, _ says: String) -> Schema {
        var schema = base64.says("\(says); standard base64 with padding; unused bits are zero")
        schema.members["maxLength"] = .integer(Int64((bytesMax + 2) / 3 * 4))
        return schema
    }

    private static let uuid = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    private static let nodeName = "[A-Z]{2}/[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    static let transferID = pattern("^\(uuid)$", "a transfer: UUIDv7, lower case")
    static let transferReference = pattern(
        "^(?:\(nodeName):)?\(uuid)$",
        "a transfer, behind its sender and a colon where two have used the id")
    static let country = pattern("^[A-Z]{2}$", "ISO 3166-1 alpha-2")
    static let node = pattern("^\(nodeName)$", "country, slash, a DNS label")
    static let officer = pattern("^[A-Z]{2}/[a-z0-9-]+/[a-z0-9-]+$", "node, slash, a name")
    static let fingerprint = pattern("^[0-9]{5}(?: [0-9]{5}){7}$", "eight groups of five digits")
    /// A state of a transfer; others may be added.
    static let state = pattern("^[a-z-]+$", "Exchange.docc has the states of each direction")
}
