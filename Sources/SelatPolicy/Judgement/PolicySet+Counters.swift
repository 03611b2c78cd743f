import SelatCore

/// What one transfer adds to a counter of its source's file.
package struct Counted: Sendable {
    package let counter: Counter
    package let amount: UInt64
}

extension PolicySet {
    /// What a transfer adds to each counter of its source's file. What may count, counts.
    /// - Throws: `QuestionError` where the question means nothing.
    package func counted(_ question: Question) throws(QuestionError) -> [Counted] {
        guard let file = jurisdictions[question.source.country], !file.counters.isEmpty else {
            return []
        }
        var question = question
        // The named ground plays no part in what counts.
        question.ground = nil
        let evaluation = try Evaluation(self, question)
        let view = evaluation.view(of: file, .export)
        return file.counters.compactMap { counter in
            guard counter.of.map({ $0.truth(view) != .no }) ?? true,
                case .number(let amount) = evaluation.resolved.facts[counter.adds]?.value
            else { return nil }
            return Counted(counter: counter, amount: amount)
        }
    }
}
