extension Page {
    /// Who may send to whom, and why not.
    package static func matrix(
        _ matrix: PolicyMatrix, of set: PolicySet, _ texts: PolicyTexts, language: Language
    ) -> Page {
        let sentences = Sentences(set: set, texts: texts, language: language)
        var page = Page(sentences.say(.matrix).plain, language)
        page.add(matrix.facts(sentences))
        page.add(.matrix(matrix, sentences))
        page.addGlossary(sentences)
        return page
    }
}

extension PolicySet {
    /// The file or rule that a misspelt name was probably meant to be.
    package func nearest(to name: String) -> String? {
        Nearest.word(to: name, in: name.contains("/") ? ruleNames : files.map(\.name))
    }
}
