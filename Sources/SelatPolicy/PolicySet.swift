package import SelatCore

/// The policy files of a federation, read, checked and ready to judge.
package struct PolicySet: Sendable {
    /// Every loaded file by name: `SG`, `ASEAN`, `agreements`, `vocabulary`.
    package let editions: [String: Edition]
    /// Doubts that prevent nothing: past review dates, definitions that nobody uses.
    package let warnings: [PolicyDiagnostic]

    /// Reads a whole set; one error anywhere and nothing is loaded.
    /// - Parameters:
    ///   - files: the countries' files, the federation's, `agreements.yaml`, `vocabulary.yaml`.
    ///   - signed: ids of the instruments that every party has signed; others never count.
    ///   - now: today, for warnings about reviews.
    /// - Throws: `PolicyErrors` with every error of every file.
    package static func load(
        files: [PolicySource], signed: Set<String> = [], now: Timestamp? = nil
    ) throws(PolicyErrors) -> PolicySet {
        throw PolicyErrors(diagnostics: [])
    }

    /// The sender's decision: export, transit, import, onward, the federation and the built-in
    /// rules; `domestic` alone between nodes of one country.
    /// - Throws: `QuestionError` where the question means nothing.
    package func decide(_ question: Question) throws(QuestionError) -> Decision {
        throw .unknownFact("", nearest: nil)
    }

    /// The destination's own verdict by its own editions: import, the federation, the built-in
    /// rules. It is no decision: nothing can be sealed on its strength.
    package func decideImport(_ question: Question) throws(QuestionError) -> Verdict {
        throw .unknownFact("", nearest: nil)
    }

    /// A relay's verdict from what a header shows: transit, and the built-in rules on the label.
    package func decideTransit(_ question: Question, through: Country) throws(QuestionError)
        -> Verdict
    {
        throw .unknownFact("", nearest: nil)
    }
}
