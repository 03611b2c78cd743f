import SelatCore

// Which rules matter to a question: what a rule's removal would change.
extension PolicySet {
    /// The names of all rules, `MY/breach`, in the order of files and rules.
    package var ruleNames: [String] {
        (jurisdictions.values.sorted { $0.name < $1.name } + [federation]).flatMap { file in
            file.rules.map { "\(file.name)/\($0.name)" }
        }
    }

    /// The rules without which the verdict on a question would be another one.
    package func decidingRules(_ question: Question) throws(QuestionError) -> Set<String> {
        let verdict = try decide(question).verdict
        var deciding: Set<String> = []
        for name in ruleNames where try without(name).verdictDiffers(question, verdict) {
            deciding.insert(name)
        }
        return deciding
    }

    private func verdictDiffers(
        _ question: Question, _ verdict: Verdict
    ) throws(QuestionError) -> Bool {
        do throws(QuestionError) {
            return try decide(question).verdict != verdict
        } catch .unknownGround {
            // The removed rule is the ground that the sender names.
            return true
        }
    }

    private func without(_ rule: String) -> PolicySet {
        PolicySet(
            editions: editions, warnings: warnings, documents: documents, table: table,
            jurisdictions: jurisdictions.mapValues { $0.without(rule) },
            federation: federation.without(rule), agreements: agreements,
            vocabularyInForce: vocabularyInForce, signed: signed)
    }
}

extension Jurisdiction {
    fileprivate func without(_ rule: String) -> Jurisdiction {
        let left = rules.filter { "\(name)/\($0.name)" != rule }
        guard left.count < rules.count else { return self }
        return Jurisdiction(
            name: name, path: path, country: country, edition: edition, inForce: inForce,
            special: special,
            levels: levels, markings: markings, nationalCategories: nationalCategories,
            counters: counters, rules: left, byFlow: FlowRules.byFlow(left))
    }
}
