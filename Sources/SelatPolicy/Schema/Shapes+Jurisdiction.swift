import SelatCore

// The head of a country's or the federation's file.
extension Shape {
    static let jurisdiction = Shape(
        "jurisdiction", "the file",
        [
            .must("jurisdiction", .word, "The country's code, or the federation's name."),
            .must("title", .text, "The country's name."),
            .must("edition", .number, "Grows with every published edition."),
            .must(
                "standing", .words(Standing.self, of: "standing"),
                "How far the text goes back to law; a stamp in every verdict."),
            .must("in-force", .moment, "From this day, 00:00 UTC."),
            .must("review-by", .date, "Afterwards the file is warned about and stays in force."),
            .must("sources", .names(prefixed: false, .map(.source)), "What the rules cite."),
            .may(
                "authorities", .names(prefixed: true, .map(.authority)),
                "To whom reports go."),
            .may(
                "special", .either([.choice(["none"], of: "special data"), .map(.special)]),
                "What makes a dataset special here; `none` where the law has no such list."),
            .may(
                "markings", .keyed(Classification.allCases.map(\.rawValue), .some(.word)),
                "The country's levels, each with its markings."),
            .may(
                "national-categories", .names(prefixed: true, .map(.nationalCategory)),
                "Categories of the country's own law."),
            .may(
                "documents", .names(prefixed: true, .map(.document)),
                "What officers may attest."),
            .may(
                "counters", .names(prefixed: true, .map(.counter)),
                "Numbers that a node keeps over many transfers."),
            .may(
                "groups", .names(prefixed: true, .some(.country)),
                "Names for lists of countries."),
            .must("rules", .list(.map(.rule)), "Grounds permit, prohibitions forbid, duties ask."),
        ])

    static let source = Shape(
        "source", "a source",
        [
            .must("title", .text, "The text's title."),
            .must("cite", .text, "How it is cited."),
            .must(
                "kind", .words(SourceKind.self, of: "kind of source"),
                "A ministry's own decision is a policy."),
            .may(
                "binds", .some(.words(Sector.self, of: "sector")),
                "The sectors that the text binds by law; a policy binds none."),
        ])

    static let authority = Shape(
        "authority", "an authority", [.must("title", .text, "The authority's name.")])

    static let special = Shape(
        "special", "special",
        [
            .may("categories", .some(.terms("categories")), "Any of these makes data special."),
            .may("subjects", .some(.terms("subjects")), "Any of these makes data special."),
        ])

    static let nationalCategory = Shape(
        "national-category", "a national category",
        [
            .must("title", .text, "The category's name in law."),
            .may("also-when", .condition, "Data have the category also where this holds."),
            .may("basis", .map(.basis), "Where the law says so."),
        ])

    static let document = Shape(
        "document", "a document",
        [
            .must("title", .text, "The document's name."),
            .must("attested-by", .role, "The role whose officers may attest it."),
            .must("valid-for", .duration, "How long an attestation counts."),
        ])

    static let counter = Shape(
        "counter", "a counter",
        [
            .must(
                "adds", .choice(["data-subjects", "records"], of: "number to add"),
                "What is added up."),
            .may("of", .condition, "Which transfers count."),
            .must("to", .words(Counter.Reach.self, of: "reach"), "To which destinations."),
            .must("over", .duration, "The window of time."),
        ])

    static let rule = Shape(
        "rule", "a rule",
        [
            .may("ground", .word, "The rule's name; a ground permits."),
            .may("prohibition", .word, "The rule's name; a prohibition forbids."),
            .may("duty", .word, "The rule's name; a duty asks whenever it applies."),
            .must(
                "flow", .some(.choice(Flow.allCases.map(\.rawValue) + ["any"], of: "flow")),
                "The directions it holds for; `any` in the federation's file."),
            .may("ladder", .word, "Counts only where no earlier rung of the ladder may."),
            .may("from", .moment, "The first day of the rule."),
            .may("until", .moment, "The first day that no longer counts."),
            .must("when", .condition, "`always`, or facts that all hold."),
            .may("unless", .condition, "The exception."),
            .must("basis", .map(.basis), "What the rule cites.", missing: .uncited),
            .may("exemption", .text, "The clause of the exemption relied on; needs `until`."),
            .may("obligations", .list(.map(.obligation)), "What somebody then owes."),
            .may("note", .word, "For readers."),
        ], oneOf: Rule.Kind.allCases.map(\.rawValue))

    static let basis = Shape(
        "basis", "a basis",
        [
            .must("source", .word, "A name of `sources`."),
            .must("clause", .text, "The clause."),
            .may(
                "binds", .some(.words(Sector.self, of: "sector")),
                "Narrows whom the source binds."),
        ])
}
