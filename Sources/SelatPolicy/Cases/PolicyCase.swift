package import SelatCore

/// A transfer with the verdict that it must get: one entry of a file below `Policies/tests`.
package struct PolicyCase: Sendable {
    package let name: String
    /// The file and the place in it, for messages.
    package let file: String
    package let place: Place
    /// The instruments that count as signed by all their parties.
    package let signed: Set<String>
    package let question: Question
    package let expected: Expectation

    /// What must come out. What is nil is not looked at; what is there is exact.
    package struct Expectation: Hashable, Sendable {
        package var outcome: Verdict.Outcome
        /// The ground of the file that is asked first, the source's: `SG/not-personal`.
        package var ground: String?
        package var prohibitions: [String]?
        package var builtIn: [String]?
        /// As `Obligation.summary` writes them.
        package var obligations: [String]?
        package var missing: [String]?
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

    /// What of a verdict is not as expected; empty where all is.
    package func mismatches(_ verdict: Verdict) -> [Mismatch] {
        var found: [Mismatch] = []
        func compare(_ key: String, _ expected: [String]?, _ got: [String]) {
            guard let expected, expected != got else { return }
            found.append(Mismatch(key: key, expected: expected, got: got))
        }
        compare("verdict", [expected.outcome.rawValue], [verdict.outcome.rawValue])
        compare("ground", expected.ground.map { [$0] }, Array(verdict.grounds.prefix(1)))
        compare("prohibitions", expected.prohibitions, verdict.prohibitions)
        compare("built-in", expected.builtIn, verdict.builtIn)
        compare("obligations", expected.obligations, verdict.obligations.map(\.summary))
        compare("missing", expected.missing, verdict.missing)
        return found
    }

    /// Whether a set gives what the case expects.
    package func holds(in set: PolicySet) -> Bool {
        guard let verdict = try? set.counting(signed).decide(question).verdict else { return false }
        return mismatches(verdict).isEmpty
    }
}
