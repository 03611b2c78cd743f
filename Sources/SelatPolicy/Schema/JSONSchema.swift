package import SelatCore

/// JSON Schemas (draft 7) of the policy files, for editors: keys, kinds and words from the shapes by
/// which the readers refuse, facts and terms from the vocabulary.
package enum JSONSchema {
    /// One schema for each kind of file, by file name: `jurisdiction.schema.json`.
    /// - Throws: `PolicyErrors` where the vocabulary has faults.
    package static func all(vocabulary source: PolicySource) throws(PolicyErrors) -> JSON.Object {
        var reader = VocabularyReader(file: source.name)
        guard let vocabulary = reader.read(PolicyDocument(source)), reader.problems.isEmpty else {
            throw PolicyErrors(diagnostics: reader.problems)
        }
        let shapes: [(Shape, String)] = [
            (.jurisdiction, "A country's policy file, or the federation's"),
            (.agreements, "Instruments between members"), (.vocabulary, "Facts, terms and roles"),
            (.cases, "Transfers and the verdicts that they must get"),
        ]
        return JSON.Object(
            shapes.map { shape, title in
                var writer = SchemaWriter(vocabulary: vocabulary)
                return ("\(shape.name).schema.json", writer.document(shape, title: title))
            })
    }

    /// The first line of a file, by which editors find its schema.
    /// - Parameter name: of the file, without `.yaml`; `tests/…` for cases.
    package static func firstLine(for name: String) -> String {
        let path =
            switch name {
            case "agreements", "vocabulary": "schema/\(name).schema.json"
            case _ where name.hasPrefix("tests/"): "../schema/\(Shape.cases.name).schema.json"
            default: "schema/\(Shape.jurisdiction.name).schema.json"
            }
        return "# yaml-language-server: $schema=\(path)"
    }
}

/// Writes one schema. Maps and closed sets stand among its definitions, each once.
private struct SchemaWriter {
    let vocabulary: Vocabulary
    private var definitions: JSON.Object = [:]

    init(vocabulary: Vocabulary) { self.vocabulary = vocabulary }

    mutating func document(_ shape: Shape, title: String) -> JSON {
        guard case .object(var members) = object(shape) else { return .null }
        members["$schema"] = "http://json-schema.org/draft-07/schema#"
        members["title"] = .string(title)
        members["definitions"] = .object(definitions)
        return .object(members)
    }

    private mutating func object(_ shape: Shape) -> JSON {
        var properties: JSON.Object = [:]
        for key in shape.keys { properties[key.name] = described(schema(key.kind), key.says) }
        var members: JSON.Object = [
            "type": "object", "properties": .object(properties), "additionalProperties": false,
        ]
        let required = shape.keys.filter(\.isRequired).map(\.name)
        if !required.isEmpty { members["required"] = .strings(required) }
        if !shape.oneOf.isEmpty {
            members["oneOf"] = .array(shape.oneOf.map { ["required": [.string($0)]] })
        }
        if let count = shape.countMax {
            members["minProperties"] = 1
            members["maxProperties"] = .integer(Int64(count))
        }
        return .object(members)
    }

    /// Beside a `$ref` nothing counts in draft 7, so a reference stands in `allOf`.
    private func described(_ schema: JSON, _ says: String) -> JSON {
        guard case .object(var members) = schema else { return schema }
        if members["$ref"] != nil { members = ["allOf": [schema]] }
        members["description"] = .string(says)
        return .object(members)
    }

    /// A reference to a definition, which is made where it is asked for first.
    private mutating func reference(_ name: String, _ make: (inout Self) -> JSON) -> JSON {
        if definitions[name] == nil {
            definitions[name] = .null
            definitions[name] = make(&self)
        }
        return ["$ref": .string("#/definitions/\(name)")]
    }

