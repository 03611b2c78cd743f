package import SelatCore

/// One country's file, or the federation's, resolved and ready to judge.
struct Jurisdiction: Hashable, Sendable {
    let name: String
    /// The file as diagnostics show it.
    var path: String
    /// Nil for the federation.
    let country: Country?
    var edition: Edition
    let inForce: Timestamp
    /// What makes a dataset special here; nil where the law knows no such list.
    let special: Condition?
    /// Ranks of the classification levels that exist here, lowest first; unclassified always does.
    let levels: [Int]
    /// The rank of each marking.
    let markings: [String: Int]
    let nationalCategories: [NationalCategory]
    let counters: [Counter]
    var rules: [Rule]
    /// The rules by kind for each flow, in the file's order, so that judging looks at no other.
    var byFlow: [Flow: FlowRules]

    /// The lowest own level that is not below a label's, else top secret. The federation has all
    /// levels.
    func level(of rank: Int, _ semantics: Semantics) -> Int {
        if country == nil, semantics > .one { return rank }
        return levels.first { $0 >= rank } ?? Classification.topSecret.rank
    }
}

/// The rules of one flow. One object, so that judging passes it on without copying it.
final class FlowRules: Hashable, Sendable {
    let prohibitions: [Rule]
    let grounds: [Rule]
    let duties: [Rule]
    let prohibitionIndex: RuleIndex
    let groundIndex: RuleIndex
    let dutyIndex: RuleIndex

    init(_ rules: [Rule]) {
        prohibitions = rules.filter { $0.kind == .prohibition }
        grounds = rules.filter { $0.kind == .ground }
        duties = rules.filter { $0.kind == .duty }
        prohibitionIndex = RuleIndex(prohibitions)
        groundIndex = RuleIndex(grounds)
        dutyIndex = RuleIndex(duties)
    }

    static func == (a: FlowRules, b: FlowRules) -> Bool {
        a.prohibitions == b.prohibitions && a.grounds == b.grounds && a.duties == b.duties
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(prohibitions)
        hasher.combine(grounds)
        hasher.combine(duties)
    }

    /// The rules of each flow; the federation's hold in all.
    static func byFlow(_ rules: [Rule]) -> [Flow: FlowRules] {
        Dictionary(
            uniqueKeysWithValues: Flow.allCases.map { flow in
                (flow, FlowRules(rules.filter { $0.flows.isEmpty || $0.flows.contains(flow) }))
            })
    }
}

/// A category of a country's own, that data may have though nobody states it.
struct NationalCategory: Hashable, Sendable {
    let name: String
    /// Its position among all countries' categories.
    let term: Int
    let alsoWhen: Condition?
}

/// A number that a node keeps over many transfers.
package struct Counter: Hashable, Sendable {
    package enum Reach: String, CaseIterable, Sendable { case anywhere, destination }

    package let name: String
    /// The fact that is added up.
    package let adds: String
    /// Which transfers count; those that may meet it count too.
    let of: Condition?
    package let to: Reach
    /// The window of time, in seconds.
    package let over: UInt64
}

/// A document that an officer may attest.
package struct DocumentDefinition: Hashable, Sendable {
    package let name: String
    package let title: String
    package let role: String
    /// How long an attestation counts, in seconds.
    package let validFor: UInt64

    /// Whether an attestation of a moment still counts at another.
    package func counts(attested: Timestamp, at decided: Timestamp) -> Bool {
        attested <= decided && decided < end(attested: attested)
    }

    /// The first moment at which an attestation does not count any more.
    package func end(attested: Timestamp) -> Timestamp { attested + Int64(clamping: validFor) }
}
