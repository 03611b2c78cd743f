package import SelatCore

/// A transfer with the verdict that it must get: one entry of a file below `Policies/tests`
/// (Cases, in this module's documentation).
package struct PolicyCase: Sendable {
    package let name: String
    /// The file and the place in it, for messages.
    package let file: String
    package let place: Place
    /// The instruments that count as signed by all their parties.
    package let signed: Set<String>
    /// When an officer attested the documents that may have become too old.
    package let attested: [String: Timestamp]
    package let question: Question
    package let outcome: Verdict.Outcome
    /// What else must come out, each exactly; a part that is absent is not looked at.
    package let expected: [Part: [String]]

    /// A part of a verdict that a case may pin; the raw value is its key.
    package enum Part: String, CaseIterable, Sendable {
        /// The first ground that counts: the source's.
        case ground
        /// Every ground that counts, in the order of judgement.
        case grounds
        case prohibitions
        case builtIn = "built-in"
        case duties
        /// The rules that decided and whose source binds their country's sector.
        case byLaw = "by-law"
        /// As `Obligation.summary` writes them.
        case obligations
        case missing
        /// The instruments that count.
        case instruments
        /// What the transfer adds to the counters of its source's file.
        case counts
    }

    /// One thing that came out otherwise.
    package struct Mismatch: Hashable, Sendable {
        /// The case's key: `verdict`, `ground`, `prohibitions` …
        package let key: String
        package let expected: [String]
        package let got: [String]
    }

    /// The countries whose files it asks.
    package var countries: Set<Country> {
        question.lineage.union([question.source.country, question.destination.country])
            .union(question.relays.map(\.country))
    }

    /// What is asked of a set: with the attested documents that it still counts.
    package func question(of set: PolicySet) -> Question {
        var question = question
        for (name, moment) in attested
        where set.documents[name]?.counts(attested: moment, at: question.decided) ?? true {
            question.documents.insert(name)
        }
        return question
    }

    /// What of a verdict is not as expected; empty where all is.
    package func mismatches(_ verdict: Verdict, in set: PolicySet) -> [Mismatch] {
        var found: [Mismatch] = []
        if verdict.outcome != outcome {
            found.append(
                Mismatch(
                    key: "verdict", expected: [outcome.rawValue], got: [verdict.outcome.rawValue]))
        }
        for part in Part.allCases {
            guard let expected = expected[part] else { continue }
            let got = part == .counts ? counts(in: set) : part.values(in: verdict)
            guard expected != got else { continue }
            found.append(Mismatch(key: part.rawValue, expected: expected, got: got))
        }
        return found
    }

    /// Lines such as `VN:sensitive-citizens 40 to anywhere over 365 days`.
    private func counts(in set: PolicySet) -> [String] {
        let counted = (try? set.counting(signed).counted(question(of: set))) ?? []
        return counted.map { counted in
            let counter = counted.counter
            return "\(counter.name) \(counted.amount) \(counter.adds) to \(counter.to.rawValue)"
                + " over \(Obligation.span(counter.over))"
        }
    }

    /// Whether a set gives what the case expects.
    package func holds(in set: PolicySet) -> Bool {
        guard let verdict = try? set.counting(signed).decide(question(of: set)).verdict else {
            return false
        }
        return mismatches(verdict, in: set).isEmpty
    }
}

extension PolicyCase.Part {
    /// What a verdict has of it.
    package func values(in verdict: Verdict) -> [String] {
        switch self {
        case .ground: Array(verdict.grounds.prefix(1))
        case .grounds: verdict.grounds
        case .prohibitions: verdict.prohibitions
        case .builtIn: verdict.builtIn
        case .duties: verdict.rules { $0.kind == .duty }
        case .byLaw: verdict.rules { $0.citation?.binds == true }
        case .obligations: verdict.obligations.map(\.summary)
        case .missing: verdict.missing
        case .instruments: verdict.instruments
        // No part of the verdict: the sender's ledger needs it.
        case .counts: []
        }
    }
}

extension Verdict {
    /// The rules, `MY/breach`, whose clause is of a kind, in the order of judgement.
    fileprivate func rules(where isWanted: (Clause) -> Bool) -> [String] {
        judgements.flatMap { judgement in
            judgement.clauses.filter(isWanted).map { "\(judgement.jurisdiction)/\($0.rule)" }
        }
    }
}
