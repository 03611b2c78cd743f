/// The languages in which the vocabulary has wordings.
package enum Language: String, CaseIterable, Sendable {
    case en, ms, id, vi, th
}

/// What the vocabulary calls its terms, roles, facts and values, for readers; no verdict depends on
/// it.
package struct Labels: Hashable, Sendable {
    /// What a wording is of.
    package enum Subject: Hashable, Sendable {
        case term(String)
        case role(String)
        case fact(String)
        /// A listed value of a fact.
        case value(String, fact: String)
    }

    private var wordings: [Subject: [Language: String]] = [:]

    package init() {}

    /// The wording in a language, else in English, with the language that it is in.
    package func wording(
        _ subject: Subject, in language: Language
    ) -> (text: String, language: Language)? {
        let all = wordings[subject] ?? [:]
        if let text = all[language] { return (text, language) }
        return all[.en].map { ($0, .en) }
    }

    mutating func add(_ wording: [Language: String], of subject: Subject) {
        wordings[subject] = wording
    }
}