    private mutating func schema(_ kind: Shape.Kind) -> JSON {
        switch kind {
        case .text: return ["type": "string", "minLength": 1]
        // To an editor `2026` without quotes is a number; to a reader of words it is a word.
        case .word: return ["type": ["string", "number", "boolean"], "minLength": 1]
        case .number:
            return ["type": "integer", "minimum": 0, "maximum": .integer(JSON.integerMax)]
        case .duration: return pattern("^[1-9][0-9]{0,5} (hours?|days?)$")
        case .date: return pattern("^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
        case .moment:
            return pattern("^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?$")
        case .flag: return ["enum": ["yes", "no"]]
        case .choice(let words, of: _): return ["enum": .strings(words)]
        case .prefixed: return pattern("^[A-Z]+:.")
        case .country: return reference("country") { _ in ["enum": .strings(Countries.codes)] }
        case .role:
            return reference("role-name") { ["enum": .strings($0.vocabulary.roles)] }
        case .terms(let fact): return terms(of: fact)
        case .some(let kind): return some(schema(kind))
        case .list(let kind): return ["type": "array", "items": schema(kind)]
        case .map(let shape): return reference(shape.name) { $0.object(shape) }
        case .names(let prefixed, let kind):
            let value = schema(kind)
            guard prefixed else { return ["type": "object", "additionalProperties": value] }
            return [
                "type": "object", "patternProperties": ["^[A-Z]+:.": value],
                "additionalProperties": false,
            ]
        case .keyed(let keys, let kind):
            let value = schema(kind)
            let properties = JSON.Object(keys.map { ($0, value) })
            return [
                "type": "object", "properties": .object(properties),
                "additionalProperties": false,
            ]
        case .either(let kinds): return ["anyOf": .array(kinds.map { schema($0) })]
        case .condition: return condition
        case .facts: return facts
        }
    }

    private func pattern(_ text: String) -> JSON { ["type": "string", "pattern": .string(text)] }

    private func some(_ value: JSON) -> JSON {
        [
            "anyOf": [
                value, ["type": "array", "items": value, "minItems": 1, "uniqueItems": true],
            ]
        ]
    }

    // MARK: Facts

    private mutating func terms(of name: String) -> JSON {
        guard let fact = vocabulary.facts.first(where: { $0.name == name }) else { return false }
        return value(of: fact)
    }

    /// One value of a fact.
    private mutating func value(of fact: Vocabulary.FactEntry) -> JSON {
        guard case .fixed(let type) = fact.values else { return schema(.prefixed) }
        switch type {
        case .flag: return schema(.flag)
        case .number: return schema(.number)
        case .one(let lexicon), .ladder(let lexicon), .set(let lexicon):
            if lexicon.names == Countries.codes { return schema(.country) }
            return reference("value-\(fact.name)") { _ in ["enum": .strings(lexicon.names)] }
        }
    }

    /// `always`, or facts and alternatives.
    private mutating func always(_ other: JSON) -> JSON {
        ["anyOf": [["enum": ["always"]], other]]
    }

    private var condition: JSON {
        mutating get {
            let alternatives = reference("alternative") { $0.conditions(branches: nil) }
            let branches: JSON = ["type": "array", "items": alternatives, "minItems": 2]
            let facts = reference("condition") { $0.conditions(branches: branches) }
            return always(facts)
        }
    }

    private mutating func conditions(branches: JSON?) -> JSON {
        var properties: JSON.Object = [:]
        for fact in vocabulary.facts {
            properties[fact.name] = reference("on-\(fact.name)") { $0.test(of: fact) }
        }
        properties["any"] = branches
        let counter = reference("on-counter") { $0.comparison($0.schema(.number)) }
        return [
            "type": "object", "properties": .object(properties),
            "patternProperties": ["^[A-Z]{2}:": counter], "additionalProperties": false,
            "minProperties": 1,
        ]
    }

    /// What a condition may say of a fact.
    private mutating func test(of fact: Vocabulary.FactEntry) -> JSON {
        var one = value(of: fact)
        if one == schema(.country) { one = ["anyOf": [one, schema(.prefixed)]] }
        guard case .fixed(let type) = fact.values else { return set(one) }
        switch type {
        case .flag: return one
        case .number, .ladder: return comparison(one)
        case .one: return some(one)
        case .set: return set(one)
        }
    }

    private func comparison(_ value: JSON) -> JSON {
        ["anyOf": [value, tests(ConditionReader.comparisons, value)]]
    }

    private func set(_ value: JSON) -> JSON { tests(ConditionReader.setTests, some(value)) }

    private func tests(_ keys: [String], _ value: JSON) -> JSON {
        let properties = JSON.Object(keys.map { ($0, value) })
        return [
            "type": "object", "properties": .object(properties), "additionalProperties": false,
            "minProperties": 1,
        ]
    }

    /// What a case may state: no fact that is computed from others, and the label's marking.
    private var facts: JSON {
        mutating get {
            let node = pattern("^[A-Z]{2}(/[a-z0-9-]+)?$")
            var properties: JSON.Object = [
                "source": node, "destination": node, "relays": ["type": "array", "items": node],
                "marking": schema(.word),
            ]
            for fact in vocabulary.facts where properties[fact.name] == nil {
                switch KnownFact(rawValue: fact.name) {
                case .specialCategory, .safeguard: break
                default: properties[fact.name] = stated(fact)
                }
            }
            return [
                "type": "object", "properties": .object(properties),
                "patternProperties": ["^[A-Z]{2}:": schema(.number)],
                "additionalProperties": false, "required": ["source", "destination"],
            ]
        }
    }

    private mutating func stated(_ fact: Vocabulary.FactEntry) -> JSON {
        let one = value(of: fact)
        if case .fixed(let type) = fact.values {
            switch type {
            case .flag, .number, .one, .ladder: return one
            case .set: break
            }
        }
        return ["type": "array", "items": one, "uniqueItems": true]
    }
}
