/// One kind of map in the files: its keys, which of them must stand, and what stands under each.
///
/// The readers refuse by it and the JSON Schemas are written from it, so that an editor and the
/// checker know the same keys, kinds and words.
package struct Shape: Sendable {
    package struct Key: Sendable {
        let name: String
        let kind: Kind
        let isRequired: Bool
        /// One sentence for the one who types the key.
        let says: String
        /// What it is called that it does not stand.
        var missing = PolicyDiagnostic.Code.missingKey
    }

    /// What stands under a key.
    package indirect enum Kind: Sendable {
        /// One value in letters, checked by its reader.
        case word
        /// A text in quotes.
        case text
        case number
        case duration
        case date
        /// A date, or a moment `2026-03-01T17:00:00Z`.
        case moment
        case flag
        /// A word of a closed set; `of` names the set, `standing`.
        case choice([String], of: String)
        /// `AB:name`, a name with its country's prefix.
        case prefixed
        case country
        /// The vocabulary's terms of one fact.
        case terms(String)
        /// The vocabulary's roles.
        case role
        /// One, or a list of different ones.
        case some(Kind)
        case list(Kind)
        case map(Shape)
        /// Keys of the writer's choice, each with a value of one kind.
        case names(prefixed: Bool, Kind)
        /// Keys of a closed set, each with a value of one kind.
        case keyed([String], Kind)
        case either([Kind])
        case condition
        /// The facts of a case.
        case facts
    }

    /// In a schema's definitions: `source`.
    let name: String
    /// In messages: `a source`.
    let what: String
    let keys: [Key]
    /// Exactly one of these keys stands.
    var oneOf: [String] = []
    /// At most so many keys stand.
    var countMax: Int?

    init(
        _ name: String, _ what: String, _ keys: [Key], oneOf: [String] = [], countMax: Int? = nil
    ) {
        self.name = name
        self.what = what
        self.keys = keys
        self.oneOf = oneOf
        self.countMax = countMax
    }

    subscript(key: String) -> Key? { keys.first { $0.name == key } }
}

extension Shape.Key {
    /// A key that must stand.
    static func must(
        _ name: String, _ kind: Shape.Kind, _ says: String,
        missing: PolicyDiagnostic.Code = .missingKey
    ) -> Shape.Key {
        Shape.Key(name: name, kind: kind, isRequired: true, says: says, missing: missing)
    }

    /// A key that may stand.
    static func may(_ name: String, _ kind: Shape.Kind, _ says: String) -> Shape.Key {
        Shape.Key(name: name, kind: kind, isRequired: false, says: says)
    }
}

extension Shape.Kind {
    /// The words of a closed set of the language.
    static func words<Value: RawRepresentable & CaseIterable>(
        _ type: Value.Type, of what: String
    ) -> Shape.Kind where Value.RawValue == String {
        .choice(Value.allCases.map(\.rawValue), of: what)
    }
}

extension DocumentReader {
    /// A map of a shape: no other keys, those that must be there, and under each a value of its
    /// kind. What is nested deeper is its own reader's.
    package mutating func section(_ node: DocumentNode?, _ shape: Shape) -> Section? {
        guard let section = section(node, shape.what, keys: shape.keys.map(\.name)) else {
            return nil
        }
        for key in shape.keys where key.isRequired && section[key.name] == nil {
            let instead = key.missing == .missingKey ? "" : "; write \(key.missing.instead)"
            report(key.missing, section.place, "\(shape.what) lacks `\(key.name)`\(instead)")
        }
        for entry in section.entries {
            guard let key = shape[entry.key] else { continue }
            check(entry.value, key.kind, key.name)
        }
        return section
    }

    private mutating func check(_ node: DocumentNode, _ kind: Shape.Kind, _ what: String) {
        switch kind {
        case .word: _ = word(node, what)
        case .text: _ = quoted(node, what)
        case .number: _ = number(node, what)
        case .duration: _ = duration(node, what)
        case .date: _ = date(node, what)
        case .moment: _ = moment(node, what)
        case .flag: _ = flag(node, what)
        case .choice(let words, let what): _ = choice(node, what, words)
        case .country: _ = word(node, what).flatMap { country(Word(text: $0, place: node.place)) }
        case .some(let kind):
            for element in words(node, what) ?? [] { check(element.node, kind, what) }
        case .names(prefixed: _, let kind):
            for entry in map(node, what)?.entries ?? [] { check(entry.value, kind, entry.key) }
        // Each has a reader that knows more.
        case .prefixed, .terms, .role, .list, .map, .keyed, .either, .condition, .facts: break
        }
    }
}
