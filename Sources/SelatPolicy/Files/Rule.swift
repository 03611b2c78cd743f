import SelatCore

/// One rule of a file, resolved.
struct Rule: Hashable, Sendable {
    enum Kind: String, CaseIterable, Sendable { case ground, prohibition, duty }

    let kind: Kind
    var name: String
    /// Where the name stands in the file.
    var place: Place
    /// Empty for the federation's rules: they hold in any flow.
    let flows: Set<Flow>
    let ladder: String?
    let from: Timestamp?
    let until: Timestamp?
    let when: Condition
    let unless: Condition?
    var basis: Basis
    var exemption: String?
    let obligations: [RuleObligation]
    /// Whether the file explains it.
    var hasNote = false

    /// Whether it applies, at a moment, with the facts as its file sees them.
    func truth(_ facts: [FactState], at decided: Timestamp) -> Truth {
        if let from, decided < from { return .no }
        // A date begins at 00:00: on the day of `until` the rule is over.
        if let until, decided >= until { return .no }
        let truth = when.truth(facts)
        guard truth != .no, let unless else { return truth }
        return min(truth, !unless.truth(facts))
    }

    func causes(_ facts: [FactState], into causes: inout Set<Int>) {
        when.causes(facts, into: &causes)
        unless?.causes(facts, into: &causes)
    }
}

/// What a rule cites.
struct Basis: Hashable, Sendable {
    let title: String
    let cite: String
    let kind: SourceKind
    let clause: String
    /// The sectors that the clause binds by law.
    let binds: Set<Sector>

    func citation(for sector: Sector?, exemption: String?) -> Citation {
        Citation(
            title: title, cite: cite, kind: kind, clause: clause,
            binds: sector.map(binds.contains) ?? false, exemption: exemption)
    }
}

/// An obligation as a rule asks for it, before it is joined with others.
struct RuleObligation: Hashable, Sendable {
    let demand: Obligation.Demand
    /// Nil where the flow decides whose debt it is.
    let side: Side?
    /// For `onward-only-to`: the territory of the instruments that cover the transfer, too.
    let isWithinTerritory: Bool
}
