// What a dataset's sender says about its sensitivity, and how urgent it is.

/// The common ladder of classification, lowest first; each country's file maps its own markings.
package enum Classification: String, CaseIterable, Sendable, Comparable {
    case unclassified
    case restricted
    case confidential
    case secret
    case topSecret = "top-secret"

    /// 0 for unclassified to 4 for top-secret.
    package var rank: Int {
        switch self {
        case .unclassified: 0
        case .restricted: 1
        case .confidential: 2
        case .secret: 3
        case .topSecret: 4
        }
    }

    package static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }
}

/// Traffic Light Protocol 2.0 (FIRST), widest audience first.
package enum TLP: String, CaseIterable, Sendable, Comparable {
    case clear = "TLP:CLEAR"
    case green = "TLP:GREEN"
    case amber = "TLP:AMBER"
    case amberStrict = "TLP:AMBER+STRICT"
    case red = "TLP:RED"

    package var rank: Int {
        switch self {
        case .clear: 0
        case .green: 1
        case .amber: 2
        case .amberStrict: 3
        case .red: 4
        }
    }

    package static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }
}

/// The label of a dataset, in the signed header: anyone on the route sees it.
package struct Label: Hashable, Sendable {
    package var classification: Classification
    /// The countries to which the originator releases the dataset; sorted, without repetition.
    package var releasableTo: [Country]
    package var tlp: TLP
    /// The originator's own marking, verbatim (`Official (Closed)`).
    package var marking: String?

    package init(
        classification: Classification, releasableTo: [Country], tlp: TLP = .amber,
        marking: String? = nil
    ) {
        self.classification = classification
        self.releasableTo = Set(releasableTo).sorted()
        self.tlp = tlp
        self.marking = marking
    }

    package var json: JSON {
        var members: JSON.Object = [
            "classification": .string(classification.rawValue),
            "releasable-to": .strings(releasableTo.map(\.code)),
            "tlp": .string(tlp.rawValue),
        ]
        if let marking { members["marking"] = .string(marking) }
        return .object(members)
    }

    /// - Throws: `CoreError` for unknown keys and words, and for countries out of order or repeated.
    package init(json: JSON) throws(CoreError) {
        var reader = try ObjectReader(json, "label")
        classification = try reader.choice("classification")
        var countries: [Country] = []
        for code in try reader.strings("releasable-to") { countries.append(try Country(code)) }
        guard countries == Set(countries).sorted() else {
            throw .wrongType(
                "releasable-to", in: "label", expected: "sorted countries without repetition")
        }
        releasableTo = countries
        tlp = try reader.choice("tlp")
        marking = try reader.optionalString("marking")
        guard (marking?.utf8.count ?? 0) <= Limits.markingBytesMax else {
            throw .wrongType(
                "marking", in: "label", expected: "at most \(Limits.markingBytesMax) bytes")
        }
        try reader.end()
    }
}

/// How urgent a transfer is, most urgent first, as in military messaging.
package enum Precedence: String, CaseIterable, Sendable, Comparable {
    case flash, immediate, priority, routine

    package var rank: Int {
        switch self {
        case .flash: 0
        case .immediate: 1
        case .priority: 2
        case .routine: 3
        }
    }

    package static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }
}

/// The sector of a node's operator, which decides whom a law binds.
package enum Sector: String, CaseIterable, Sendable {
    case defence, `public`, business
}
