package import SelatCore

/// Facts of which no rule of a file speaks: what is stated so is refused for want of a ground.
package struct PolicyGap: Sendable {
    package let jurisdiction: String
    package let flow: Flow
    /// Alternatives, each a list of conditions that all hold; one empty list means always.
    package let when: [[String]]
    /// Whether the alternatives are all of it; otherwise there are more.
    package let isComplete: Bool
    package let witness: Witness
}

/// Two countries between which no transfer can ever be permitted in one direction.
package struct DeadPair: Hashable, Sendable {
    package enum Reason: String, CaseIterable, Sendable {
        /// One file permits nothing to, or from, that country.
        case source, destination
        case federation
        /// Each permits something, but never the same.
        case together
    }

    package let source: Country
    package let destination: Country
    package let reason: Reason
}

extension PolicyAnalysis {
    private static let alternativesMax = 16

    /// For each file and flow the complete questions for which no prohibition and no ground can
    /// apply.
    package static func gaps(of set: PolicySet) -> [PolicyGap] {
        set.countries.flatMap { country in
            Flow.allCases.compactMap { flow in
                gap(Reading(set: set, file: set.jurisdictions[country]), flow)
            }
        }
    }

    private static func gap(_ reading: Reading, _ flow: Flow) -> PolicyGap? {
        guard let file = reading.file else { return nil }
        var space = FactSpace([reading], [flow], Route(flow, file))
        let judgement = space.judgement(0)
        let stated = space.silences.map { !$0 }
        let region = space.reasoner.circuit.all(
            stated + [!judgement.mayBeForbidden, !judgement.mayBeGrounded])
        guard let point = space.smallest(in: [region]) else { return nil }
        let found = space.alternatives(of: region, from: point, limit: alternativesMax)
        return PolicyGap(
            jurisdiction: file.name, flow: flow, when: space.wording(found.alternatives),
            isComplete: found.isComplete, witness: space.witness(point, naming: nil))
    }

    /// The ordered pairs of countries with files between which nothing can be permitted, whatever
    /// is stated and whatever instruments are signed.
    package static func deadPairs(of set: PolicySet) -> [DeadPair] {
        set.countries.flatMap { source in
            set.countries.compactMap { destination in
                source == destination
                    ? nil
                    : reason(set, source, destination).map {
                        DeadPair(source: source, destination: destination, reason: $0)
                    }
            }
        }
    }

    private static func reason(
        _ set: PolicySet, _ source: Country, _ destination: Country
    ) -> DeadPair.Reason? {
        let files = [set.jurisdictions[source], set.jurisdictions[destination], set.federation]
        var space = FactSpace(
            files.map { Reading(set: set, file: $0) }, [.export, .import, nil],
            .between(source, destination))
        let permitted = files.indices.map { space.judgement($0).permitted }
        if space.reasoner.isPossible(permitted) { return nil }
        let reasons: [DeadPair.Reason] = [.source, .destination, .federation]
        return zip(reasons, permitted).first { !space.reasoner.isPossible($0.1) }?.0 ?? .together
    }
}

extension PolicyGap {
    /// The statement and an example, line by line.
    package var lines: [String] {
        guard when != [[]] else {
            return ["\(jurisdiction) \(flow.rawValue): no rule speaks of it"]
        }
        var lines = ["\(jurisdiction) \(flow.rawValue): no rule speaks of it"]
        lines += when.enumerated().map { position, conditions in
            "  \(position == 0 ? "when" : "or") \(conditions.joined(separator: "; "))"
        }
        if !isComplete { lines.append("  or in further cases: these are not all") }
        return lines + ["  for example:"] + witness.lines.map { "    \($0)" }
    }

    package var json: JSON {
        [
            "jurisdiction": .string(jurisdiction), "flow": .string(flow.rawValue),
            "when": .array(when.map { .strings($0) }), "complete": .bool(isComplete),
            "witness": witness.json,
        ]
    }
}

extension DeadPair {
    package var line: String {
        let why =
            switch reason {
            case .source: "\(source)'s file permits no export to \(destination)"
            case .destination: "\(destination)'s file permits no import from \(source)"
            case .federation: "the federation's file forbids it"
            case .together: "what one file permits, the other never does"
            }
        return "\(source) → \(destination): \(why)"
    }

    package var json: JSON {
        [
            "from": .string(source.code), "to": .string(destination.code),
            "because": .string(reason.rawValue),
        ]
    }
}
