// What is known about a transfer when it is judged. The vocabulary of the policy gives each fact its
// type and says who may state it; here a fact is a name and a value.

/// A fact's value.
package enum FactValue: Hashable, Sendable {
    case flag(Bool)
    case number(UInt64)
    case term(String)
    case set(Set<String>)

    package var json: JSON {
        switch self {
        case .flag(let flag): .bool(flag)
        case .number(let number): .integer(number)
        case .term(let term): .string(term)
        case .set(let terms): .strings(terms.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        }
    }

    /// - Throws: `CoreError.wrongType` for another shape, and for sets out of order or with
    ///   repetition: one value has one form.
    package init(json: JSON, fact: String) throws(CoreError) {
        switch json {
        case .bool(let flag): self = .flag(flag)
        case .integer(let number):
            guard let number = UInt64(exactly: number) else {
                throw .wrongType(fact, in: "facts", expected: "a number that is not negative")
            }
            self = .number(number)
        case .string(let term): self = .term(term)
        case .array(let elements):
            let terms = elements.compactMap(\.stringValue)
            self = .set(Set(terms))
            guard terms.count == elements.count, self.json == json else {
                throw .wrongType(fact, in: "facts", expected: "sorted strings without repetition")
            }
        case .null, .number, .object:
            throw .wrongType(fact, in: "facts", expected: "a flag, number, term or set")
        }
    }
}

/// Who vouches for a fact.
package enum FactOrigin: String, CaseIterable, Sendable {
    /// The sender said so: it binds the sender.
    case stated
    /// An inspection of the dataset found it.
    case inspected
    /// Nobody said so; the vocabulary says what silence means, and it binds like a stated fact.
    case assumed
    /// Computed from the membership list, the route, the label, instruments or the ledger.
    case computed
    /// An officer attested it.
    case attested
}

/// A fact with its origin.
package struct Fact: Hashable, Sendable {
    package let value: FactValue
    package let origin: FactOrigin

    package init(_ value: FactValue, _ origin: FactOrigin) {
        self.value = value
        self.origin = origin
    }
}

/// Facts by name.
package struct Facts: Hashable, Sendable {
    package private(set) var byName: [String: Fact]

    package init(_ byName: [String: Fact] = [:]) { self.byName = byName }

    package subscript(name: String) -> Fact? {
        get { byName[name] }
        set { byName[name] = newValue }
    }

    package var names: [String] { byName.keys.sorted() }

    /// `{"name": {"by": "stated", "value": …}}`
    package var json: JSON {
        .object(
            JSON.Object(
                byName.mapValues { ["by": .string($0.origin.rawValue), "value": $0.value.json] }))
    }

    /// - Throws: `CoreError` for any other shape.
    package init(json: JSON) throws(CoreError) {
        guard case .object(let members) = json else {
            throw .wrongType("facts", in: "document", expected: "an object")
        }
        guard members.count <= Limits.factsMax else {
            throw .wrongType("facts", in: "document", expected: "at most \(Limits.factsMax) facts")
        }
        byName = [:]
        for (name, member) in members {
            var reader = try ObjectReader(member, "facts.\(name)")
            let origin: FactOrigin = try reader.choice("by")
            byName[name] = Fact(try FactValue(json: try reader.json("value"), fact: name), origin)
            try reader.end()
        }
        try requireAll(of: members)
    }

    /// Names that Unicode calls equivalent are one here, though they are two keys of an object.
    /// - Throws: `CoreError` where one took another's place.
    package func requireAll(of members: JSON.Object) throws(CoreError) {
        guard byName.count == members.count else {
            throw .wrongType("facts", in: "document", expected: "facts whose names differ")
        }
    }
}
