import SelatCore

/// What can be said about the rules of a set over all questions (Analysis, *Findings*).
package enum PolicyAnalysis {
    /// All doubts: those of loading, and about rules without effect, always overridden, of the same
    /// meaning as another, contradicting another, and lists that leave out one near term; in the
    /// order of files and places.
    package static func warnings(of set: PolicySet) -> [PolicyDiagnostic] {
        let doubts = set.files.flatMap { warnings(of: Reading(set: set, file: $0), $0) }
        return PolicyLoader.sorted(set.warnings + doubts)
    }

    private static func warnings(of reading: Reading, _ file: Jurisdiction) -> [PolicyDiagnostic] {
        var found = Findings()
        for flow in FileComparison.flows(file) {
            var flowFindings = FlowFindings(reading, flow)
            flowFindings.look(into: &found)
        }
        let table = reading.set.table
        var warnings = file.rules.compactMap { rule in
            found.verdict(on: rule).map { warning(file, rule, $0.code, $0.message) }
        }
        warnings += found.contradictions.map { pair in
            warning(file, pair.rule, .contradictoryDuties, pair.message)
        }
        // A note says why.
        for rule in file.rules where !rule.hasNote {
            warnings += NearTerms(table).messages(rule).map { warning(file, rule, .nearTerms, $0) }
        }
        return warnings
    }

    private static func warning(
        _ file: Jurisdiction, _ rule: Rule, _ code: PolicyDiagnostic.Code, _ message: String
    ) -> PolicyDiagnostic {
        PolicyDiagnostic(
            file: file.path, place: rule.place, code: code, message: message, severity: .warning)
    }
}

/// What the flows of one file say about its rules.
struct Findings {
    /// What one flow says about one rule.
    enum Doubt: Hashable {
        case neverApplies
        /// Something else decides wherever it applies; the rule that does, where it is a single one.
        case overridden(by: String?)
        /// Nothing changes without it.
        case noEffect(because: String)
    }

    struct Contradiction {
        let rule: Rule
        let message: String
    }

    /// By rule: one doubt, or none, for each flow in which it stands.
    private var doubts: [String: [Doubt?]] = [:]
    private var twins: [String: [String?]] = [:]
    var contradictions: [Contradiction] = []

    mutating func add(_ doubt: Doubt?, _ rule: Rule) {
        doubts[rule.name, default: []].append(doubt)
    }

    /// - Parameter twin: an earlier rule that says the same in this flow.
    mutating func add(twin: String?, _ rule: Rule) { twins[rule.name, default: []].append(twin) }

    mutating func add(_ contradiction: Contradiction) {
        let isKnown = contradictions.contains {
            $0.rule.name == contradiction.rule.name && $0.message == contradiction.message
        }
        if !isKnown { contradictions.append(contradiction) }
    }

    /// A doubt that holds in every flow of the rule.
    func verdict(on rule: Rule) -> (code: PolicyDiagnostic.Code, message: String)? {
        let own = doubts[rule.name] ?? []
        let name = "the \(rule.kind.rawValue) `\(rule.name)`"
        if let twin = same(twins[rule.name] ?? []) {
            return (.sameMeaning, "\(name) says the same as `\(twin)`")
        }
        guard !own.isEmpty, own.allSatisfy({ $0 != nil }), let first = own.first, let doubt = first
        else { return nil }
        switch doubt {
        case .neverApplies:
            guard own.allSatisfy({ $0 == .neverApplies }) else { break }
            return (.noEffect, "\(name) can never apply: no facts meet its conditions")
        case .overridden(let other):
            let by = other.map { "`\($0)`" } ?? "another rule"
            return (.alwaysOverridden, "wherever \(name) applies, \(by) decides")
        case .noEffect(let reason): return (.noEffect, "\(name) changes nothing: \(reason)")
        }
        return (.noEffect, "\(name) changes nothing in any of its flows")
    }

    private func same(_ twins: [String?]) -> String? {
        guard let first = twins.first, let twin = first, twins.allSatisfy({ $0 == twin }) else {
            return nil
        }
        return twin
    }
}
