import SelatCore

// Which rules matter to a question: what a rule's removal would change.
extension PolicySet {
    /// The countries' files in the order of their codes, then the federation's.
    var files: [Jurisdiction] { jurisdictions.values.sorted { $0.name < $1.name } + [federation] }

    /// The names of all rules, `MY/breach`, in the order of files and rules.
    package var ruleNames: [String] {
        files.flatMap { file in file.rules.map { "\(file.name)/\($0.name)" } }
    }

    /// The rules without which the verdict on a question would be another one.
    package func decidingRules(_ question: Question) throws(QuestionError) -> Set<String> {
        let verdict = try decide(question).verdict
        var deciding: Set<String> = []
        for (file, rule) in askedRules(question) {
            let set = without(rule, of: file)
            if try set.verdictDiffers(question, verdict) {
                deciding.insert("\(file.name)/\(rule.name)")
            }
        }
        return deciding
    }

    /// The rules that a question looks at: those of the files and flows that it asks.
    func askedRules(_ question: Question) -> [(file: Jurisdiction, rule: Rule)] {
        var asked: [(file: Jurisdiction, rule: Rule)] = []
        var seen: Set<String> = []
        func add(_ file: Jurisdiction, _ flow: Flow?) {
            for rule in file.rules where flow.map(rule.flows.contains) ?? true {
                if seen.insert("\(file.name)/\(rule.name)").inserted { asked.append((file, rule)) }
            }
        }
        for (country, flow) in Self.flows(of: question) {
            if let file = jurisdictions[country] { add(file, flow) }
        }
        add(federation, nil)
        return asked
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

    private func without(_ rule: Rule, of file: Jurisdiction) -> PolicySet {
        var set = self
        var left = file
        left.rules.removeAll { $0.name == rule.name }
        left.byFlow = FlowRules.byFlow(left.rules)
        if let country = file.country {
            set.jurisdictions[country] = left
        } else {
            set.federation = left
        }
        return set
    }
}
