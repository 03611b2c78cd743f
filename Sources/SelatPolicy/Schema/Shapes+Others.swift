import SelatCore

// The instruments and the vocabulary.
extension Shape {
    static let agreements = Shape(
        "agreements", "the agreements",
        [
            .must("agreements", .word, "Whose agreements they are."),
            .must("edition", .number, "Grows with every published edition."),
            .must("in-force", .moment, "From this day, 00:00 UTC."),
            .must("instruments", .list(.map(.instrument)), "What the members agreed on."),
        ])

    static let instrument = Shape(
        "instrument", "an instrument",
        [
            .must("id", .word, "Its name in verdicts."),
            .must("title", .text, "Its title."),
            .must("kind", .some(.terms("safeguard")), "What it counts as."),
            .may("parties", .some(.word), "Countries, or nodes `AB/name`; two at least."),
            .may("by", .country, "Whose decision it is, where it is one-sided."),
            .may("of", .country, "Whom the decision is about."),
            .must("from", .moment, "The first day."),
            .may("until", .moment, "The first day that no longer counts."),
            .must("text", .word, "The digest of its text, `sha256:…`."),
            .must("covers", .condition, "What it covers; must certainly hold."),
            .may("territory", .some(.country), "The countries that it names."),
            .may(
                "signatures", .list(.word),
                "Asks for each party's signature of the text; as long as one is missing it does not count."
            ),
        ])

    static let vocabulary = Shape(
        "vocabulary", "the vocabulary",
        [
            .must("vocabulary", .word, "Whose vocabulary it is."),
            .must("edition", .number, "Grows with every published edition."),
            .must("in-force", .moment, "From this day, 00:00 UTC."),
            .must("roles", .names(prefixed: false, .map(.roleDefinition)), "Officers' roles."),
            .must("facts", .names(prefixed: false, .map(.fact)), "What rules may ask about."),
            .must(
                "terms", .names(prefixed: false, .names(prefixed: false, .map(.term))),
                "The values of facts, in lists."),
        ])

    static let label = Kind.keyed(Language.allCases.map(\.rawValue), .word)

    static let roleDefinition = Shape(
        "role", "a role", [.may("label", label, "Its name, by language.")])

    static let term = Shape(
        "term", "a term",
        [
            .may("under", .some(.word), "The broader terms."),
            .may("label", label, "Its name, by language."),
        ])

    static let fact = Shape(
        "fact", "a fact",
        [
            .must(
                "type", .choice(["yes-no", "number", "one-of", "ladder", "set"], of: "type"),
                "The shape of its values."),
            .may(
                "values", .some(.word),
                "The values; or `countries`, `documents`, `national-categories`."),
            .may("terms", .word, "The list of terms that are its values."),
            .must(
                "stated-by", .words(FactSource.self, of: "origin of facts"),
                "Where it comes from."),
            .may("silence", .word, "What it means that nobody states it."),
            .may("without", .word, "Its value where no data are personal."),
            .may("seen-by-relay", .flag, "Whether a header shows it."),
            .may("label", label, "Its name, by language."),
            .may("labels", .names(prefixed: false, label), "Its values' names, by language."),
        ])
}
