package import SelatCore
package import SelatEnvelope
package import SelatFederation
package import SelatPolicy

/// The least that an envelope's suite must be, and by whose word (Exchange.docc, *Suites*).
package struct SuiteDebt: Hashable, Sendable {
    package let least: Suite
    package let by: String

    /// What policies and the membership list ask of the suite.
    /// - Parameter label: nil where the list asks nothing of the envelope.
    package static func owed(
        by verdicts: [Verdict], _ label: Label?, under list: MembershipList
    ) -> [SuiteDebt] {
        var debts = verdicts.flatMap(\.obligations).compactMap { obligation in
            if case .encryption(let suite) = obligation.demand {
                SuiteDebt(least: suite, by: obligation.because.joined(separator: ", "))
            } else {
                nil
            }
        }
        if let label {
            let profile = list.profile(for: label)
            if profile != .standard {
                debts.append(
                    SuiteDebt(
                        least: profile.suiteAtLeast, by: "the membership list's profile `high`"))
            }
        }
        return debts
    }
}

extension EnvelopeCore {
    /// Which duty the suite does not meet. What the list asks for counts for what was made after its issue.
    package func weakness(by verdicts: [Verdict], under list: MembershipList) -> String? {
        let debts = SuiteDebt.owed(
            by: verdicts, created >= list.issued ? label : nil, under: list)
        let unmet = debts.first { !suite.satisfies($0.least) }
        return unmet.map {
            "suite \($0.least.rawValue) or above is owed by \($0.by), this is \(suite)"
        }
    }
}
