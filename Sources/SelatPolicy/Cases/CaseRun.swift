import SelatCore

/// What came of one case.
package struct CaseResult: Sendable {
    package let example: PolicyCase
    /// Nil where the question means nothing to the set; `fault` says why.
    package let verdict: Verdict?
    package let fault: QuestionError?
    package let mismatches: [PolicyCase.Mismatch]
    /// Why the verdict is what it is, for a case that failed.
    package let reasons: [String]
    /// The rules without which the verdict would be another one.
    package let deciding: Set<String>

    package var hasFailed: Bool { verdict == nil || !mismatches.isEmpty }
}

/// One rule with the number of cases in which it decides.
package struct RuleCoverage: Hashable, Sendable {
    /// `MY/breach`
    package let rule: String
    /// The file as diagnostics show it.
    package let file: String
    package let place: Place
    package let cases: Int
}

/// All cases of a set, judged, with the rules that decide in them.
package struct CaseRun: Sendable {
    package let results: [CaseResult]
    /// Every rule of every file, in order; empty where only some of the cases were run.
    package let rules: [RuleCoverage]

    /// - Parameter filter: run only the cases whose name, or whose file's name, contains it, and
    ///   judge no rule by them.
    package init(_ cases: [PolicyCase], in set: PolicySet, filter: String? = nil) {
        let wanted = filter.map { $0.lowercased() }
        let chosen = cases.filter { example in
            guard let wanted else { return true }
            return example.name.lowercased().contains(wanted)
                || example.file.lowercased().contains(wanted)
        }
        let results = chosen.map { CaseResult($0, in: set) }
        self.results = results
        rules = filter == nil ? Self.coverage(of: set, results) : []
    }

    private static func coverage(of set: PolicySet, _ results: [CaseResult]) -> [RuleCoverage] {
        var counts: [String: Int] = [:]
        for rule in results.flatMap(\.deciding) { counts[rule, default: 0] += 1 }
        return set.files.flatMap { file in
            file.rules.map { rule in
                let name = "\(file.name)/\(rule.name)"
                return RuleCoverage(
                    rule: name, file: file.path, place: rule.place, cases: counts[name] ?? 0)
            }
        }
    }

    package var failed: [CaseResult] { results.filter(\.hasFailed) }

    /// The rules that decide in no case: nobody would notice if one of them were gone.
    package var silentRules: [RuleCoverage] { rules.filter { $0.cases == 0 } }

    /// Whether every case got its verdict, and every rule decides in one.
    package var isPassed: Bool { failed.isEmpty && silentRules.isEmpty }
}

extension CaseResult {
    fileprivate init(_ example: PolicyCase, in set: PolicySet) {
        do throws(QuestionError) {
            try self.init(judging: example, in: set.counting(example.signed))
        } catch {
            self.init(
                example: example, verdict: nil, fault: error, mismatches: [],
                reasons: [error.description], deciding: [])
        }
    }

    private init(judging example: PolicyCase, in set: PolicySet) throws(QuestionError) {
        let question = example.question(of: set)
        let verdict = try set.decide(question).verdict
        let mismatches = example.mismatches(verdict, in: set)
        let reasons = mismatches.isEmpty ? [] : try set.reasons(question)
        self.init(
            example: example, verdict: verdict, fault: nil, mismatches: mismatches,
            reasons: mismatches.isEmpty
                ? [] : verdict.summaryLines + reasons.map { "because \($0.description)" },
            deciding: try set.decidingRules(question))
    }
}
