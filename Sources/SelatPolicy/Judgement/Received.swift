package import SelatCore

/// What a node owes for a dataset that it received, and now sends on with another.
///
/// It comes from the verdict under which the dataset was received; the next recipient owes it too.
package struct Received: Hashable, Sendable {
    package let from: Country
    /// What that verdict laid on this node, approvals and the transforms left out: they were met.
    package let obligations: [Obligation]
    /// When the dataset is destroyed here, and so everywhere it goes from here.
    package let destroyBy: Timestamp?

    package init(from: Country, obligations: [Obligation], destroyBy: Timestamp?) {
        self.from = from
        // Both ends' verdicts may lay the same on the one who received it.
        self.obligations = obligations.enumerated().filter { index, obligation in
            obligation.isKeptOnward && !obligations[..<index].contains(obligation)
        }.map(\.element)
        self.destroyBy = destroyBy
    }

    /// Whether the dataset may go on to a country: back to where it came from, always.
    func allows(_ destination: Country) -> Bool {
        destination == from
            || obligations.allSatisfy { obligation in
                guard case .onwardOnlyTo(let countries) = obligation.demand else { return true }
                return countries.contains(destination)
            }
    }

    /// The obligations as the next recipient's: a time that ran from the delivery here has become
    /// `destroyBy`.
    var demands: [Obligation.Demand] {
        obligations.compactMap { obligation in
            guard case .retention(_, let confirm) = obligation.demand else {
                return obligation.demand
            }
            return confirm ? .retention(seconds: nil, confirm: true) : nil
        }
    }

    /// `{"from": …, "obligations": […], "destroy-by": …}`
    package var json: JSON {
        var members: JSON.Object = [
            "from": .string(from.code), "obligations": .array(obligations.map(\.json)),
        ]
        members["destroy-by"] = destroyBy.map { .string($0.text) }
        return .object(members)
    }

    /// - Throws: `CoreError` for any other shape, and for an obligation that is not kept.
    init(json: JSON) throws(CoreError) {
        var reader = try ObjectReader(json, "received")
        let from = try reader.country("from")
        var obligations: [Obligation] = []
        for element in try reader.array("obligations") {
            obligations.append(try Obligation(json: element))
        }
        let destroyBy: Timestamp? =
            reader.optional("destroy-by") == nil ? nil : try reader.timestamp("destroy-by")
        try reader.end()
        self.init(from: from, obligations: obligations, destroyBy: destroyBy)
        guard self.obligations == obligations else {
            throw .wrongType("obligations", in: "received", expected: "what is kept onward")
        }
    }

    /// One order for one set of parts: that of their canonical bytes.
    static func inOrder(_ parts: Set<Received>) -> [Received] {
        parts.map { ($0, $0.json.canonical) }
            .sorted { $0.1.lexicographicallyPrecedes($1.1) }.map(\.0)
    }
}

extension Obligation.Demand {
    /// Who owes it when the dataset is sent on.
    var sideOnward: Side {
        switch self {
        case .noTransitThrough, .encryption, .notice, .approval, .transform: .source
        case .retention, .onwardOnlyTo, .humanReview, .report, .keep: .destination
        }
    }
}

extension Obligation {
    /// Whether a dataset that is sent on takes the obligation with it.
    var isKeptOnward: Bool {
        switch demand {
        case .approval, .transform: false
        case .noTransitThrough, .encryption, .notice: true
        case .retention, .onwardOnlyTo, .humanReview: true
        case .report, .keep: owedBy == .destination || owedBy == .both
        }
    }
}
